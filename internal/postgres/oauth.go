package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
)

var _ oauth.Store = Registry{}

// clientColumns are what clientFields reads.
const clientColumns = `c.client_id, c.org_id, c.name, c.description, c.validity_seconds, c.state, c.roles, c.rate_limit,
       c.created_at, c.modified_at, c.secret_hash, c.previous_secret_hash, c.previous_secret_until`

const insertClient = `
insert into oauth_clients (org_id, client_id, name, description, validity_seconds, state, roles, rate_limit,
                           created_at, modified_at, secret_hash)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`

// CreateClient implements oauth.Store.
func (r Registry) CreateClient(ctx context.Context, c oauth.Client) error {
	_, err := r.store.pool.Exec(ctx, insertClient,
		int64(c.Org), uid(c.ID), c.Name, c.Description, int64(c.Validity/time.Second), string(c.State), grantsOf(c.Roles), c.RateLimit,
		c.Created, c.Modified, c.SecretHash)
	return wrap("create client", err)
}

// selectClient finds a client by its id alone: a token request names no organisation.
const selectClient = `
select ` + clientColumns + `
from   oauth_clients c
where  c.client_id = $1`

// Client implements oauth.Store.
func (r Registry) Client(ctx context.Context, id uuid.UUID) (oauth.Client, error) {
	rows, err := r.store.pool.Query(ctx, selectClient, uid(id))
	if err != nil {
		return oauth.Client{}, wrap("read client", err)
	}
	c, err := pgx.CollectExactlyOneRow(rows, scanClient)
	return c, wrap("read client", noRows(err))
}

func scanClient(row pgx.CollectableRow) (oauth.Client, error) {
	var f clientFields
	if err := row.Scan(f.columns()...); err != nil {
		return oauth.Client{}, err
	}
	return f.client()
}

// clientFields is a client as it is stored.
type clientFields struct {
	oauth.Client

	org, seconds  int64
	state         string
	roles         []byte
	previousUntil *time.Time
}

// columns are where clientColumns go.
func (f *clientFields) columns() []any {
	return []any{
		&f.ID, &f.org, &f.Name, &f.Description, &f.seconds, &f.state, &f.roles, &f.RateLimit,
		&f.Created, &f.Modified, &f.SecretHash, &f.PreviousSecretHash, &f.previousUntil,
	}
}

func (f *clientFields) client() (c oauth.Client, err error) {
	c = f.Client
	c.Org, c.Validity, c.State = org.ID(f.org), time.Duration(f.seconds)*time.Second, oauth.State(f.state)
	c.Created, c.Modified = c.Created.UTC(), c.Modified.UTC()
	if f.previousUntil != nil {
		c.PreviousSecretUntil = f.previousUntil.UTC()
	}
	var grants []grant
	if err := json.Unmarshal(f.roles, &grants); err != nil {
		return c, fmt.Errorf("read the roles of client %s: %w", c.ID, err)
	}
	for _, g := range grants {
		c.Roles = append(c.Roles, oauth.RoleGrant(g))
	}
	return c, nil
}

// grant is a role of a client as it is stored.
type grant struct {
	Role     uuid.UUID `json:"role"`
	Division string    `json:"division"`
}

func grantsOf(roles []oauth.RoleGrant) []grant {
	grants := make([]grant, len(roles))
	for i, r := range roles {
		grants[i] = grant(r)
	}
	return grants
}

// selectBearer reads a client with its organisation and its roles.
const selectBearer = `
select ` + clientColumns + `, ` + orgColumns + `,
       array(select r.detail::text
             from   catalogue r
             where  r.org_id = $1 and r.kind = 1
             and    r.id in (select (g.value->>'role')::uuid from jsonb_array_elements(c.roles) g))
from   oauth_clients c
join   orgs o on o.org_id = c.org_id
where  c.org_id = $1 and c.client_id = $2`

// Bearer implements oauth.Store.
func (r Registry) Bearer(ctx context.Context, o org.ID, client, token uuid.UUID) (oauth.Bearer, error) {
	rows, err := r.store.pool.Query(ctx, selectBearer, int64(o), uid(client))
	if err != nil {
		return oauth.Bearer{}, wrap("read bearer", err)
	}
	b, err := pgx.CollectExactlyOneRow(rows, scanBearer)
	return b, wrap("read bearer", noRows(err))
}

func scanBearer(row pgx.CollectableRow) (b oauth.Bearer, err error) {
	var f clientFields
	fields := append(f.columns(), fieldsOf(&b.Org)...)
	if err = row.Scan(append(fields, &b.Roles)...); err == nil {
		b.Client, err = f.client()
	}
	return b, err
}

const selectRoles = `
select r.id, r.name, r.detail::text
from   catalogue r
where  r.org_id = $1 and r.kind = $2
order  by r.name_key`

// Roles implements oauth.Store.
func (r Registry) Roles(ctx context.Context, o org.ID) ([]oauth.Role, error) {
	rows, err := r.store.pool.Query(ctx, selectRoles, int64(o), int16(directory.Role))
	if err != nil {
		return nil, wrap("list roles", err)
	}
	roles, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (role oauth.Role, err error) {
		var detail []byte
		err = row.Scan(&role.ID, &role.Name, &detail)
		role.Permissions = oauth.PermissionsOf(detail)
		return role, err
	})
	return roles, wrap("list roles", err)
}
