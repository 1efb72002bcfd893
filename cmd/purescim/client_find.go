package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
)

// client finds a client by its id or its name in any case, whichever organisation it is of.
func (p *parts) client(ctx context.Context, given string) (oauth.Client, error) {
	id, err := uuid.Parse(given)
	if err != nil {
		orgs, err := p.registry.ListOrgs(ctx)
		if err != nil {
			return oauth.Client{}, err
		}
		return p.clientNamed(ctx, orgs, given)
	}
	client, err := p.registry.Client(ctx, id)
	if errors.Is(err, oauth.ErrNotFound) {
		return client, fmt.Errorf("client %s does not exist; 'purescim client create' makes one", given)
	}
	return client, err
}

// clientIn finds a client of an organisation; without one, of whichever it is.
func (p *parts) clientIn(ctx context.Context, name, given string) (oauth.Client, error) {
	if name == "" {
		return p.client(ctx, given)
	}
	o, err := p.orgNamed(ctx, name)
	if err != nil {
		return oauth.Client{}, err
	}
	return p.clientOf(ctx, o, given)
}

// clientOf finds a client of an organisation.
func (p *parts) clientOf(ctx context.Context, o org.Org, given string) (oauth.Client, error) {
	if id, err := uuid.Parse(given); err == nil {
		client, err := p.oauth.Client(ctx, o.ID, id)
		if errors.Is(err, oauth.ErrNotFound) {
			err = fmt.Errorf("organisation %q has no client %s", o.Name, given)
		}
		return client, err
	}
	return p.clientNamed(ctx, []org.Org{o}, given)
}

// clientNamed finds the one client of a name among those of organisations. Names are not
// unique: an id is asked for where several have it.
func (p *parts) clientNamed(ctx context.Context, orgs []org.Org, name string) (oauth.Client, error) {
	var found []oauth.Client
	var names, places []string
	for _, o := range orgs {
		clients, err := pages(func(offset, limit int) ([]oauth.Client, int, error) {
			return p.oauth.Clients(ctx, o.ID, oauth.Page{Offset: offset, Limit: limit})
		})
		if err != nil {
			return oauth.Client{}, err
		}
		for _, client := range clients {
			names = append(names, client.Name)
			if strings.EqualFold(client.Name, name) {
				found, places = append(found, client), append(places, fmt.Sprintf("%s of %s", client.ID, o.Name))
			}
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return oauth.Client{}, fmt.Errorf("no client has the id or the name %q; 'purescim client list' tells which there are%s", name, suggestion(name, names))
	default:
		how := "say --org, or "
		if len(orgs) == 1 || found[0].Org == found[1].Org && len(found) == 2 {
			how = ""
		}
		return oauth.Client{}, fmt.Errorf("%d clients have the name %q; %sname one by its id: %s", len(found), name, how, strings.Join(places, ", "))
	}
}
