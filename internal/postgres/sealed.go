package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/accountstore"
	"github.com/purescim/purescim/internal/postgres/authstore"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/eventstore"
	"github.com/purescim/purescim/internal/postgres/importstore"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/seal"
)

// sealable is one value that is sealed, if there are keys.
type sealable struct {
	place  string
	kept   []byte
	update func(b *pgx.Batch, value []byte)
}

const (
	selectSecrets         = `select name, secret from secrets order by name`
	selectPrivateKeys     = `select kid, private_key from signing_keys order by kid`
	selectCredentials     = `select s.org_id, s.endpoint, s.credential from event_streams s where s.credential <> '' order by s.org_id`
	selectProviderSecrets = `select p.id, p.secret from console_providers p order by p.id`
	holdingRows           = ` for update`
)

var (
	updateSecret         = db.New(`update secrets set secret = @value where name = @name`)
	updatePrivateKey     = db.New(`update signing_keys set private_key = @value where kid = @name`)
	updateProviderSecret = db.New(`update console_providers p set secret = @secret where p.id = @id`)
	updateCredential     = db.New(`update event_streams set credential = @credential where org_id = @org`)
)

// sealables reads all of them, and holds their rows if it is told to.
func (s *Store) sealables(ctx context.Context, tx pgx.Tx, hold string) (all []sealable, err error) {
	for _, kind := range []struct {
		sql  string
		scan pgx.RowToFunc[sealable]
	}{
		{selectSecrets, s.binary(secretPlace, updateSecret)},
		{selectPrivateKeys, s.binary(authstore.KeyPlace, updatePrivateKey)},
		{selectCredentials, s.credential},
		{selectProviderSecrets, s.providerSecret},
	} {
		some, err := db.Collect(ctx, tx, db.Bound{SQL: kind.sql + hold}, kind.scan)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// binary reads values that are bytes, each with a name.
func (s *Store) binary(place func(name string) string, update db.Statement) pgx.RowToFunc[sealable] {
	return func(row pgx.CollectableRow) (one sealable, err error) {
		var name string
		err = row.Scan(&name, &one.kept)
		one.place = place(name)
		one.update = func(b *pgx.Batch, value []byte) {
			update.With(db.Named("value", s.keys.Seal(one.place, value)), db.Named("name", name)).Queue(b)
		}
		return one, err
	}
}

func (s *Store) credential(row pgx.CollectableRow) (one sealable, err error) {
	var o int64
	var endpoint, text string
	err = row.Scan(&o, &endpoint, &text)
	one.place, one.kept = eventstore.CredentialPlace(org.ID(o), endpoint), seal.Envelope(text)
	one.update = func(b *pgx.Batch, value []byte) {
		updateCredential.With(db.Org(o), db.Named("credential", s.keys.SealText(one.place, string(value)))).Queue(b)
	}
	return one, err
}

func (s *Store) providerSecret(row pgx.CollectableRow) (one sealable, err error) {
	var id uuid.UUID
	var text string
	err = row.Scan(&id, &text)
	one.place, one.kept = accountstore.SecretPlace(id), seal.Envelope(text)
	one.update = func(b *pgx.Batch, value []byte) {
		updateProviderSecret.With(db.Named("id", db.ID(id)), db.Named("secret", s.keys.SealText(one.place, string(value)))).Queue(b)
	}
	return one, err
}

// Rewrap seals with the first key what is not: all signing keys, secrets, credentials, those of
// providers, and files that are imported, be they in the clear or under another key. It tells
// how many those were. Without keys it is an error.
func (s *Store) Rewrap(ctx context.Context) (n int, err error) {
	if s.keys == nil {
		return 0, errors.New("there is no key to seal with: PURESCIM_KEY_FILE names the file of keys")
	}
	err = s.Own().InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		all, err := s.sealables(ctx, tx, holdingRows)
		if err != nil {
			return err
		}
		b := new(pgx.Batch)
		for _, one := range all {
			if s.keys.Current(one.kept) {
				continue
			}
			value, err := s.keys.Open(one.place, one.kept)
			if err != nil {
				return fmt.Errorf("%s: %w", one.place, err)
			}
			one.update(b, value)
			n++
		}
		return tx.SendBatch(ctx, b).Close()
	})
	if err != nil {
		return 0, pgerr.Wrap("seal again", err)
	}
	files, err := importstore.New(s.Pool, s.keys, s.registry).Rewrap(ctx)
	return n + files, err
}

// CheckKeys returns an error unless all that is sealed can be opened, and tells
// how many values lie in the clear though there are keys.
func (s *Store) CheckKeys(ctx context.Context) (unsealed int, err error) {
	err = s.Own().InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		all, err := s.sealables(ctx, tx, "")
		for _, one := range all {
			if _, failed := s.keys.Open(one.place, one.kept); failed != nil {
				return fmt.Errorf("%s: %w", one.place, failed)
			}
			if s.keys != nil && !seal.Sealed(one.kept) {
				unsealed++
			}
		}
		return err
	})
	return unsealed, pgerr.Wrap("open what is sealed", err)
}
