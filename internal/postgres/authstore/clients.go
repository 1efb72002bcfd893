package authstore

import (
	"context"
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

var insertClient = db.New(`
insert into oauth_clients (org_id, client_id, name, description, validity_seconds, state, roles, rate_limit,
                           modified_at, secret_hash, previous_secret_hash, previous_secret_until, provisioning_domain, created_at)
select @org, @id::uuid, @name::text, @description::text, @validity::bigint, @state::text, @roles::jsonb, @rate_limit::integer,
       @modified::timestamptz, @secret::bytea, @previous_secret::bytea, @previous_until::timestamptz, @domain::text, @created::timestamptz
where  (select count(*) from oauth_clients c where c.org_id = @org and ` + logstore.Personal + ` = @personal) < @most`)

var updateClient = db.New(`
update oauth_clients c
set    name = @name, description = @description, validity_seconds = @validity, state = @state, roles = @roles, rate_limit = @rate_limit,
       modified_at = @modified, secret_hash = @secret, previous_secret_hash = @previous_secret, previous_secret_until = @previous_until,
       provisioning_domain = @domain
where  c.org_id = @org and c.client_id = @id`)

// written are the arguments that insertClient and updateClient have in common.
func written(c oauth.Client) []db.Arg {
	return []db.Arg{
		db.Org(c.Org), db.Named("id", db.ID(c.ID)), db.Named("name", c.Name), db.Named("description", c.Description),
		db.Named("validity", int64(c.Validity/time.Second)), db.Named("state", string(c.State)), db.Named("roles", grantsOf(c.Roles)),
		db.Named("rate_limit", c.RateLimit), db.Named("modified", c.Modified), db.Named("secret", c.SecretHash),
		db.Named("previous_secret", c.PreviousSecretHash), db.Named("previous_until", db.NullTime(c.PreviousSecretUntil)),
		db.Named("domain", db.NullText(c.ProvisioningDomain)),
	}
}

// CreateClient implements oauth.Store.
func (r Store) CreateClient(ctx context.Context, c oauth.Client) error {
	err := r.pool.Of(c.Org).InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		if err := holdGrants(ctx, tx, c); err != nil {
			return err
		}
		if !c.IsPersonal() {
			if err := r.separateFromNew(ctx, tx, c.Org); err != nil {
				return err
			}
		}
		tag, err := insertClient.With(append(written(c), db.Named("created", c.Created), db.Named("personal", c.IsPersonal()), db.Named("most", oauth.MaxClients))...).Exec(ctx, tx)
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
var lockGranted = db.New(`
select e.kind, e.id
from   catalogue e
where  e.org_id = @org and (e.kind = @role and e.id = any(@roles) or e.kind = @division and e.id = any(@divisions))
for    key share`)

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
	type entry struct {
		kind directory.Kind
		id   string
	}
	found := map[entry]bool{}
	if err := lockGranted.With(
		db.Org(c.Org), db.Named("role", int16(directory.Role)), db.Named("roles", roles),
		db.Named("division", int16(directory.Division)), db.Named("divisions", divisions),
	).ReadAll(ctx, tx, func(raw [][]byte) {
		found[entry{directory.Kind(db.ReadShort(raw[0])), db.ReadID(raw[1]).String()}] = true
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
var selectClient = db.New(`
select ` + clientColumns + `
from   oauth_clients c
where  c.client_id = @id`)

// Client implements oauth.Store.
func (r Store) Client(ctx context.Context, id uuid.UUID) (c oauth.Client, err error) {
	err = pgerr.Retry(ctx, func() error {
		c, err = db.CollectOne(ctx, r.pool.Own(), selectClient.With(db.Named("id", db.ID(id))), scanClient)
		return err
	})
	return c, pgerr.Wrap("read client", noRows(err))
}

// selectClients lists those that somebody has made, and not those of people who try the API:
// they come and go with who is signed in.
var selectClients = db.New(`
select ` + clientColumns + `
from   oauth_clients c
where  c.org_id = @org and not ` + logstore.Personal + `
order  by c.client_id
offset @offset
limit  @limit`)

const countOrgClients = `select count(*) from oauth_clients c where c.org_id = $1 and not ` + logstore.Personal

// Clients implements oauth.Store.
func (r Store) Clients(ctx context.Context, o org.ID, p oauth.Page) ([]oauth.Client, int, error) {
	rows, err := selectClients.With(db.Org(o), db.Named("offset", p.Offset), db.Named("limit", p.Limit)).Query(ctx, r.pool.Of(o))
	if err != nil {
		return nil, 0, pgerr.Wrap("list clients", err)
	}
	defer rows.Close()
	var clients []oauth.Client
	left := db.NewRoom(oauth.PageBytes)
	for rows.Next() && left.Takes(lengths(rows.RawValues())) {
		c, err := scanClient(rows)
		if err != nil {
			return nil, 0, pgerr.Wrap("list clients", err)
		}
		clients = append(clients, c)
	}
	if rows.Close(); rows.Err() != nil {
		return nil, 0, pgerr.Wrap("list clients", rows.Err())
	}
	if n := len(clients); n < p.Limit && !left.IsFull() && (n > 0 || p.Offset == 0) {
		return clients, p.Offset + n, nil // those are the last
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

var lockClient = db.New(`
select ` + clientColumns + `
from   oauth_clients c
where  c.org_id = @org and c.client_id = @client
for    update`)

// UpdateClient implements oauth.Store.
func (r Store) UpdateClient(
	ctx context.Context, o org.ID, id uuid.UUID, edit func(c *oauth.Client, might oauth.Permissions) (bool, error),
) (oauth.Client, error) {
	var c oauth.Client
	err := r.pool.Of(o).InRetriedTx(ctx, func(tx pgx.Tx) error {
		var err error
		if c, err = db.CollectOne(ctx, tx, lockClient.With(db.Org(o), db.Named("client", db.ID(id))), scanClient); err != nil {
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
			if err := remember(ctx, tx, insertFormer, int64(o), id, may, r.pool.Clock.Stamp()); err != nil {
				return err
			}
		}
		if _, err := updateClient.With(written(c)...).Exec(ctx, tx); err != nil {
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

var deleteClient = db.New(`
delete from oauth_clients c
where  c.org_id = @org and c.client_id = @client
returning ` + clientColumns)

var countGood = db.New(`
select count(*)
from   access_tokens t
where  t.org_id = @org and t.client_id = @client and t.revoked_at is null and t.expires_at > @at`)

var deleteTokens = db.New(`delete from access_tokens t where t.org_id = @org and t.client_id = @client`)

var deleteHolds = db.New(`delete from holds h where h.org_id = @org and h.client_id = @client`)

var deleteTrust = db.New(`delete from trusted_issuers t where t.org_id = @org and t.client_id = @client`)

// DeleteClient implements oauth.Store. The client's accepted requests are let go
// before the transaction, which so waits for the steps under way and no more.
func (r Store) DeleteClient(ctx context.Context, o org.ID, id uuid.UUID) error {
	if err := jobstore.LetGo(ctx, r.pool.Of(o), o, id, r.pool.Clock.Stamp()); err != nil {
		return pgerr.Wrap("delete client", err)
	}
	err := r.pool.Of(o).InRetriedTx(ctx, func(tx pgx.Tx) error { return r.deleteClient(ctx, tx, o, id) })
	return pgerr.Wrap("delete client", err)
}

func (r Store) deleteClient(ctx context.Context, tx pgx.Tx, o org.ID, id uuid.UUID) error {
	gone, err := db.CollectOne(ctx, tx, deleteClient.With(db.Org(o), db.Named("client", db.ID(id))), scanClient)
	if err != nil {
		return noRows(err)
	}
	values, tokens := clientValues(gone), 0
	if err := countGood.With(db.Org(o), db.Named("client", db.ID(id)), db.Named("at", r.pool.Clock.Now())).QueryRow(ctx, tx).Scan(&tokens); err != nil {
		return err
	}
	if tokens > 0 {
		values["tokens"] = tokens
	}
	if err := r.log(ctx, tx, o, provisioning.Delete, clientTarget(gone), values.Gone()); err != nil {
		return err
	}
	for _, s := range []db.Statement{deleteTokens, deleteTrust, deleteFormer, deleteHolds} {
		if _, err := s.With(db.Org(o), db.Named("client", db.ID(id))).Exec(ctx, tx); err != nil {
			return err
		}
	}
	if err := jobstore.Cancel(ctx, tx, o, id, r.pool.Clock.Stamp()); err != nil {
		return err
	}
	return r.record(ctx, tx, id)
}

func scanClient(row pgx.CollectableRow) (oauth.Client, error) {
	var f clientFields
	err := row.Scan(f.columns()...)
	return f.client(), err
}

// clientFields is a client as it is stored.
type clientFields struct {
	oauth.Client

	seconds int64
	roles   []grant
}

// columns are where clientColumns go.
func (f *clientFields) columns() []any {
	return []any{
		&f.ID, (*int64)(&f.Org), &f.Name, &f.Description, &f.seconds, &f.State, &f.roles, &f.RateLimit,
		&f.Created, &f.Modified, &f.SecretHash, &f.PreviousSecretHash, (*db.NullTime)(&f.PreviousSecretUntil), (*db.NullText)(&f.ProvisioningDomain),
	}
}

// client is the client, when the fields have come.
func (f *clientFields) client() oauth.Client {
	c := f.Client
	c.Validity = time.Duration(f.seconds) * time.Second
	for _, g := range f.roles {
		c.Roles = append(c.Roles, oauth.RoleGrant(g))
	}
	return c
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

var selectRoles = db.New(`
select r.id, r.name, r.detail::text
from   catalogue r
where  r.org_id = @org and r.kind = @role and r.id = any(@ids)
order  by r.name_key`)

// Roles implements oauth.Store.
func (r Store) Roles(ctx context.Context, o org.ID, ids []uuid.UUID) ([]oauth.Role, error) {
	asked := selectRoles.With(db.Org(o), db.Named("role", int16(directory.Role)), db.Named("ids", db.IDs(ids)))
	roles, err := db.Collect(ctx, r.pool.Of(o), asked, func(row pgx.CollectableRow) (role oauth.Role, err error) {
		var detail []byte
		err = row.Scan(&role.ID, &role.Name, &detail)
		role.Permissions = oauth.PermissionsOf(detail)
		return role, err
	})
	return roles, pgerr.Wrap("read roles", err)
}

var selectRoleIDs = db.New(`
select r.id, r.name_key
from   catalogue r
where  r.org_id = @org and r.kind = @role and r.name_key = any(@keys)`)

// RoleIDs implements oauth.Store.
func (r Store) RoleIDs(ctx context.Context, o org.ID, names []string) ([]uuid.UUID, error) {
	keys := schema.FoldNames(names)
	found := make(map[string]uuid.UUID, len(names))
	err := selectRoleIDs.With(db.Org(o), db.Named("role", int16(directory.Role)), db.Named("keys", keys)).
		ReadAll(ctx, r.pool.Of(o), func(raw [][]byte) { found[string(raw[1])] = db.ReadID(raw[0]) })
	ids := make([]uuid.UUID, len(names))
	for i, key := range keys {
		ids[i] = found[key]
	}
	return ids, pgerr.Wrap("find roles", err)
}

func noRows(err error) error { return pgerr.NoRows(err, oauth.ErrNotFound) }
