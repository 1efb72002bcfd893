package directory

import (
	"context"
	"encoding/json"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
)

// Organisations is the store of the organisations themselves.
type Organisations interface {
	Clock
	// CreateOrg stores a new organisation and the first entries of its catalogue.
	CreateOrg(ctx context.Context, o org.Org, entries []Entry) error
	// RenameOrg gives an organisation the name that o has.
	RenameOrg(ctx context.Context, o org.Org) error
}

// The roles and the division that every organisation has from the start. What a
// role grants is in package oauth's words; the endpoints ask for it.
var builtIn = []Entry{
	{Kind: Role, Name: "employee", Description: "What every person may do", Detail: granting()},
	{Kind: Role, Name: "admin", Description: "May do everything", Detail: granting("*")},
	{Kind: Role, Name: "SCIM Integration", Description: "May provision users and groups", Detail: granting(
		"directory:user:add", "directory:user:edit", "directory:user:delete", "directory:user:setPassword",
		"directory:group:edit",
		"authorization:grant:add", "authorization:grant:delete",
		"routing:skill:assign", "routing:language:assign", "telephony:extension:assign",
	)},
	{Kind: Role, Name: "SCIM Reader", Description: "May read users and groups through SCIM", Detail: granting("directory:group:view")},
	{Kind: Division, Name: "Home", Description: "The division of whatever has no other"},
}

// granting is the detail of a role with the permissions.
func granting(permissions ...string) []byte {
	detail, _ := json.Marshal(map[string]any{ // strings can always be written
		"permissions":        append([]string{}, permissions...),
		"permissionPolicies": []any{},
	})
	return detail
}

// CreateOrganisation makes an organisation with its built-in roles and division.
func CreateOrganisation(ctx context.Context, store Organisations, name string, settings org.Settings) (org.Org, error) {
	if err := checkName(name); err != nil {
		return org.Org{}, err
	}
	o := org.Org{ID: org.NewID(), Name: schema.TrimName(name), Settings: settings}
	entries := make([]Entry, len(builtIn))
	for i, e := range builtIn {
		entries[i] = newEntry(store, e)
	}
	return o, store.CreateOrg(ctx, o, entries)
}

// RenameOrganisation gives an organisation another name. A name that another has, in any
// case, is a *scim.Error.
func RenameOrganisation(ctx context.Context, store Organisations, o org.Org, name string) (org.Org, error) {
	if err := checkName(name); err != nil {
		return o, err
	}
	o.Name = name
	return o, store.RenameOrg(ctx, o)
}
