package authstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
)

const selectSigningKeys = `
select kid, private_key, created_at, retired_at, verify_until
from   signing_keys
order  by created_at, kid`

// SigningKeys implements oauth.Store.
func (r Store) SigningKeys(ctx context.Context) ([]oauth.Key, error) {
	keys, err := db.Collect(ctx, r.pool.Own(), db.Bound{SQL: selectSigningKeys}, func(row pgx.CollectableRow) (k oauth.Key, err error) {
		err = row.Scan(&k.ID, &k.Private, &k.Created, (*db.NullTime)(&k.Retired), &k.VerifyUntil)
		if err == nil {
			k.Private, err = r.keys.Open(KeyPlace(k.ID), k.Private)
		}
		return k, err
	})
	return keys, pgerr.Wrap("list signing keys", err)
}

var retireSigningKey = db.New(`update signing_keys set retired_at = @at where kid = @id and retired_at is null`)

var insertSigningKey = db.New(`
insert into signing_keys (kid, private_key, created_at, verify_until)
values (@id, @key, @created, @verify_until)`)

// ReplaceSigningKey implements oauth.Store.
func (r Store) ReplaceSigningKey(ctx context.Context, old string, k oauth.Key) (bool, error) {
	replaced := false
	err := r.pool.Own().InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		if old != "" {
			tag, err := retireSigningKey.With(db.Named("id", old), db.Named("at", k.Created)).Exec(ctx, tx)
			if err != nil || tag.RowsAffected() == 0 {
				return err
			}
		}
		_, err := insertSigningKey.With(
			db.Named("id", k.ID), db.Named("key", r.keys.Seal(KeyPlace(k.ID), k.Private)), db.Named("created", k.Created),
			db.Named("verify_until", k.VerifyUntil),
		).Exec(ctx, tx)
		replaced = err == nil
		return err
	})
	if pgerr.Violates(err, pgerr.UniqueViolation, "signing_keys_active") {
		return false, nil
	}
	return replaced && err == nil, pgerr.Wrap("replace signing key", err)
}

const deleteSigningKeys = `delete from signing_keys where retired_at < $1 and verify_until < $1`

// DeleteSigningKeys implements oauth.Store.
func (r Store) DeleteSigningKeys(ctx context.Context, before time.Time) error {
	_, err := r.pool.Own().Exec(ctx, deleteSigningKeys, before)
	return pgerr.Wrap("delete signing keys", err)
}

// KeyPlace is where a signing key is kept.
func KeyPlace(kid string) string { return "signing_keys.private_key/" + kid }
