package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Registry is what is known before an organisation is: the organisations
// themselves, the OAuth clients that act for them, and the service's signing
// keys. Its look-ups are the only ones that do not begin with an organisation.
type Registry struct{ store *Store }

// Registry gives the registry of the database.
func (s *Store) Registry() Registry { return Registry{s} }

const insertOrg = `
insert into orgs (org_id, name, name_key, default_region, removal_limit, strict, rate_limit, group_lifecycle, created_at,
                  announce_roles, hide_pagination)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`

// CreateOrg stores a new organisation and the first entries of its catalogue. A
// name that another has, whatever its case, is a *scim.Error with status 409.
func (r Registry) CreateOrg(ctx context.Context, o org.Org, entries []directory.Entry) error {
	v := r.store.view(o.ID)
	add := func(b *pgx.Batch) {
		b.Queue(insertOrg, v.org, o.Name, schema.Fold(o.Name),
			o.Settings.DefaultRegion, o.Settings.RemovalLimit, o.Settings.Strict, o.Settings.RateLimit, o.Settings.GroupLifecycle, r.store.clock.now(),
			o.Settings.AnnounceRoles, o.Settings.HidePagination)
		for _, e := range entries {
			v.queueEntry(b, e)
		}
	}
	err := r.store.inTx(ctx, add, func(pgx.Tx) error { return nil })
	if violates(err, uniqueViolation, "orgs_name") {
		err = scim.Conflict("an organisation with the name %q exists already; names are compared without regard to case", o.Name).Because(err)
	}
	return wrap("create organisation", err)
}

// orgColumns are what scanOrg and fieldsOf read.
const orgColumns = `o.org_id, o.name, o.default_region, o.removal_limit, o.strict, o.rate_limit, o.group_lifecycle, o.schema_version,
       o.announce_roles, o.hide_pagination`

const selectOrgs = `
select ` + orgColumns + `
from   orgs o`

// Statements about organisations, each by its own way to name them.
const (
	selectOrgByID   = selectOrgs + ` where o.org_id = $1`
	selectOrgByName = selectOrgs + ` where o.name_key = $1`
	selectAllOrgs   = selectOrgs + ` order by o.name_key`
)

// Org reads an organisation with its settings, or oauth.ErrNotFound.
func (r Registry) Org(ctx context.Context, id org.ID) (org.Org, error) {
	return r.oneOrg(ctx, selectOrgByID, int64(id))
}

// OrgByName finds an organisation by its name in any case, or oauth.ErrNotFound.
func (r Registry) OrgByName(ctx context.Context, name string) (org.Org, error) {
	return r.oneOrg(ctx, selectOrgByName, schema.Fold(name))
}

const updateOrg = `
update orgs
set    default_region = $2, removal_limit = $3, strict = $4, rate_limit = $5, group_lifecycle = $6,
       announce_roles = $7, hide_pagination = $8
where  org_id = $1`

// SetOrg stores the settings of an organisation.
func (r Registry) SetOrg(ctx context.Context, o org.Org) error {
	_, err := r.store.of(o.ID).Exec(ctx, updateOrg, int64(o.ID),
		o.Settings.DefaultRegion, o.Settings.RemovalLimit, o.Settings.Strict, o.Settings.RateLimit, o.Settings.GroupLifecycle,
		o.Settings.AnnounceRoles, o.Settings.HidePagination)
	return wrap("set organisation", err)
}

// ListOrgs lists all organisations by name.
func (r Registry) ListOrgs(ctx context.Context) ([]org.Org, error) {
	rows, err := r.store.own().Query(ctx, selectAllOrgs)
	if err != nil {
		return nil, wrap("list organisations", err)
	}
	orgs, err := pgx.CollectRows(rows, scanOrg)
	return orgs, wrap("list organisations", err)
}

func (r Registry) oneOrg(ctx context.Context, sql string, arg any) (org.Org, error) {
	rows, err := r.store.own().Query(ctx, sql, arg)
	if err != nil {
		return org.Org{}, wrap("read organisation", err)
	}
	o, err := pgx.CollectExactlyOneRow(rows, scanOrg)
	return o, wrap("read organisation", noRows(err))
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
		&o.Settings.AnnounceRoles, &o.Settings.HidePagination,
	}
}
