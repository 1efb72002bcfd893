package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/oauth"
)

const selectSigningKeys = `
select kid, private_key, created_at
from   signing_keys
order  by created_at, kid`

// SigningKeys implements oauth.Store.
func (r Registry) SigningKeys(ctx context.Context) ([]oauth.Key, error) {
	rows, err := r.store.pool.Query(ctx, selectSigningKeys)
	if err != nil {
		return nil, wrap("list signing keys", err)
	}
	keys, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (k oauth.Key, err error) {
		err = row.Scan(&k.ID, &k.Private, &k.Created)
		k.Created = k.Created.UTC()
		return k, err
	})
	return keys, wrap("list signing keys", err)
}

const insertSigningKey = `
insert into signing_keys (kid, private_key, created_at, verify_until)
values ($1, $2, $3, $4)`

// AddSigningKey implements oauth.Store.
func (r Registry) AddSigningKey(ctx context.Context, k oauth.Key) error {
	_, err := r.store.pool.Exec(ctx, insertSigningKey, k.ID, k.Private, k.Created, k.Created)
	return wrap("add signing key", err)
}
