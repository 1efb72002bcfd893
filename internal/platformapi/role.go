package platformapi

import (
	"encoding/json"
	"errors"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/scim"
)

func readRole(b *body, whole bool) func(e *directory.Entry) {
	name, description := readText(b, "name", whole, (*body).required), readText(b, "description", whole, (*body).text)
	var sent oauth.RoleDetail
	if whole || b.has("permissions") {
		sent.Permissions = list[string](b, "permissions", "a string")
	}
	if whole || b.has("permissionPolicies") {
		sent.Policies = readPolicies(b)
	}
	return func(e *directory.Entry) {
		setText(&e.Name, name)
		setText(&e.Description, description)
		both := oauth.ParseRoleDetail(e.Detail)
		if sent.Permissions != nil {
			both.Permissions = sent.Permissions
		}
		if sent.Policies != nil {
			both.Policies = sent.Policies
		}
		e.Detail = both.Text()
	}
}

// readPolicies gives the policies with the keys that they have in the platform; it
// is never nil. Other keys are not kept. A key in a wrong spelling is refused: it
// may be meant to limit the policy.
func readPolicies(b *body) []oauth.Policy {
	const name = "permissionPolicies"
	policies := []oauth.Policy{}
	for _, fields := range list[map[string]any](b, name, "an object") {
		one := &body{fields: fields}
		policies = append(policies, readPolicy(one))
		for key := range fields {
			if meant := oauth.MisspeltPolicyKey(key); meant != "" {
				one.fail("%q is not a key of a policy; %s is", key, meant)
			}
		}
		b.failIn(name, one)
	}
	return policies
}

func readPolicy(b *body) oauth.Policy {
	p := oauth.Policy{
		Domain: b.text("domain"), EntityName: b.text("entityName"),
		Name: b.text("policyName"), Description: b.text("policyDescription"),
		ActionSet: list[string](b, "actionSet", "a string"), AllowConditions: b.boolean("allowConditions"),
	}
	if b.has("namedResources") {
		p.NamedResources = list[string](b, "namedResources", "a string")
	}
	if condition := take[map[string]any](b, "resourceConditionNode", "an object"); condition != nil {
		// Read back with Go's own numbers, beyond which no store need go.
		text, err := json.Marshal(condition)
		if err == nil {
			err = json.Unmarshal(text, &p.Condition)
		}
		if err != nil {
			b.fail("resourceConditionNode holds a number that is too large")
		}
	}
	return p
}

// allowRole refuses to make a role permit what it did not and the client may not
// do itself: a client could widen a role that it carries. It also refuses to make it
// permit more than a role may.
func allowRole(p oauth.Principal, old, changed directory.Entry) error {
	err := oauth.ParseRoleDetail(changed.Detail).Check(oauth.ParseRoleDetail(old.Detail))
	if wrong := (*oauth.InvalidError)(nil); errors.As(err, &wrong) {
		return scim.InvalidValue("%s %s", wrong.Field, wrong.Problem)
	}
	permits := oauth.PermissionsOf(changed.Detail)
	if p.Permissions.Covers(permits) || oauth.PermissionsOf(old.Detail).Covers(permits) {
		return nil
	}
	return scim.Forbidden("permissions: the role would permit more than the client that changes it may do")
}

// roleAnswer is the platform's DomainOrganizationRole.
type roleAnswer struct {
	ID            string `json:"id"`
	Name          string `json:"name"`
	Description   string `json:"description,omitempty"`
	DefaultRoleID string `json:"defaultRoleId,omitempty"`
	oauth.RoleDetail
	UserCount int    `json:"userCount"`
	Base      bool   `json:"base"`
	Default   bool   `json:"default"`
	SelfURI   string `json:"selfUri"`
}

func answerRole(e entry) any {
	a := roleAnswer{
		ID: e.ID.String(), Name: e.Name, Description: e.Description, RoleDetail: oauth.ParseRoleDetail(e.Detail),
		UserCount: e.users, Base: e.BuiltIn(), Default: e.BuiltIn(), SelfURI: e.selfURI,
	}
	if e.BuiltIn() {
		a.DefaultRoleID = e.Name
	}
	return a
}
