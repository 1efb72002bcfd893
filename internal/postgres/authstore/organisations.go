// Package authstore keeps what is known before an organisation is, or beside its data: the
// organisations and their settings, OAuth clients, tokens, signing keys, and other issuers
// that are trusted.
//
// What a client may do, and how a token is verified, is left to package oauth.
package authstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/seal"
)

// Store is what is known before an organisation is: the organisations
// themselves, the OAuth clients that act for them, and the service's signing
// keys. Its look-ups are the only ones that do not begin with an organisation.
type Store struct {
	pool *pool.Pool
	keys *seal.Keys // of signing keys
}

// New makes the registry of a database, whose signing keys the keys seal.
func New(p *pool.Pool, keys *seal.Keys) Store { return Store{p, keys} }

// insertFirstEntries stores the catalogue that a new organisation begins with. It makes no
// entries in the log and no events.
var insertFirstEntries = db.New(`
insert into catalogue (org_id, kind, id, version, created_at, modified_at, name, name_key, description, detail)
select @org, e.kind, e.id, e.version, e.created_at, e.modified_at, e.name, e.name_key, e.description, e.detail::jsonb
from   unnest(@kinds::smallint[], @ids::uuid[], @versions::bigint[], @created::timestamptz[], @modified::timestamptz[],
              @names::text[], @name_keys::text[], @descriptions::text[], @details::text[])
       as e (kind, id, version, created_at, modified_at, name, name_key, description, detail)`)

func queueFirstEntries(b *pgx.Batch, o org.ID, entries []directory.Entry) {
	n := len(entries)
	kinds, ids, versions := make([]int16, n), make(db.IDs, n), make([]int64, n)
	created, modified := make([]time.Time, n), make([]time.Time, n)
	names, keys, descriptions, details := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for i, e := range entries {
		kinds[i], ids[i], versions[i], created[i], modified[i] = int16(e.Kind), e.ID, e.Version, e.Created, e.Modified
		names[i], keys[i], descriptions[i], details[i] = e.Name, schema.FoldName(e.Name), e.Description, string(e.Detail)
	}
	insertFirstEntries.With(db.Org(o),
		db.Named("kinds", kinds), db.Named("ids", ids), db.Named("versions", versions), db.Named("created", created), db.Named("modified", modified),
		db.Named("names", names), db.Named("name_keys", keys), db.Named("descriptions", descriptions), db.Named("details", details)).Queue(b)
}

var insertOrg = db.New(`
insert into orgs (org_id, name, name_key, default_region, removal_limit, strict, rate_limit, group_lifecycle, created_at,
                  announce_roles, hide_pagination, change_log_days, refusal_log_days, fold_version, tolerated, deleted_user_days,
                  brake_users, brake_users_least, brake_members, brake_members_least, loop_limit)
values (@org, @name, @key, @region, @removals, @strict, @rate_limit, @lifecycle, @created,
        @announce_roles, @hide_pages, @change_days, @refusal_days, @fold, coalesce(@tolerated::text[], '{}'), @deleted_days,
        @users, @users_least, @members, @members_least, @loops)`)

// settings are the arguments that insertOrg and updateOrg have in common.
func settings(o org.Org) []db.Arg {
	s := o.Settings
	return []db.Arg{
		db.Org(o.ID), db.Named("region", s.DefaultRegion), db.Named("removals", s.RemovalLimit), db.Named("strict", s.Strict),
		db.Named("rate_limit", s.RateLimit), db.Named("lifecycle", s.GroupLifecycle), db.Named("announce_roles", s.AnnounceRoles),
		db.Named("hide_pages", s.HidePagination), db.Named("change_days", s.ChangeLogDays), db.Named("refusal_days", s.RefusalLogDays),
		db.Named("tolerated", s.Tolerate), db.Named("deleted_days", s.DeletedUserDays),
		db.Named("users", s.UserBrake.Percent), db.Named("users_least", s.UserBrake.Least),
		db.Named("members", s.MemberBrake.Percent), db.Named("members_least", s.MemberBrake.Least), db.Named("loops", s.LoopLimit),
	}
}

// CreateOrg stores a new organisation and the first entries of its catalogue. A
// name that another has, whatever its case, is a *scim.Error with status 409.
func (r Store) CreateOrg(ctx context.Context, o org.Org, entries []directory.Entry) error {
	add := func(b *pgx.Batch) {
		insertOrg.With(append(settings(o),
			db.Named("name", o.Name), db.Named("key", schema.FoldName(o.Name)), db.Named("created", r.pool.Clock.Now()), db.Named("fold", schema.FoldVersion),
		)...).Queue(b)
		queueFirstEntries(b, o.ID, entries)
	}
	err := r.pool.Own().InTx(ctx, add, func(tx pgx.Tx) error {
		return r.log(ctx, tx, o.ID, provisioning.Create, provisioning.Target{Type: provisioning.Settings, Name: o.Name}, nil)
	})
	return pgerr.Wrap("create organisation", nameOfOrgTaken(o, err))
}

// nameOfOrgTaken tells that another organisation has the name, if that is what err is.
func nameOfOrgTaken(o org.Org, err error) error {
	if pgerr.Violates(err, pgerr.UniqueViolation, "orgs_name") {
		return scim.Conflict("an organisation with the name %q exists already; names are compared without regard to case", o.Name).Because(err)
	}
	return err
}

var renameOrg = db.New(`update orgs set name = @name, name_key = @key where org_id = @org`)

// RenameOrg implements directory.Organisations.
func (r Store) RenameOrg(ctx context.Context, o org.Org) error {
	err := r.pool.Of(o.ID).InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		old, err := heldOrg(ctx, tx, o.ID)
		if err != nil || old.Name == o.Name {
			return err
		}
		if _, err := renameOrg.With(db.Org(o.ID), db.Named("name", o.Name), db.Named("key", schema.FoldName(o.Name))).Exec(ctx, tx); err != nil {
			return err
		}
		changes := []provisioning.Change{{Attribute: "name", Before: old.Name, After: o.Name}}
		return r.log(ctx, tx, o.ID, provisioning.Rename, provisioning.Target{Type: provisioning.Settings, Name: old.Name}, changes)
	})
	return pgerr.Wrap("rename organisation", nameOfOrgTaken(o, err))
}

// orgColumns are what scanOrg and fieldsOf read.
const orgColumns = `o.org_id, o.name, o.default_region, o.removal_limit, o.strict, o.rate_limit, o.group_lifecycle, o.schema_version,
       o.announce_roles, o.hide_pagination, o.change_log_days, o.refusal_log_days, o.tolerated, coalesce(o.home_domain, ''), o.deleted_user_days,
       o.brake_users, o.brake_users_least, o.brake_members, o.brake_members_least, o.loop_limit`

const selectOrgs = `
select ` + orgColumns + `
from   orgs o`

// Statements about organisations, each by its own way to name them.
var (
	selectOrgByID   = db.New(selectOrgs + ` where o.org_id = @org`)
	selectOrgByName = db.New(selectOrgs + ` where o.name_key = @key`)
	selectAllOrgs   = db.New(selectOrgs + ` order by o.name_key`)
)

// Org reads an organisation with its settings, or oauth.ErrNotFound.
func (r Store) Org(ctx context.Context, id org.ID) (org.Org, error) {
	return r.oneOrg(ctx, selectOrgByID.With(db.Org(id)))
}

// OrgByName finds an organisation by its name in any case, or oauth.ErrNotFound.
func (r Store) OrgByName(ctx context.Context, name string) (org.Org, error) {
	return r.oneOrg(ctx, selectOrgByName.With(db.Named("key", schema.FoldName(name))))
}

var lockOrg = db.New(selectOrgs + ` where o.org_id = @org for no key update of o`)

var updateOrg = db.New(`
update orgs
set    default_region = @region, removal_limit = @removals, strict = @strict, rate_limit = @rate_limit, group_lifecycle = @lifecycle,
       announce_roles = @announce_roles, hide_pagination = @hide_pages, change_log_days = @change_days, refusal_log_days = @refusal_days,
       tolerated = coalesce(@tolerated::text[], '{}'), deleted_user_days = @deleted_days,
       brake_users = @users, brake_users_least = @users_least, brake_members = @members, brake_members_least = @members_least, loop_limit = @loops
where  org_id = @org`)

// LookAgain has all servers read the organisation again for the tokens that they remember,
// and so notice within a second that its settings or schemas have changed.
var LookAgain = db.New(`
insert into revocations (recorded_at, id)
select @at, c.client_id
from   oauth_clients c
where  c.org_id = @org
on     conflict do nothing`)

// endHolds forgets what brakes hold that are taken off, or put on again: they begin anew.
var endHolds = db.New(`
delete from holds h
where  h.org_id = @org and case when h.target_id = ` + db.LeastID + ` then @users::boolean else @members::boolean end`)

// heldOrg reads an organisation and locks it until the transaction ends.
func heldOrg(ctx context.Context, tx pgx.Tx, id org.ID) (org.Org, error) {
	o, err := db.CollectOne(ctx, tx, lockOrg.With(db.Org(id)), scanOrg)
	return o, noRows(err)
}

// SetOrg stores the settings of an organisation.
func (r Store) SetOrg(ctx context.Context, o org.Org) error {
	err := r.pool.Of(o.ID).InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		old, err := heldOrg(ctx, tx, o.ID)
		if err != nil {
			return err
		}
		changes := settingsOf(o).Since(settingsOf(old))
		if len(changes) == 0 {
			return nil
		}
		if _, err = updateOrg.With(settings(o)...).Exec(ctx, tx); err != nil {
			return err
		}
		users := o.Settings.UserBrake.IsOff() != old.Settings.UserBrake.IsOff()
		members := o.Settings.MemberBrake.IsOff() != old.Settings.MemberBrake.IsOff()
		if _, err = endHolds.With(db.Org(o.ID), db.Named("users", users), db.Named("members", members)).Exec(ctx, tx); err != nil {
			return err
		}
		if _, err = LookAgain.With(db.Org(o.ID), db.Named("at", r.pool.Clock.Stamp())).Exec(ctx, tx); err != nil {
			return err
		}
		return r.log(ctx, tx, o.ID, provisioning.Update, provisioning.Target{Type: provisioning.Settings, Name: old.Name}, changes)
	})
	return pgerr.Wrap("set organisation", err)
}

// ListOrgs lists all organisations by name.
func (r Store) ListOrgs(ctx context.Context) ([]org.Org, error) {
	return r.orgs(ctx, r.pool.OfNone(), "list organisations", selectAllOrgs.With())
}

func (r Store) oneOrg(ctx context.Context, read db.Bound) (org.Org, error) {
	o, err := db.CollectOne(ctx, r.pool.Own(), read, scanOrg)
	return o, pgerr.Wrap("read organisation", noRows(err))
}

func scanOrg(row pgx.CollectableRow) (o org.Org, err error) {
	err = row.Scan(fieldsOf(&o)...)
	return o, err
}

// fieldsOf are where orgColumns go.
func fieldsOf(o *org.Org) []any {
	return []any{
		(*int64)(&o.ID), &o.Name, &o.Settings.DefaultRegion, &o.Settings.RemovalLimit, &o.Settings.Strict,
		&o.Settings.RateLimit, &o.Settings.GroupLifecycle, &o.SchemaVersion,
		&o.Settings.AnnounceRoles, &o.Settings.HidePagination, &o.Settings.ChangeLogDays, &o.Settings.RefusalLogDays, &o.Settings.Tolerate, &o.HomeDomain, &o.Settings.DeletedUserDays,
		&o.Settings.UserBrake.Percent, &o.Settings.UserBrake.Least, &o.Settings.MemberBrake.Percent, &o.Settings.MemberBrake.Least, &o.Settings.LoopLimit,
	}
}

// Organisations of which the background work has something to do: statements across
// organisations.
var (
	selectUnfolded = db.New(selectOrgs + `
where  o.fold_version < @fold
order  by o.org_id`)

	selectUndivided = db.New(selectOrgs + `
where  not o.strict
and    exists (select from users u where u.org_id = o.org_id and u.division_key is null)
order  by o.org_id`)
)

// OrgsToFold lists the organisations whose names and values are folded otherwise than today.
func (r Store) OrgsToFold(ctx context.Context) ([]org.Org, error) {
	return r.orgs(ctx, r.pool.Own(), "find organisations to fold again", selectUnfolded.With(db.Named("fold", schema.FoldVersion)))
}

// OrgsWithoutDivision lists the organisations that have users without a division.
func (r Store) OrgsWithoutDivision(ctx context.Context) ([]org.Org, error) {
	return r.orgs(ctx, r.pool.Own(), "find organisations without divisions", selectUndivided.With())
}

func (r Store) orgs(ctx context.Context, q pool.Querier, doing string, read db.Bound) ([]org.Org, error) {
	orgs, err := db.Collect(ctx, q, read, scanOrg)
	return orgs, pgerr.Wrap(doing, err)
}
