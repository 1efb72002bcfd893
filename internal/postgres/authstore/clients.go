package authstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/jobstore"
	"github.com/purescim/purescim/internal/postgres/logstore"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
)

var _ oauth.Store = Store{}

// clientColumns are what clientFields reads.
const clientColumns = `c.client_id, c.org_id, c.name, c.description, c.validity_seconds, c.state, c.roles, c.rate_limit,
       c.created_at, c.modified_at, c.secret_hash, c.previous_secret_hash, c.previous_secret_until, c.provisioning_domain`

const insertClient = `
insert into oauth_clients (org_id, client_id, name, description, validity_seconds, state, roles, rate_limit,
                           modified_at, secret_hash, previous_secret_hash, previous_secret_until, provisioning_domain, created_at)
select $1, $2::uuid, $3::text, $4::text, $5::bigint, $6::text, $7::jsonb, $8::integer,
       $9::timestamptz, $10::bytea, $11::bytea, $12::timestamptz, $13::text, $14::timestamptz
where  (select count(*) from oauth_clients c where c.org_id = $1) < $15`

const updateClient = `
update oauth_clients c
set    name = $3, description = $4, validity_seconds = $5, state = $6, roles = $7, rate_limit = $8,
       modified_at = $9, secret_hash = $10, previous_secret_hash = $11, previous_secret_until = $12,
       provisioning_domain = $13
where  c.org_id = $1 and c.client_id = $2`

// written are the arguments that insertClient and updateClient have in common.
func written(c oauth.Client) []any {
	var previousUntil *time.Time
	if !c.PreviousSecretUntil.IsZero() {
		previousUntil = &c.PreviousSecretUntil
	}
	return []any{
		int64(c.Org), db.ID(c.ID), c.Name, c.Description, int64(c.Validity / time.Second), string(c.State), grantsOf(c.Roles), c.RateLimit,
		c.Modified, c.SecretHash, c.PreviousSecretHash, previousUntil, db.TextOrNull(c.ProvisioningDomain),
	}
}

// CreateClient implements oauth.Store.
func (r Store) CreateClient(ctx context.Context, c oauth.Client) error {
	err := r.pool.Of(c.Org).InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		if err := holdGrants(ctx, tx, c); err != nil {
			return err
		}
		if err := r.separateFromNew(ctx, tx, c.Org); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, insertClient, append(written(c), c.Created, oauth.MaxClients)...)
		if err == nil && tag.RowsAffected() == 0 {
			err = &oauth.InvalidError{Field: "name", Problem: fmt.Sprintf("is that of one client too many: the organisation has %d, and no more are allowed", oauth.MaxClients)}
		}
		if err != nil {
			return err
		}
		return r.log(ctx, tx, c.Org, provisioning.Create, clientTarget(c), clientValues(c).Since(nil))
	})
	return pgerr.Wrap("create client", err)
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
	var roles, divisions db.IDs
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
func (r Store) Client(ctx context.Context, id uuid.UUID) (c oauth.Client, err error) {
	err = pgerr.Retry(ctx, func() error {
		rows, err := r.pool.Own().Query(ctx, selectClient, db.ID(id))
		if err == nil {
			c, err = pgx.CollectExactlyOneRow(rows, scanClient)
		}
		return err
	})
	return c, pgerr.Wrap("read client", noRows(err))
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
func (r Store) Clients(ctx context.Context, o org.ID, p oauth.Page) ([]oauth.Client, int, error) {
	rows, err := r.pool.Of(o).Query(ctx, selectClients, int64(o), p.Offset, p.Limit)
	if err != nil {
		return nil, 0, pgerr.Wrap("list clients", err)
	}
	defer rows.Close()
	var clients []oauth.Client
	for left := db.NewRoom(oauth.PageBytes); rows.Next() && left.Takes(lengths(rows.RawValues())); {
		c, err := scanClient(rows)
		if err != nil {
			return nil, 0, pgerr.Wrap("list clients", err)
		}
		clients = append(clients, c)
	}
	if rows.Close(); rows.Err() != nil {
		return nil, 0, pgerr.Wrap("list clients", rows.Err())
	}
	var total int
	err = r.pool.Of(o).QueryRow(ctx, countOrgClients, int64(o)).Scan(&total)
	return clients, total, pgerr.Wrap("count clients", err)
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
func (r Store) UpdateClient(
	ctx context.Context, o org.ID, id uuid.UUID, edit func(c *oauth.Client, might oauth.Permissions) (bool, error),
) (oauth.Client, error) {
	var c oauth.Client
	err := r.pool.Of(o).InRetriedTx(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, lockClient, int64(o), db.ID(id))
		if err != nil {
			return err
		}
		if c, err = pgx.CollectExactlyOneRow(rows, scanClient); err != nil {
			return noRows(err)
		}
		may, might, err := grantsOfClient(ctx, tx, c, r.pool.Clock.Stamp())
		if err != nil {
			return err
		}
		old := c
		endTokens, err := edit(&c, might)
		if err != nil {
			return err
		}
		if old.Domain() != c.Domain() {
			if err := r.moveDomain(ctx, tx, old, c.Domain()); err != nil {
				return err
			}
		}
		if !slices.Equal(old.Roles, c.Roles) {
			if err := holdGrants(ctx, tx, c); err != nil {
				return err
			}
			if err := remember(ctx, tx, insertFormer, int64(o), db.ID(id), may, r.pool.Clock.Stamp()); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, updateClient, written(c)...); err != nil {
			return err
		}
		if changes := clientValues(c).Since(clientValues(old)); len(changes) > 0 {
			if err := r.log(ctx, tx, o, logstore.OperationOf("Client", changes), clientTarget(old), changes); err != nil {
				return err
			}
		}
		if !endTokens {
			return nil
		}
		return r.endAll(ctx, tx, o, id)
	})
	return c, pgerr.Wrap("update client", err)
}

const deleteClient = `delete from oauth_clients c where c.org_id = $1 and c.client_id = $2 returning c.name`

const deleteTokens = `delete from access_tokens t where t.org_id = $1 and t.client_id = $2`

const deleteTrust = `delete from trusted_issuers t where t.org_id = $1 and t.client_id = $2`

// DeleteClient implements oauth.Store. The client's accepted requests are let go
// before the transaction, which so waits for the steps under way and no more.
func (r Store) DeleteClient(ctx context.Context, o org.ID, id uuid.UUID) error {
	if err := jobstore.LetGo(ctx, r.pool.Of(o), o, id, r.pool.Clock.Stamp()); err != nil {
		return pgerr.Wrap("delete client", err)
	}
	err := r.pool.Of(o).InRetriedTx(ctx, func(tx pgx.Tx) error {
		gone := oauth.Client{ID: id}
		if err := tx.QueryRow(ctx, deleteClient, int64(o), db.ID(id)).Scan(&gone.Name); err != nil {
			return noRows(err)
		}
		if err := r.log(ctx, tx, o, provisioning.Delete, clientTarget(gone), nil); err != nil {
			return err
		}
		for _, sql := range []string{deleteTokens, deleteTrust, deleteFormer} {
			if _, err := tx.Exec(ctx, sql, int64(o), db.ID(id)); err != nil {
				return err
			}
		}
		if err := jobstore.Cancel(ctx, tx, o, id, r.pool.Clock.Stamp()); err != nil {
			return err
		}
		return r.record(ctx, tx, id)
	})
	return pgerr.Wrap("delete client", err)
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
	domain        *string
}

// columns are where clientColumns go.
func (f *clientFields) columns() []any {
	return []any{
		&f.ID, &f.org, &f.Name, &f.Description, &f.seconds, &f.state, &f.roles, &f.RateLimit,
		&f.Created, &f.Modified, &f.SecretHash, &f.PreviousSecretHash, &f.previousUntil, &f.domain,
	}
}

func (f *clientFields) client() (c oauth.Client, err error) {
	c = f.Client
	c.Org, c.Validity, c.State = org.ID(f.org), time.Duration(f.seconds)*time.Second, oauth.State(f.state)
	c.Created, c.Modified = c.Created.UTC(), c.Modified.UTC()
	c.PreviousSecretUntil = db.OrZero(f.previousUntil)
	if f.domain != nil {
		c.ProvisioningDomain = *f.domain
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

const selectRoles = `
select r.id, r.name, r.detail::text
from   catalogue r
where  r.org_id = $1 and r.kind = $2 and r.id = any($3)
order  by r.name_key`

// Roles implements oauth.Store.
func (r Store) Roles(ctx context.Context, o org.ID, ids []uuid.UUID) ([]oauth.Role, error) {
	rows, err := r.pool.Of(o).Query(ctx, selectRoles, int64(o), int16(directory.Role), db.IDs(ids))
	if err != nil {
		return nil, pgerr.Wrap("read roles", err)
	}
	roles, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (role oauth.Role, err error) {
		var detail []byte
		err = row.Scan(&role.ID, &role.Name, &detail)
		role.Permissions = oauth.PermissionsOf(detail)
		return role, err
	})
	return roles, pgerr.Wrap("read roles", err)
}

const selectRoleIDs = `
select r.id, r.name_key
from   catalogue r
where  r.org_id = $1 and r.kind = $2 and r.name_key = any($3)`

// RoleIDs implements oauth.Store.
func (r Store) RoleIDs(ctx context.Context, o org.ID, names []string) ([]uuid.UUID, error) {
	keys := schema.FoldNames(names)
	rows, err := r.pool.Of(o).Query(ctx, selectRoleIDs, int64(o), int16(directory.Role), keys)
	if err != nil {
		return nil, pgerr.Wrap("find roles", err)
	}
	found := make(map[string]uuid.UUID, len(names))
	err = db.ReadAll(rows, func(raw [][]byte) { found[string(raw[1])] = db.ReadID(raw[0]) })
	ids := make([]uuid.UUID, len(names))
	for i, key := range keys {
		ids[i] = found[key]
	}
	return ids, pgerr.Wrap("find roles", err)
}

// noRows turns pgx's word for "not found" into oauth's.
func noRows(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return oauth.ErrNotFound
	}
	return err
}
