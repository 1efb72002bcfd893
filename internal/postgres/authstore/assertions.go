package authstore

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/provisioning"
)

var updateClientKeys = db.New(`
update oauth_clients c
set    jwks = @keys, jwks_uri = @url, modified_at = @at
where  c.org_id = @org and c.client_id = @client
returning c.name`)

// SetClientKeys implements oauth.Store.
func (r Store) SetClientKeys(ctx context.Context, o org.ID, client uuid.UUID, k oauth.ClientKeys) error {
	err := r.pool.Of(o).InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		changed := oauth.Client{ID: client}
		if err := updateClientKeys.With(
			db.Org(o), db.Named("client", db.ID(client)), db.Named("keys", db.NullText(k.Set)), db.Named("url", db.NullText(k.URL)), db.Named("at", r.pool.Clock.Stamp()),
		).QueryRow(ctx, tx).Scan(&changed.Name); err != nil {
			return noRows(err)
		}
		return r.log(ctx, tx, o, provisioning.Update, clientTarget(changed), []provisioning.Change{{Attribute: "keys"}})
	})
	return pgerr.Wrap("set client keys", err)
}

var selectClientKeys = db.New(`
select c.jwks, c.jwks_uri
from   oauth_clients c
where  c.org_id = @org and c.client_id = @client`)

// ClientKeys implements oauth.Store.
func (r Store) ClientKeys(ctx context.Context, o org.ID, client uuid.UUID) (k oauth.ClientKeys, err error) {
	err = selectClientKeys.With(db.Org(o), db.Named("client", db.ID(client))).QueryRow(ctx, r.pool.Of(o)).Scan(&k.Set, (*db.NullText)(&k.URL))
	return k, pgerr.Wrap("read client keys", pgerr.NoRows(err, nil))
}

var deleteAssertions = db.New(`
delete from client_assertions a
where  a.org_id = @org and a.expires_at < @at`)

var insertAssertion = db.New(`
insert into client_assertions (org_id, client_id, hash, expires_at)
values (@org, @client, @hash, @until)
on     conflict (org_id, client_id, hash) do nothing`)

// UseAssertion implements oauth.Store. It commits before it returns: of two
// servers with one assertion, one is first.
func (r Store) UseAssertion(ctx context.Context, o org.ID, client uuid.UUID, hash []byte, until, at time.Time) (bool, error) {
	var added int64
	err := pgerr.Retry(ctx, func() error {
		return r.pool.Of(o).InTx(ctx, func(b *pgx.Batch) {
			insertAssertion.With(db.Org(o), db.Named("client", db.ID(client)), db.Named("hash", hash), db.Named("until", until)).Queue(b).Exec(func(tag pgconn.CommandTag) error {
				added = tag.RowsAffected()
				return nil
			})
			deleteAssertions.With(db.Org(o), db.Named("at", at)).Queue(b)
		}, func(pgx.Tx) error { return nil })
	})
	return added > 0, pgerr.Wrap("use assertion", err)
}
