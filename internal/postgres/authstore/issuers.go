package authstore

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/provisioning"
)

// insertIssuer holds the client until the issuer is stored.
var insertIssuer = db.New(`
with client as (
  select c.client_id
  from   oauth_clients c
  where  c.org_id = @org and c.client_id = @client
  for    share
)
insert into trusted_issuers (org_id, id, client_id, issuer, audience, tenant, subject_claim, subject, keys_url, created_at)
select @org, @id, client.client_id, @issuer, @audience, @tenant, @subject_claim, @subject, @keys_url, @created
from   client`)

// AddIssuer implements oauth.Store.
func (r Store) AddIssuer(ctx context.Context, t oauth.TrustedIssuer) error {
	err := r.pool.Of(t.Org).InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		tag, err := insertIssuer.With(
			db.Org(t.Org), db.Named("id", db.ID(t.ID)), db.Named("client", db.ID(t.Client)), db.Named("issuer", t.Issuer),
			db.Named("audience", t.Audience), db.Named("tenant", t.Tenant), db.Named("subject_claim", t.SubjectClaim),
			db.Named("subject", t.Subject), db.Named("keys_url", t.KeysURL), db.Named("created", t.Created),
		).Exec(ctx, tx)
		switch {
		case err != nil:
			return err
		case tag.RowsAffected() == 0:
			return oauth.ErrNotFound
		}
		return r.log(ctx, tx, t.Org, provisioning.Create, issuerTarget(t), issuerValues(t).Since(nil))
	})
	if pgerr.Violates(err, pgerr.UniqueViolation, "trusted_issuers_pins") {
		return oauth.ErrIssuerKnown
	}
	return pgerr.Wrap("add trusted issuer", err)
}

func issuerTarget(t oauth.TrustedIssuer) provisioning.Target {
	return provisioning.Target{Type: provisioning.Issuer, ID: t.ID, Name: t.Issuer}
}

// issuerColumns are what scanIssuer reads.
const issuerColumns = `t.org_id, t.id, t.client_id, t.issuer, t.audience, t.tenant, t.subject_claim, t.subject, t.keys_url, t.created_at`

func scanIssuer(row pgx.CollectableRow) (t oauth.TrustedIssuer, err error) {
	err = row.Scan((*int64)(&t.Org), &t.ID, &t.Client, &t.Issuer, &t.Audience, &t.Tenant, &t.SubjectClaim, &t.Subject, &t.KeysURL, &t.Created)
	return t, err
}

const selectAllIssuers = `
select ` + issuerColumns + `
from   trusted_issuers t`

// AllIssuers implements oauth.Store.
func (r Store) AllIssuers(ctx context.Context) ([]oauth.TrustedIssuer, error) {
	return r.issuers(ctx, r.pool.Own(), db.Bound{SQL: selectAllIssuers})
}

var selectIssuers = db.New(selectAllIssuers + `
where  t.org_id = @org
order  by t.id`)

// Issuers implements oauth.Store.
func (r Store) Issuers(ctx context.Context, o org.ID) ([]oauth.TrustedIssuer, error) {
	return r.issuers(ctx, r.pool.Of(o), selectIssuers.With(db.Org(o)))
}

func (r Store) issuers(ctx context.Context, q pool.Querier, read db.Bound) ([]oauth.TrustedIssuer, error) {
	all, err := db.Collect(ctx, q, read, scanIssuer)
	return all, pgerr.Wrap("list trusted issuers", err)
}

var deleteIssuer = db.New(`
delete from trusted_issuers t
where  t.org_id = @org and t.id = @id
returning ` + issuerColumns)

// RemoveIssuer implements oauth.Store.
func (r Store) RemoveIssuer(ctx context.Context, o org.ID, id uuid.UUID) (t oauth.TrustedIssuer, err error) {
	err = r.pool.Of(o).InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		if t, err = db.CollectOne(ctx, tx, deleteIssuer.With(db.Org(o), db.Named("id", db.ID(id))), scanIssuer); err != nil {
			return noRows(err)
		}
		if err := r.log(ctx, tx, o, provisioning.Delete, issuerTarget(t), issuerValues(t).Gone()); err != nil {
			return err
		}
		return r.record(ctx, tx, t.Client)
	})
	return t, pgerr.Wrap("remove trusted issuer", err)
}

// insertForeignToken is insertToken for a token that may be known. It tells whether
// it is now.
var insertForeignToken = db.New(`
with added as (
  insert into access_tokens (org_id, id, client_id, issued_at, expires_at, issued_to, user_id, origin)
  select @org, @id, @client, @issued, @expires, @to, @user, @origin
  where  ` + hasRoom + `
  on     conflict (org_id, id) do nothing
  returning id
)
select exists (select from added) or exists (select from access_tokens t where t.org_id = @org and t.id = @id)`)

// AddForeignToken implements oauth.Store.
func (r Store) AddForeignToken(ctx context.Context, t oauth.Token, limit int) error {
	m := issuing{limit: limit}
	add := func(b *pgx.Batch) {
		m.queue(b, t, r.pool.Clock.Stamp())
		insertForeignToken.With(m.token(t, r.pool.Clock.Stamp(), byIssuer)...).Queue(b).
			QueryRow(func(row pgx.Row) error { return row.Scan(&m.added) })
		deleteEnded.With(db.Org(t.Org), db.Named("before", r.pool.Clock.Stamp().Add(-tokensKept))).Queue(b)
	}
	err := r.pool.Of(t.Org).InTx(ctx, add, func(pgx.Tx) error { return m.refusal() })
	return pgerr.Wrap("add token of another issuer", err)
}
