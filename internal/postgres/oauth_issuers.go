package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
)

// insertIssuer holds the client until the issuer is stored.
const insertIssuer = `
with client as (
  select c.client_id
  from   oauth_clients c
  where  c.org_id = $1 and c.client_id = $3
  for    share
)
insert into trusted_issuers (org_id, id, client_id, issuer, audience, tenant, subject_claim, subject, keys_url, created_at)
select $1, $2, client.client_id, $4, $5, $6, $7, $8, $9, $10
from   client`

// AddIssuer implements oauth.Store.
func (r Registry) AddIssuer(ctx context.Context, t oauth.TrustedIssuer) error {
	tag, err := r.store.of(t.Org).Exec(ctx, insertIssuer, int64(t.Org), uid(t.ID), uid(t.Client),
		t.Issuer, t.Audience, t.Tenant, t.SubjectClaim, t.Subject, t.KeysURL, t.Created)
	switch {
	case violates(err, uniqueViolation, "trusted_issuers_pins"):
		return oauth.ErrIssuerKnown
	case err == nil && tag.RowsAffected() == 0:
		return oauth.ErrNotFound
	default:
		return wrap("add trusted issuer", err)
	}
}

// issuerColumns are what scanIssuer reads.
const issuerColumns = `t.org_id, t.id, t.client_id, t.issuer, t.audience, t.tenant, t.subject_claim, t.subject, t.keys_url, t.created_at`

func scanIssuer(row pgx.CollectableRow) (t oauth.TrustedIssuer, err error) {
	err = row.Scan((*int64)(&t.Org), &t.ID, &t.Client, &t.Issuer, &t.Audience, &t.Tenant, &t.SubjectClaim, &t.Subject, &t.KeysURL, &t.Created)
	t.Created = t.Created.UTC()
	return t, err
}

const selectAllIssuers = `
select ` + issuerColumns + `
from   trusted_issuers t`

// AllIssuers implements oauth.Store.
func (r Registry) AllIssuers(ctx context.Context) ([]oauth.TrustedIssuer, error) {
	return r.issuers(ctx, selectAllIssuers)
}

const selectIssuers = selectAllIssuers + `
where  t.org_id = $1
order  by t.id`

// Issuers implements oauth.Store.
func (r Registry) Issuers(ctx context.Context, o org.ID) ([]oauth.TrustedIssuer, error) {
	return r.issuers(ctx, selectIssuers, int64(o))
}

func (r Registry) issuers(ctx context.Context, sql string, args ...any) ([]oauth.TrustedIssuer, error) {
	rows, err := r.store.own().Query(ctx, sql, args...)
	if err != nil {
		return nil, wrap("list trusted issuers", err)
	}
	all, err := pgx.CollectRows(rows, scanIssuer)
	return all, wrap("list trusted issuers", err)
}

const deleteIssuer = `
delete from trusted_issuers t
where  t.org_id = $1 and t.id = $2
returning ` + issuerColumns

// RemoveIssuer implements oauth.Store.
func (r Registry) RemoveIssuer(ctx context.Context, o org.ID, id uuid.UUID) (t oauth.TrustedIssuer, err error) {
	err = r.store.of(o).inTx(ctx, nothing, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, deleteIssuer, int64(o), uid(id))
		if err != nil {
			return err
		}
		if t, err = pgx.CollectExactlyOneRow(rows, scanIssuer); err != nil {
			return noRows(err)
		}
		return r.record(ctx, tx, t.Client)
	})
	return t, wrap("remove trusted issuer", err)
}

// insertForeignToken is insertToken for a token that may be known. It tells whether
// it is now.
const insertForeignToken = `
with added as (
  insert into access_tokens (org_id, id, client_id, issued_at, expires_at, issued_to, user_id, origin)
  select $1, $2, $3, $4, $5, $6, $7, $10
  where  ` + hasRoom + `
  on     conflict (org_id, id) do nothing
  returning id
)
select exists (select from added) or exists (select from access_tokens t where t.org_id = $1 and t.id = $2)`

// AddForeignToken implements oauth.Store.
func (r Registry) AddForeignToken(ctx context.Context, t oauth.Token, limit int) error {
	m := issuing{limit: limit}
	add := func(b *pgx.Batch) {
		m.queue(b, t, r.store.clock.stamp())
		b.Queue(insertForeignToken, int64(t.Org), uid(t.ID), uid(t.Client), t.Issued, t.Expires, "", nil, r.store.clock.stamp(), m.max(), byIssuer).
			QueryRow(func(row pgx.Row) error { return row.Scan(&m.added) })
		b.Queue(deleteEnded, int64(t.Org), r.store.clock.stamp().Add(-tokensKept))
	}
	err := r.store.of(t.Org).inTx(ctx, add, func(pgx.Tx) error { return m.refusal() })
	return wrap("add token of another issuer", err)
}
