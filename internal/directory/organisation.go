package directory

import (
	"context"

	"github.com/purescim/purescim/internal/org"
)

// Organisations is the store of the organisations themselves.
type Organisations interface {
	// CreateOrg stores a new organisation and the first entries of its catalogue.
	CreateOrg(ctx context.Context, o org.Org, entries []Entry) error
}

// The roles and the division that every organisation has from the start.
var builtIn = []Entry{
	{Kind: Role, Name: "employee", Description: "What every person may do"},
	{Kind: Role, Name: "admin", Description: "May do everything"},
	{Kind: Role, Name: "SCIM Integration", Description: "May provision users and groups"},
	{Kind: Division, Name: "Home", Description: "The division of whatever has no other"},
}

// CreateOrganisation makes an organisation with its built-in roles and division.
func CreateOrganisation(ctx context.Context, store Organisations, name string, settings org.Settings) (org.Org, error) {
	if err := checkName("name", name); err != nil {
		return org.Org{}, err
	}
	o := org.Org{ID: org.NewID(), Name: name, Settings: settings}
	entries := make([]Entry, len(builtIn))
	for i, e := range builtIn {
		entries[i] = newEntry(e)
	}
	return o, store.CreateOrg(ctx, o, entries)
}
