package platformapi

import (
	"encoding/json"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/scim"
)

// roleDetail is what the platform keeps of a role beside its name, also in an
// entry's Detail. What a policy allows is kept as it was sent.
type roleDetail struct {
	Permissions        []string         `json:"permissions"`
	PermissionPolicies []map[string]any `json:"permissionPolicies"`
}

func readRole(b *body, whole bool) func(e *directory.Entry) {
	name, description := readText(b, "name", whole, (*body).required), readText(b, "description", whole, (*body).text)
	var sent roleDetail
	if whole || b.has("permissions") {
		sent.Permissions = list[string](b, "permissions", "a string")
	}
	if whole || b.has("permissionPolicies") {
		sent.PermissionPolicies = list[map[string]any](b, "permissionPolicies", "an object")
	}
	// Read back as Go's own numbers, beyond which no store need go.
	text, err := json.Marshal(sent)
	if err == nil {
		err = json.Unmarshal(text, &sent)
	}
	if err != nil {
		b.fail("permissionPolicies holds a number that is too large")
	}
	return func(e *directory.Entry) {
		setText(&e.Name, name)
		setText(&e.Description, description)
		e.Detail = sent.over(e.Detail)
	}
}

// over gives the detail with what was sent in place of what it holds.
func (sent roleDetail) over(detail []byte) []byte {
	both := readRoleDetail(detail)
	if sent.Permissions != nil {
		both.Permissions = sent.Permissions
	}
	if sent.PermissionPolicies != nil {
		both.PermissionPolicies = sent.PermissionPolicies
	}
	text, _ := json.Marshal(both) // it was JSON before
	return text
}

// readRoleDetail reads the detail of an entry, which may be empty.
func readRoleDetail(detail []byte) roleDetail {
	d := roleDetail{Permissions: []string{}, PermissionPolicies: []map[string]any{}}
	_ = json.Unmarshal(detail, &d) // only over writes it
	return d
}

// allowRole refuses to make a role permit what it did not and the client may not
// do itself: a client could widen a role that it carries.
func allowRole(p oauth.Principal, old, changed directory.Entry) error {
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
	roleDetail
	UserCount int    `json:"userCount"`
	Base      bool   `json:"base"`
	Default   bool   `json:"default"`
	SelfURI   string `json:"selfUri"`
}

func answerRole(e entry) any {
	a := roleAnswer{
		ID: e.ID.String(), Name: e.Name, Description: e.Description, roleDetail: readRoleDetail(e.Detail),
		UserCount: e.users, Base: e.BuiltIn(), Default: e.BuiltIn(), SelfURI: e.selfURI,
	}
	if e.BuiltIn() {
		a.DefaultRoleID = e.Name
	}
	return a
}
