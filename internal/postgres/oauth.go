package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
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
                           modified_at, secret_hash, previous_secret_hash, previous_secret_until, created_at)
select $1, $2::uuid, $3::text, $4::text, $5::bigint, $6::text, $7::jsonb, $8::integer,
       $9::timestamptz, $10::bytea, $11::bytea, $12::timestamptz, $13::timestamptz
where  (select count(*) from oauth_clients c where c.org_id = $1) < $14`

const updateClient = `
update oauth_clients c
set    name = $3, description = $4, validity_seconds = $5, state = $6, roles = $7, rate_limit = $8,
       modified_at = $9, secret_hash = $10, previous_secret_hash = $11, previous_secret_until = $12
where  c.org_id = $1 and c.client_id = $2`

// written are the arguments that insertClient and updateClient have in common.
func written(c oauth.Client) []any {
	var previousUntil *time.Time
	if !c.PreviousSecretUntil.IsZero() {
		previousUntil = &c.PreviousSecretUntil
	}
	return []any{
		int64(c.Org), uid(c.ID), c.Name, c.Description, int64(c.Validity / time.Second), string(c.State), grantsOf(c.Roles), c.RateLimit,
		c.Modified, c.SecretHash, c.PreviousSecretHash, previousUntil,
	}
}

// CreateClient implements oauth.Store.
func (r Registry) CreateClient(ctx context.Context, c oauth.Client) error {
	err := r.store.of(c.Org).inTx(ctx, nothing, func(tx pgx.Tx) error {
		if err := holdGrants(ctx, tx, c); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, insertClient, append(written(c), c.Created, oauth.MaxClients)...)
		if err == nil && tag.RowsAffected() == 0 {
			err = &oauth.InvalidError{Field: "name", Problem: fmt.Sprintf("is that of one client too many: the organisation has %d, and no more are allowed", oauth.MaxClients)}
		}
		return err
	})
	return wrap("create client", err)
}

// lockGranted holds the roles and divisions that a client is granted until it is
// stored.
const lockGranted = `
select e.kind, e.id
from   catalogue e
where  e.org_id = $1 and (e.kind = $2 and e.id = any($3) or e.kind = $4 and e.id = any($5))
for    key share`

// holdGrants checks that what the client is granted exists.
func holdGrants(ctx context.Context, tx pgx.Tx, c oauth.Client) error {
	var roles, divisions uids
	for _, g := range c.Roles {
		roles = append(roles, g.Role)
		if id, err := uuid.Parse(g.Division); err == nil {
			divisions = append(divisions, id)
		}
	}
	if len(roles) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, lockGranted, int64(c.Org), int16(directory.Role), roles, int16(directory.Division), divisions)
	if err != nil {
		return err
	}
	type entry struct {
		kind directory.Kind
		id   string
	}
	found := map[entry]bool{}
	var kind int16
	var id uuid.UUID
	if _, err := pgx.ForEachRow(rows, []any{&kind, &id}, func() error {
		found[entry{directory.Kind(kind), id.String()}] = true
		return nil
	}); err != nil {
		return err
	}
	for _, g := range c.Roles {
		if !found[entry{directory.Role, g.Role.String()}] {
			return &oauth.InvalidError{Field: "roleDivisions", Problem: fmt.Sprintf("names the role %s, which the organisation does not have", g.Role)}
		}
		if g.Division != oauth.AllDivisions && !found[entry{directory.Division, g.Division}] {
			return &oauth.InvalidError{Field: "roleDivisions", Problem: fmt.Sprintf("names the division %q, which the organisation does not have", g.Division)}
		}
	}
	return nil
}

// selectClient finds a client by its id alone: a token request names no organisation.
const selectClient = `
select ` + clientColumns + `
from   oauth_clients c
where  c.client_id = $1`

// Client implements oauth.Store.
func (r Registry) Client(ctx context.Context, id uuid.UUID) (c oauth.Client, err error) {
	err = retry(ctx, func() error {
		rows, err := r.store.own().Query(ctx, selectClient, uid(id))
		if err == nil {
			c, err = pgx.CollectExactlyOneRow(rows, scanClient)
		}
		return err
	})
	return c, wrap("read client", noRows(err))
}

const selectClients = `
select ` + clientColumns + `
from   oauth_clients c
where  c.org_id = $1
order  by c.client_id
offset $2
limit  $3`

const countOrgClients = `select count(*) from oauth_clients c where c.org_id = $1`

// Clients implements oauth.Store.
func (r Registry) Clients(ctx context.Context, o org.ID, p oauth.Page) ([]oauth.Client, int, error) {
	rows, err := r.store.of(o).Query(ctx, selectClients, int64(o), p.Offset, p.Limit)
	if err != nil {
		return nil, 0, wrap("list clients", err)
	}
	defer rows.Close()
	var clients []oauth.Client
	for left := (room{left: oauth.PageBytes, limited: true}); rows.Next() && left.takes(lengths(rows.RawValues())); {
		c, err := scanClient(rows)
		if err != nil {
			return nil, 0, wrap("list clients", err)
		}
		clients = append(clients, c)
	}
	if rows.Close(); rows.Err() != nil {
		return nil, 0, wrap("list clients", rows.Err())
	}
	var total int
	err = r.store.of(o).QueryRow(ctx, countOrgClients, int64(o)).Scan(&total)
	return clients, total, wrap("count clients", err)
}

// lengths is how many bytes the columns of a row have.
func lengths(row [][]byte) (n int) {
	for _, column := range row {
		n += len(column)
	}
	return n
}

const lockClient = `
select ` + clientColumns + `
from   oauth_clients c
where  c.org_id = $1 and c.client_id = $2
for    update`

// UpdateClient implements oauth.Store.
func (r Registry) UpdateClient(
	ctx context.Context, o org.ID, id uuid.UUID, edit func(c *oauth.Client, might oauth.Permissions) (bool, error),
) (oauth.Client, error) {
	var c oauth.Client
	err := r.store.of(o).inRetriedTx(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, lockClient, int64(o), uid(id))
		if err != nil {
			return err
		}
		if c, err = pgx.CollectExactlyOneRow(rows, scanClient); err != nil {
			return noRows(err)
		}
		may, might, err := grantsOfClient(ctx, tx, c, r.store.clock.stamp())
		if err != nil {
			return err
		}
		roles := c.Roles
		endTokens, err := edit(&c, might)
		if err != nil {
			return err
		}
		if !slices.Equal(roles, c.Roles) {
			if err := holdGrants(ctx, tx, c); err != nil {
				return err
			}
			if err := remember(ctx, tx, insertFormer, int64(o), uid(id), may, r.store.clock.stamp()); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, updateClient, written(c)...); err != nil || !endTokens {
			return err
		}
		return r.endAll(ctx, tx, o, id)
	})
	return c, wrap("update client", err)
}

const deleteClient = `delete from oauth_clients c where c.org_id = $1 and c.client_id = $2`

const deleteTokens = `delete from access_tokens t where t.org_id = $1 and t.client_id = $2`

const deleteTrust = `delete from trusted_issuers t where t.org_id = $1 and t.client_id = $2`

// DeleteClient implements oauth.Store. The client's accepted requests are let go
// before the transaction, which so waits for the steps under way and no more.
func (r Registry) DeleteClient(ctx context.Context, o org.ID, id uuid.UUID) error {
	if _, err := r.store.of(o).Exec(ctx, letGo, int64(o), uid(id), r.store.clock.stamp().Add(letGoFor)); err != nil {
		return wrap("delete client", err)
	}
	err := r.store.of(o).inRetriedTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, deleteClient, int64(o), uid(id))
		if err == nil && tag.RowsAffected() == 0 {
			err = oauth.ErrNotFound
		}
		if err != nil {
			return err
		}
		for _, sql := range []string{deleteTokens, deleteTrust, deleteFormer} {
			if _, err := tx.Exec(ctx, sql, int64(o), uid(id)); err != nil {
				return err
			}
		}
		if err := cancelAll(ctx, tx, o, id, r.store.clock.stamp()); err != nil {
			return err
		}
		return r.record(ctx, tx, id)
	})
	return wrap("delete client", err)
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
	c.PreviousSecretUntil = orZero(f.previousUntil)
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

const selectRoles = `
select r.id, r.name, r.detail::text
from   catalogue r
where  r.org_id = $1 and r.kind = $2 and r.id = any($3)
order  by r.name_key`

// Roles implements oauth.Store.
func (r Registry) Roles(ctx context.Context, o org.ID, ids []uuid.UUID) ([]oauth.Role, error) {
	rows, err := r.store.of(o).Query(ctx, selectRoles, int64(o), int16(directory.Role), uids(ids))
	if err != nil {
		return nil, wrap("read roles", err)
	}
	roles, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (role oauth.Role, err error) {
		var detail []byte
		err = row.Scan(&role.ID, &role.Name, &detail)
		role.Permissions = oauth.PermissionsOf(detail)
		return role, err
	})
	return roles, wrap("read roles", err)
}

const selectRoleIDs = `
select r.id, r.name_key
from   catalogue r
where  r.org_id = $1 and r.kind = $2 and r.name_key = any($3)`

// RoleIDs implements oauth.Store.
func (r Registry) RoleIDs(ctx context.Context, o org.ID, names []string) ([]uuid.UUID, error) {
	keys := foldAll(names)
	rows, err := r.store.of(o).Query(ctx, selectRoleIDs, int64(o), int16(directory.Role), keys)
	if err != nil {
		return nil, wrap("find roles", err)
	}
	found := make(map[string]uuid.UUID, len(names))
	err = readAll(rows, func(raw [][]byte) { found[string(raw[1])] = readID(raw[0]) })
	ids := make([]uuid.UUID, len(names))
	for i, key := range keys {
		ids[i] = found[key]
	}
	return ids, wrap("find roles", err)
}
