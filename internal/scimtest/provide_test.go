package scimtest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNeededNames(t *testing.T) {
	t.Parallel()
	const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	const genesys = "urn:ietf:params:scim:schemas:extension:genesys:purecloud:2.0:User"
	operation := func(rest string) string { return `{"Operations":[{"op":"add",` + rest + `}]}` }
	division := func(names ...string) map[string][]string { return map[string][]string{divisionsPath: names} }
	roles := func(names ...string) map[string][]string { return map[string][]string{rolesPath: names} }
	for body, want := range map[string]map[string][]string{
		`{"` + enterprise + `":{"division":"North"}}`:                                    division("North"),
		`{"` + enterprise + `:division":"North"}`:                                        division("North"),
		`{"Division":{"value":"North"}}`:                                                 division("North"),
		`{"` + enterprise + `":"","division":"","roles":[]}`:                             {},
		operation(`"path":"division","value":"North"`):                                   division("North"),
		operation(`"path":"` + enterprise + `:division","value":"North"`):                division("North"),
		operation(`"path":"` + enterprise + `","value":{"division":"North"}`):            division("North"),
		operation(`"value":{"` + enterprise + `:division":"North"}`):                     division("North"),
		operation(`"path":"title","value":"North"`):                                      {},
		operation(`"path":"members[value eq \"x\"]"`):                                    {},
		`{"roles":["a",{"value":"b","display":"B"}]}`:                                    roles("a", "b"),
		operation(`"path":"roles","value":[{"value":"{\"id\":\"1\",\"value\":\"a\"}"}]`): roles("a"),
		operation(`"path":"roles","value":"[{\"value\":\"a\"}]"`):                        roles("a"),
		operation(`"path":"roles[primary eq \"True\"].value","value":"a"`):               roles("a"),
		operation(`"path":"roles[value eq \"a\"].display","value":"Shown"`):              roles("a"),
		`{"` + genesys + `":{"routingSkills":[{"name":"Billing","proficiency":3}]}}`:     {skillsPath: {"Billing"}},
		operation(`"path":"` + genesys + `:routingLanguages[name eq \"French\"].proficiency","value":4`): {
			languagesPath: {"French"},
		},
	} {
		found := needed{}
		found.inBody(decode(t, body))
		got := map[string][]string{}
		for path, names := range found {
			for name := range names {
				got[path] = append(got[path], name)
			}
		}
		if diff := cmp.Diff(want, got, sorted); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
}

var sorted = cmp.Transformer("set", func(names []string) map[string]bool {
	set := map[string]bool{}
	for _, name := range names {
		set[name] = true
	}
	return set
})
