package filter_test

import (
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

var userPaths = []struct{ text, print string }{
	{`title`, `title`},
	{` NICKname	`, `nickName`},
	{`name.GivenName`, `name.givenName`},
	{`emails`, `emails`},
	{`emails.display`, `emails.display`},
	{`id`, `id`},
	{`password`, `password`},
	{`meta.version`, `meta.version`},
	{`emails[type eq "work"]`, `emails[type eq "work"]`},
	{`emails[type eq "work"].value`, `emails[type eq "work"].value`},
	{`emails [ TYPE eq work and not (primary eq "True") ].value`, `emails[type eq "work" and not (primary eq true)].value`},
	{`emails[type eq "w]["].VALUE`, `emails[type eq "w]["].value`},
	{`emails[type ne "work"].value`, `emails[type ne "work"].value`},
	{`addresses[type eq "work"].streetAddress`, `addresses[type eq "work"].streetAddress`},
	{`roles[primary eq "True"].value`, `roles[primary eq true].value`},
	{`phoneNumbers[value eq "+1 317 572 4245"].type`, `phoneNumbers[value eq "+13175724245"].type`},
	{`manager`, enterprise + `:manager`},
	{`manager.value`, enterprise + `:manager.value`},
	{`manager[value eq "M"]`, enterprise + `:manager[value eq "M"]`},
	{`externalIds[authority eq "ringcentral"].value`, scim.GenesysUserURN + `:externalIds[authority eq "ringcentral"].value`},
	{`groups[value eq "g1"]`, `groups[value eq "g1"]`},
	{enterprise, enterprise},
	{scim.UserURN, scim.UserURN},
	{strings.ToUpper(enterprise), enterprise},
	{enterprise + `:department`, enterprise + `:department`},
	{scim.UserURN + `:name.familyName`, `name.familyName`},
	{scim.UserURN + `:emails[type eq "work"].value`, `emails[type eq "work"].value`},
	{oddURN + `:shoe-size_eu`, oddURN + `:shoe-size_eu`},
	{testURN + `:tags[Value eq "Red"]`, testURN + `:tags[value eq "red"]`},
	{testURN + `:tags[value eq "red"].value`, testURN + `:tags[value eq "red"]`},
}

func TestParsePath(t *testing.T) {
	t.Parallel()
	checkSpellings(t, userPaths, filter.ParsePath, func(a, b filter.Path) bool {
		return a.String() == b.String() && a.Leaf() == b.Leaf() && a.Extension == b.Extension
	})
}

func TestParsePathParts(t *testing.T) {
	t.Parallel()
	p, err := filter.ParsePath(schema.Group, `members[value eq "u1"].type`)
	if err != nil {
		t.Fatal(err)
	}
	if p.Extension != nil || p.Attr != schema.Members || p.Leaf() != schema.Members.SubAttribute("type") {
		t.Errorf("parts %v, %v, %v", p.Extension, p.Attr, p.Sub)
	}
	for id, want := range map[string]bool{"u1": true, "U1": false, "": false} {
		if got := filter.MatchElement(p.Filter, map[string]any{"value": id}); got != want {
			t.Errorf("the value filter matches %q: %t", id, got)
		}
	}
	p, err = filter.ParsePath(schema.Group, scim.GroupURN)
	if err != nil {
		t.Fatal(err)
	}
	if p.Extension != schema.Group.Core || p.Leaf() != nil {
		t.Errorf("bare URN: %v, %v", p.Extension, p.Leaf())
	}
}

func TestParsePathWithRegion(t *testing.T) {
	t.Parallel()
	p, err := filter.ParsePathWith(schema.User, `phoneNumbers[value eq "317-572-4245"]`, schema.Options{Region: "US"})
	if err != nil {
		t.Fatal(err)
	}
	if want := `phoneNumbers[value eq "+13175724245"]`; p.String() != want {
		t.Errorf("path %s, want %s", p, want)
	}
}

var pathRefusals = []struct {
	text   string
	kind   scim.ErrorType
	detail string
}{
	{``, scim.TypeInvalidPath, `the path is empty`},
	{`  `, scim.TypeInvalidPath, `the path is empty`},
	{`shoeSize`, scim.TypeInvalidPath, `"shoeSize" is not an attribute of User`},
	{`/title`, scim.TypeInvalidPath, `not with a slash`},
	{`title eq "x"`, scim.TypeInvalidPath, `a filter stands in brackets`},
	{`userName.first`, scim.TypeInvalidPath, `userName has no sub-attributes`},
	{`name.first`, scim.TypeInvalidPath, `"first" is not a sub-attribute of name; allowed are formatted`},
	{`name.givenName.x`, scim.TypeInvalidPath, `is not a sub-attribute of name`},
	{`urn:x:User:title`, scim.TypeInvalidPath, `"urn:x:User" is not a schema of User`},
	{enterprise + `:`, scim.TypeInvalidPath, `is not an attribute of User`},
	{`emails[0]`, scim.TypeInvalidPath, `a value cannot be chosen by its position`},
	{`emails[-1].value`, scim.TypeInvalidPath, `a value cannot be chosen by its position`},
	{`emails[type eq "work"`, scim.TypeInvalidPath, `the bracket is not closed`},
	{`emails[type eq "work]`, scim.TypeInvalidPath, `the bracket is not closed`},
	{`emails]`, scim.TypeInvalidPath, `a path is one name`},
	{`[type eq "work"]`, scim.TypeInvalidPath, `is not an attribute`},
	{`emails[type eq "work"]value`, scim.TypeInvalidPath, `emails[...] is followed by "value"`},
	{`emails[type eq "work"][0]`, scim.TypeInvalidPath, `emails[...] is followed by "[0]"`},
	{`emails[type eq "work"].`, scim.TypeInvalidPath, `"" is not a sub-attribute of emails`},
	{`emails[type eq "work"].shoe`, scim.TypeInvalidPath, `"shoe" is not a sub-attribute of emails`},
	{`emails[type eq "work"].value.x`, scim.TypeInvalidPath, `"value.x" is not a sub-attribute of emails`},
	{`emails.value[type eq "work"]`, scim.TypeInvalidPath, `brackets cannot follow emails.value, but they can follow emails`},
	{`name[givenName eq "x"].familyName`, scim.TypeInvalidPath, `name has one value only`},
	{`title[value eq "x"]`, scim.TypeInvalidPath, `title has no sub-attributes`},
	{`schemas[value eq "x"]`, scim.TypeInvalidPath, `schemas has no sub-attributes`},
	{enterprise + `[value eq "x"]`, scim.TypeInvalidPath, `is a whole schema`},
	{testURN + `:tags[0]`, scim.TypeInvalidPath, `tags[value eq "x"]`},
	{testURN + `:tags[]`, scim.TypeInvalidFilter, `a condition such as value eq "x"`},
	{testURN + `:tags[type eq "x"]`, scim.TypeInvalidFilter, `"type" is not a sub-attribute of ` + testURN + `:tags; allowed are value`},
	{testURN + `:tags[value pr].type`, scim.TypeInvalidPath, `tags has no sub-attributes`},
	{"ti\x00tle", scim.TypeInvalidPath, `NUL`},
	{"ti\xfftle", scim.TypeInvalidPath, `UTF-8`},
	{strings.Repeat("x", 4097), scim.TypeInvalidPath, `longer than the 4096 bytes`},

	{`emails[]`, scim.TypeInvalidFilter, `the brackets are empty`},
	{`emails[type like "w"]`, scim.TypeInvalidFilter, `"type" is followed by "like", which is not an operator`},
	{`emails[type eq 'w']`, scim.TypeInvalidFilter, `single quotes`},
	{`emails[type]`, scim.TypeInvalidFilter, `no operator`},
	{`emails[shoe eq "w"]`, scim.TypeInvalidFilter, `"shoe" is not a sub-attribute of emails`},
	{`emails[emails.type eq "w"]`, scim.TypeInvalidFilter, `"emails.type" is not a sub-attribute of emails`},
	{`emails[type eq "w" and value[type eq "w"]]`, scim.TypeInvalidFilter, `brackets inside brackets`},
	{`emails[primary gt true]`, scim.TypeInvalidFilter, `emails.primary cannot be compared with gt`},
	{`groups[$ref eq "x"]`, scim.TypeInvalidFilter, `use groups.value`},
	{`emails[` + strings.Repeat("(", 16) + `type pr`, scim.TypeInvalidPath, `not closed`},
	{`emails[` + strings.Repeat("(", 16) + `type pr]`, scim.TypeInvalidFilter, `deeper than the 16 levels`},
}

func TestParsePathRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range pathRefusals {
		t.Run(c.text, func(t *testing.T) {
			t.Parallel()
			_, err := filter.ParsePath(testUser, c.text)
			checkError(t, err, c.kind, c.detail)
		})
	}
}
