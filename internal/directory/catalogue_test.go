package directory

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/scim"
)

func TestRename(t *testing.T) {
	t.Parallel()
	value := func(name string, more ...any) map[string]any {
		element := map[string]any{"value": name}
		if len(more) > 0 {
			element["primary"] = more[0]
		}
		return element
	}
	skill := func(name string, level float64) map[string]any {
		return map[string]any{"name": name, "proficiency": level}
	}
	for _, test := range []struct {
		kind      Kind
		doc, want scim.Document
	}{
		{
			Role,
			scim.Document{"roles": list(value("other"), value("CLERK", true)), "title": "clerk"},
			scim.Document{"roles": list(value("other"), value("boss", true)), "title": "clerk"},
		},
		{
			Role, // two spellings become one
			scim.Document{"roles": list(value("Clerk"), value("other"), value("CLERK"))},
			scim.Document{"roles": list(value("boss"), value("other"))},
		},
		{Role, scim.Document{"roles": list(value("clerks"))}, scim.Document{"roles": list(value("clerks"))}},
		{Role, scim.Document{"title": "x"}, scim.Document{"title": "x"}},
		{
			Division,
			scim.Document{scim.EnterpriseUserURN: map[string]any{"division": "Clerk", "department": "clerk"}},
			scim.Document{scim.EnterpriseUserURN: map[string]any{"division": "boss", "department": "clerk"}},
		},
		{
			Skill,
			scim.Document{scim.GenesysUserURN: map[string]any{"routingSkills": list(skill("clerk", 2)), "routingLanguages": list(skill("clerk", 3))}},
			scim.Document{scim.GenesysUserURN: map[string]any{"routingSkills": list(skill("boss", 2)), "routingLanguages": list(skill("clerk", 3))}},
		},
		{
			Language,
			scim.Document{scim.GenesysUserURN: map[string]any{"routingSkills": list(skill("clerk", 2)), "routingLanguages": list(skill("clerk", 3))}},
			scim.Document{scim.GenesysUserURN: map[string]any{"routingSkills": list(skill("clerk", 2)), "routingLanguages": list(skill("boss", 3))}},
		},
	} {
		Respell(test.kind, test.doc, "clerk", "boss")
		if diff := cmp.Diff(test.want, test.doc); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.kind, diff)
		}
	}
}

func TestCheckName(t *testing.T) {
	t.Parallel()
	for name, fits := range map[string]bool{
		"x": true, strings.Repeat("x", maxName): true,
		"": false, " \t": false, strings.Repeat("x", maxName+1): false,
		strings.Repeat("\U0001D160", 120): false, // one note of music is three characters when it is folded
	} {
		if err := checkName(name); (err == nil) != fits {
			t.Errorf("%.20q of %d bytes: %v", name, len(name), err)
		}
	}
}

func TestEntry_SameAs(t *testing.T) {
	t.Parallel()
	e := Entry{Name: "a", Description: "b", Detail: []byte(`{"x": [1, 2], "y": {}}`), Version: 1}
	for detail, same := range map[string]bool{`{"y":{},"x":[1,2.0]}`: true, `{"x":[2,1],"y":{}}`: false, `{"x":[1,2]}`: false, ``: false} {
		other := e
		other.Detail, other.Version = []byte(detail), 2
		if other.SameAs(e) != same {
			t.Errorf("%s: the same is %v", detail, !same)
		}
	}
	renamed, described := e, e
	renamed.Name, described.Description = "A", ""
	if renamed.SameAs(e) || described.SameAs(e) {
		t.Error("another name or description is the same")
	}
}
