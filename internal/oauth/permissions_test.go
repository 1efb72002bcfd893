package oauth_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/oauth"
)

func TestPermissions_Has(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		granted []string
		has     []string
		hasNot  []string
	}{
		{nil, nil, []string{"a:b:c", "", "*"}},
		{[]string{"a:b:c"}, []string{"a:b:c"}, []string{"a:b:d", "a:b", "a:b:c:d", "A:b:c", "*", ""}},
		{[]string{"*"}, []string{"a:b:c", "a", "*", "a:*"}, nil},
		{[]string{"a:b:*"}, []string{"a:b:c", "a:b:*", "a:b:c:d"}, []string{"a:b", "a:c:c", "a:bb:c", "*", "a:*"}},
		{[]string{"a:*"}, []string{"a:b:c", "a:b", "a:b:*"}, []string{"a", "b:b", "*"}},
		{[]string{"a:*:c"}, []string{"a:b:c", "a:*:c"}, []string{"a:b:d", "a:b", "a:b:c:d"}},
		{[]string{"group_administration", "x:y:z"}, []string{"group_administration", "x:y:z"}, []string{"group"}},
	} {
		p := oauth.NewPermissions(test.granted...)
		for _, permission := range test.has {
			if !p.Has(permission) || !p.HasAny("no", permission) {
				t.Errorf("%v lacks %q", test.granted, permission)
			}
		}
		for _, permission := range test.hasNot {
			if p.Has(permission) || p.HasAny("no", permission) {
				t.Errorf("%v holds %q", test.granted, permission)
			}
		}
		if p.HasAny() {
			t.Errorf("%v holds one of none", test.granted)
		}
	}
}

func TestPermissions_Covers(t *testing.T) {
	t.Parallel()
	set := oauth.NewPermissions
	for _, test := range []struct {
		p, q oauth.Permissions
		want bool
	}{
		{set(), set(), true},
		{set(), set("a:b:c"), false},
		{set("a:b:c", "d"), set("d"), true},
		{set("a:b:*"), set("a:b:c", "a:b:*"), true},
		{set("a:b:c"), set("a:b:*"), false},
		{set("*"), set("*", "a:*"), true},
		{set("a:*"), set("*"), false},
	} {
		if got := test.p.Covers(test.q); got != test.want {
			t.Errorf("%v covers %v: %v", test.p.Names(), test.q.Names(), got)
		}
	}
}

func TestPermissionsOf(t *testing.T) {
	t.Parallel()
	for detail, want := range map[string][]string{
		``:                                     nil,
		`{}`:                                   nil,
		`null`:                                 nil,
		`{"permissions": null}`:                nil,
		`{"permissions": ["b", "a", "a", ""]}`: {"a", "b"},
		`{"permissions": "all"}`:               nil,
		`{"permissionPolicies": [{"domain": "d", "entityName": "e", "actionSet": ["x", "y"]}]}`:                                             {"d:e:x", "d:e:y"},
		`{"permissionPolicies": [{"domain": "d", "entityName": "*", "actionSet": ["*"]}], "permissions": ["p"]}`:                            {"d:*:*", "p"},
		`{"permissionPolicies": [{"domain": "d", "entityName": "e"}, {"entityName": "e", "actionSet": ["x"]}]}`:                             nil,
		`{"permissionPolicies": [{"domain": "d", "entityName": "e", "actionSet": ["x"], "resourceConditionNode": null}]}`:                   {"d:e:x"},
		`{"permissionPolicies": [{"domain": "d", "entityName": "e", "actionSet": ["x"], "resourceConditionNode": {"conjunction": "AND"}}]}`: nil,
		`{"permissionPolicies": [{"domain": 7, "entityName": "e", "actionSet": ["x"]}], "permissions": ["p"]}`:                              {"p"},
		`{"permissionPolicies": [{"domain": "d", "entityName": "e", "actionSet": ["x"], "resourceConditionNode": {}}]}`:                     nil,
		`{"permissionPolicies": [{"domain": "d", "entityName": "e", "actionSet": ["x"], "namedResources": ["r"]}]}`:                         nil,
		`{"permissionPolicies": [{"domain": "d", "entityName": "e", "actionSet": ["x"], "more": {}}]}`:                                      {"d:e:x"},
		`{"permissionPolicies": [{"domain": "d", "entityName": "e", "actionSet": [], "ACTION\u017fET": ["*"]}]}`:                            nil,
		`{"permissionPolicies": [{"domain": "d", "entityName": "e", "actionSet": ["x"], "ActionSet": ["y"]}]}`:                              nil,
		`{"permissionPolicies": [{"domain": "d", "entityName": "e", "actionSet": ["x"], "resourceconditionnode": {}}]}`:                     nil,
		`{"Permissions": ["*"], "PermissionPolicies": [{"domain": "*", "entityName": "*", "actionSet": ["*"]}]}`:                            nil,
		`{"permissions": ["p"], "permissions": ["*"]}`:                                                                                      nil,
	} {
		if diff := cmp.Diff(want, oauth.PermissionsOf([]byte(detail)).Names()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", detail, diff)
		}
	}
	both := oauth.PermissionsOf([]byte(`{"permissions": ["a"]}`), []byte(`{"permissions": ["b"]}`))
	if !slices.Equal(both.Names(), []string{"a", "b"}) {
		t.Errorf("two roles grant %v", both.Names())
	}
}

// FuzzRoleDetail reads any detail as it was sent, as it is kept, and as a store gives
// it back that sorts the keys: each grants the same.
func FuzzRoleDetail(f *testing.F) {
	f.Add([]byte(`{"permissions": ["b", "a"], "permissionPolicies": [{"domain": "d", "entityName": "e", "actionSet": ["x"]}]}`))
	f.Add([]byte(`{"permissionPolicies": [{"domain": "*", "entityName": "*", "actionSet": [], "ACTION\u017fET": ["*"]}]}`))
	f.Add([]byte(`{"permissionPolicies": [{"actionSet": ["*"], "domain": "*", "entityName": "*", "resourceConditionNode": {"n": 1e300}}, 7]}`))
	f.Add([]byte(`{"permissionPolicies": [{"domain": "d", "entityName": "e", "actionSet": ["x"], "namedResources": []}], "PERMISSIONS": ["*"]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		granted := oauth.PermissionsOf(text)
		kept := oauth.ParseRoleDetail(text).Text()
		if again := oauth.PermissionsOf(kept); !again.Equal(granted) {
			t.Errorf("%q is granted, and %q as it is kept: %s", granted.Names(), again.Names(), kept)
		}
		var all any
		if json.Unmarshal(kept, &all) != nil {
			t.Fatalf("kept is %s", kept)
		}
		sorted, _ := json.Marshal(all)
		if again := oauth.PermissionsOf(sorted); !again.Equal(granted) {
			t.Errorf("%q is granted, and %q in another order: %s", granted.Names(), again.Names(), sorted)
		}
	})
}
