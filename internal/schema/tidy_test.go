package schema_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

type (
	object = map[string]any
	list   = []any
)

func TestTidy(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ doc, want scim.Document }{
		"empty values": {
			scim.Document{"userName": "ada", "title": "", "nickName": nil, "emails": list{}, "name": object{}, "active": false},
			scim.Document{"userName": "ada", "active": false},
		},
		"empty sub-attributes": {
			scim.Document{"name": object{"givenName": "Ada", "familyName": ""}},
			scim.Document{"name": object{"givenName": "Ada"}},
		},
		"elements without value": {
			scim.Document{"emails": list{object{"type": "work"}, object{"value": "a@example.org"}, object{"value": "", "type": "home"}}},
			scim.Document{"emails": list{object{"value": "a@example.org"}}},
		},
		"no element left": {
			scim.Document{"phoneNumbers": list{object{"type": "work"}, object{}, nil}},
			scim.Document{},
		},
		"addresses have no value": {
			scim.Document{"addresses": list{object{"type": "work"}, object{"locality": ""}}},
			scim.Document{"addresses": list{object{"type": "work"}}},
		},
		"skills have no value": {
			scim.Document{scim.GenesysUserURN: object{"routingSkills": list{object{"name": "chat", "proficiency": 0.0}}}},
			scim.Document{scim.GenesysUserURN: object{"routingSkills": list{object{"name": "chat", "proficiency": 0.0}}}},
		},
		"a singular complex value may lack its value": {
			scim.Document{scim.EnterpriseUserURN: object{"manager": object{"displayName": "Grace"}}},
			scim.Document{scim.EnterpriseUserURN: object{"manager": object{"displayName": "Grace"}}},
		},
		"empty extensions": {
			scim.Document{scim.EnterpriseUserURN: object{"department": "", "manager": object{"value": ""}}, scim.GenesysUserURN: object{}},
			scim.Document{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			schema.User.Tidy(test.doc)
			if diff := cmp.Diff(test.want, test.doc); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
