package authstore

import (
	"context"
	"errors"
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

const updateClientKeys = `
update oauth_clients c
set    jwks = $3, jwks_uri = $4, modified_at = $5
where  c.org_id = $1 and c.client_id = $2
returning c.name`

// SetClientKeys implements oauth.Store.
func (r Store) SetClientKeys(ctx context.Context, o org.ID, client uuid.UUID, k oauth.ClientKeys) error {
	var set, url *string
	if k.Set != nil {
		text := string(k.Set)
		set = &text
	}
	if k.URL != "" {
		url = &k.URL
	}
	err := r.pool.Of(o).InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		changed := oauth.Client{ID: client}
		if err := tx.QueryRow(ctx, updateClientKeys, int64(o), db.ID(client), set, url, r.pool.Clock.Stamp()).Scan(&changed.Name); err != nil {
			return noRows(err)
		}
		return r.log(ctx, tx, o, provisioning.Update, clientTarget(changed), []provisioning.Change{{Attribute: "keys"}})
	})
	return pgerr.Wrap("set client keys", err)
}

const selectClientKeys = `
select c.jwks, coalesce(c.jwks_uri, '')
from   oauth_clients c
where  c.org_id = $1 and c.client_id = $2`

// ClientKeys implements oauth.Store.
func (r Store) ClientKeys(ctx context.Context, o org.ID, client uuid.UUID) (k oauth.ClientKeys, err error) {
	var set *string
	err = r.pool.Of(o).QueryRow(ctx, selectClientKeys, int64(o), db.ID(client)).Scan(&set, &k.URL)
	if errors.Is(err, pgx.ErrNoRows) {
		return oauth.ClientKeys{}, nil
	}
	if set != nil {
		k.Set = []byte(*set)
	}
	return k, pgerr.Wrap("read client keys", err)
}

const deleteAssertions = `
delete from client_assertions a
where  a.org_id = $1 and a.expires_at < $2`

const insertAssertion = `
insert into client_assertions (org_id, client_id, hash, expires_at)
values ($1, $2, $3, $4)
on     conflict (org_id, client_id, hash) do nothing`

// UseAssertion implements oauth.Store. It commits before it returns: of two
// servers with one assertion, one is first.
func (r Store) UseAssertion(ctx context.Context, o org.ID, client uuid.UUID, hash []byte, until, at time.Time) (bool, error) {
	var added int64
	err := pgerr.Retry(ctx, func() error {
		return r.pool.Of(o).InTx(ctx, func(b *pgx.Batch) {
			b.Queue(insertAssertion, int64(o), db.ID(client), hash, until).Exec(func(tag pgconn.CommandTag) error {
				added = tag.RowsAffected()
				return nil
			})
			b.Queue(deleteAssertions, int64(o), at)
		}, func(pgx.Tx) error { return nil })
	})
	return added > 0, pgerr.Wrap("use assertion", err)
}
