package platformapi_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/servertest"
)

// spellings are those that strings.EqualFold joins with a key: each letter in each
// of its other forms, in the key and in its capitals. Some stand before the key in
// one order of keys, such as Go's, and behind it in another, such as that of jsonb.
func spellings(key string) []string {
	all := []string{strings.ToUpper(key)}
	for _, base := range []string{key, strings.ToUpper(key)} {
		runes := []rune(base)
		for i, letter := range runes {
			for other := unicode.SimpleFold(letter); other != letter; other = unicode.SimpleFold(other) {
				if base == key || other > unicode.MaxASCII {
					all = append(all, string(slices.Concat(runes[:i], []rune{other}, runes[i+1:])))
				}
			}
		}
	}
	return all
}

// misspelt are objects with a key in its right spelling and another, in each order,
// where the two say something else; the last has the right one twice.
func misspelt(rest, key, right, wrong string) (objects []string) {
	for _, spelling := range append(spellings(key), strings.Replace(fmt.Sprintf("%U", key[0]), "U+", `\u`, 1)+key[1:]) {
		first, second := fmt.Sprintf("%q:%s", key, right), `"`+spelling+`":`+wrong
		objects = append(objects, "{"+rest+first+","+second+"}", "{"+rest+second+","+first+"}")
	}
	return objects
}

// widening are bodies that would permit everything to a reader for which another
// spelling of a key counts too.
func widening() (bodies []string) {
	const name = `"name":"Keeper",`
	bodies = slices.Concat(
		misspelt(name, "permissions", `["authorization:role:view"]`, `["*"]`),
		misspelt(name, "permissionPolicies", `[]`, `[{"domain":"*","entityName":"*","actionSet":["*"]}]`),
	)
	for _, policies := range [][]string{
		misspelt(`"entityName":"role","actionSet":["view"],`, "domain", `"authorization"`, `"*"`),
		misspelt(`"domain":"authorization","actionSet":["view"],`, "entityName", `"role"`, `"*"`),
		misspelt(`"domain":"*","entityName":"*",`, "actionSet", `[]`, `["*"]`),
		misspelt(`"domain":"*","entityName":"*","actionSet":["*"],`, "resourceConditionNode", `{"conjunction":"AND"}`, `null`),
		misspelt(`"domain":"*","entityName":"*","actionSet":["*"],`, "namedResources", `["a"]`, `[]`),
	} {
		for _, policy := range policies {
			bodies = append(bodies, "{"+name+`"permissionPolicies":[`+policy+`]}`)
		}
	}
	return bodies
}

// TestRoles_NoSpellingGrantsMore has clients that may change roles and little else
// send keys in all spellings that a reader without regard to case takes for one.
func TestRoles_NoSpellingGrantsMore(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	const path = "/api/v2/authorization/roles"
	allowed := map[string]oauth.Permissions{}
	may := func(name string, permissions ...string) *servertest.Org {
		o.Do(t, http.MethodPost, path, map[string]any{"name": name, "permissions": permissions}).Want(t, http.StatusOK)
		allowed[name] = oauth.NewPermissions(permissions...)
		return o.As(t, name)
	}
	keeper := may("Keeper", "authorization:role:view", "authorization:role:edit")
	maker := may("Maker", "authorization:role:view", "authorization:role:add")
	one := list(t, o, path+"?name=Keeper").Entities[0]["selfUri"].(string)
	for i, body := range widening() {
		_, _ = keeper.Do(t, http.MethodPut, one, body), keeper.Do(t, http.MethodPatch, one, body)
		made := fmt.Sprint("Made", i)
		allowed[made] = allowed["Maker"]
		maker.Do(t, http.MethodPost, path, strings.Replace(body, "Keeper", made, 1))
		if i%20 > 0 && i+1 < len(widening()) {
			continue // what was granted is looked for now and then: it stays
		}
		names := slices.Collect(maps.Keys(allowed))
		ids, err := server.Store.Registry().RoleIDs(t.Context(), o.ID, names)
		if err != nil {
			t.Fatal(err)
		}
		roles, err := server.Store.Registry().Roles(t.Context(), o.ID, ids)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range roles {
			if may, ours := allowed[r.Name]; ours && !may.Covers(r.Permissions) {
				t.Fatalf("%s grants %q after %s", r.Name, r.Permissions.Names(), body)
			}
		}
	}
	o.As(t, "Keeper").Do(t, http.MethodPost, path, map[string]any{"name": "Own"}).Want(t, http.StatusForbidden)
}

// TestRoles_MisspeltLimitIsRefused shows that a limit of a policy is not lost for
// the way it is written, and that only known keys are kept.
func TestRoles_MisspeltLimitIsRefused(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	body := func(policy string) string { return `{"name":"x","permissionPolicies":[` + policy + `]}` }
	for _, key := range []string{"resourceconditionnode", "NamedResources", "namedRe\u017fources"} {
		text := refused(t, o.Do(t, "POST", roles, body(`{"domain":"oauth","entityName":"client","actionSet":["view"],"`+key+`":null}`)), 400, "invalid.value")
		if !strings.Contains(text, key) {
			t.Errorf("%s: %s", key, text)
		}
	}
	made := o.Do(t, "POST", roles, body(`{"domain":"oauth","entityName":"client","actionSet":["view"],"limit":7,"policyName":"p","resourceConditionNode":{}}`)).Want(t, 200)
	var answer struct {
		Policies json.RawMessage `json:"permissionPolicies"`
	}
	made.Decode(t, &answer)
	if want := `[{"domain":"oauth","entityName":"client","policyName":"p","actionSet":["view"],"resourceConditionNode":{}}]`; string(answer.Policies) != want {
		t.Errorf("%s\nwant %s", answer.Policies, want)
	}
}
