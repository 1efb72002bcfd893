package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
)

// orgNamed finds an organisation by its name.
func (p *parts) orgNamed(ctx context.Context, name string) (org.Org, error) {
	o, err := p.registry.OrgByName(ctx, name)
	if !errors.Is(err, oauth.ErrNotFound) {
		return o, err
	}
	orgs, err := p.registry.ListOrgs(ctx)
	names := make([]string, len(orgs))
	for i, o := range orgs {
		names[i] = o.Name
	}
	return o, errors.Join(fmt.Errorf("organisation %q: there is none of this name; 'purescim org create' makes one%s", name, suggestion(name, names)), err)
}

// suggestion is what a misspelt name may mean, or nothing.
func suggestion(name string, names []string) string {
	near := schema.Near(name, names)
	if len(near) == 0 {
		return ""
	}
	for i, other := range near {
		near[i] = strconv.Quote(other)
	}
	return "; did you mean " + strings.Join(near, " or ") + "?"
}

// onlyOrg is the organisation of a command that names none: the only one there is.
func (p *parts) onlyOrg(ctx context.Context) (org.Org, error) {
	orgs, err := p.registry.ListOrgs(ctx)
	switch {
	case err != nil:
		return org.Org{}, err
	case len(orgs) == 1:
		return orgs[0], nil
	case len(orgs) == 0:
		return org.Org{}, errors.New("there is no organisation; 'purescim org create NAME' makes one")
	}
	const named = 5
	names := make([]string, min(named, len(orgs)))
	for i := range names {
		names[i] = strconv.Quote(orgs[i].Name)
	}
	text := strings.Join(names, ", ")
	if more := len(orgs) - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return org.Org{}, fmt.Errorf("which organisation? Name one with --org; there are %s", text)
}
