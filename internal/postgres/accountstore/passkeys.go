package accountstore

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/logstore"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/scim"
)

// passkeyColumns are what passkeyRow takes.
const passkeyColumns = `p.id, p.credential, p.public_key, p.flags, p.counter, p.name, p.created_at, p.used_at, p.copied_at`

var (
	countPasskeys  = db.New(`select count(*) from console_passkeys p where p.account_id = @account`)
	selectPasskeys = db.New(`
select ` + passkeyColumns + `
from   console_passkeys p
where  p.account_id = @account
order  by p.created_at, p.id`)
	selectPasskey = db.New(`
select ` + passkeyColumns + `, ` + accountColumns + `
from   console_passkeys p
join   console_accounts a on a.id = p.account_id
where  p.credential = @credential`)
	insertPasskey = db.New(`
insert into console_passkeys (id, account_id, credential, public_key, flags, counter, name, created_at)
values (@id, @account, @credential, @key, @flags, @counter, @name, @created)
on conflict (credential) do nothing`)
	// usePasskey compares the counter once more: two answers may have been read at once.
	usePasskey = db.New(`
update console_passkeys p set flags = @flags, counter = @counter, used_at = @used
where  p.id = @id and p.copied_at is null and (p.counter < @counter or p.counter = 0 and @counter = 0)`)
	markCopied    = db.New(`update console_passkeys p set copied_at = @at where p.id = @id and p.copied_at is null`)
	deletePasskey = db.New(`delete from console_passkeys p where p.account_id = @account and p.id = @id returning p.name`)

	deletePasskeys     = db.New(`delete from console_passkeys p where p.account_id = @account returning p.name`)
	countPasskeysByOrg = db.New(`
select p.account_id, count(*)
from   console_passkeys p
join   console_accounts a on a.id = p.account_id
where  a.org_id is not distinct from @org
group  by p.account_id`)
)

// passkeyRow is a passkey as it is read.
type passkeyRow struct {
	accounts.Passkey
	flags   int16
	counter int64
}

func (p *passkeyRow) fields() []any {
	return []any{&p.ID, &p.Credential, &p.Key, &p.flags, &p.counter, &p.Name, &p.Created, (*db.NullTime)(&p.Used), (*db.NullTime)(&p.Copied)}
}

// read is the passkey, when the fields have come.
func (p *passkeyRow) read() accounts.Passkey {
	p.Flags, p.Counter = byte(p.flags), uint32(p.counter)
	return p.Passkey
}

// Passkeys implements accounts.Store.
func (s *Store) Passkeys(ctx context.Context, a accounts.Account) ([]accounts.Passkey, error) {
	all, err := db.Collect(ctx, s.pool.Of(a.Org), selectPasskeys.With(db.Named("account", db.ID(a.ID))), func(row pgx.CollectableRow) (accounts.Passkey, error) {
		var p passkeyRow
		err := row.Scan(p.fields()...)
		return p.read(), err
	})
	return all, pgerr.Wrap("list passkeys", err)
}

// Passkey implements accounts.Store.
func (s *Store) Passkey(ctx context.Context, credential []byte) (accounts.Passkey, accounts.Account, error) {
	var p passkeyRow
	var a accounts.Account
	err := selectPasskey.With(db.Named("credential", credential)).QueryRow(ctx, s.pool.OfNone()).Scan(append(p.fields(), accountFields(&a)...)...)
	return p.read(), a, pgerr.Wrap("read passkey", noAccount(err))
}

// CountPasskeys implements accounts.Store.
func (s *Store) CountPasskeys(ctx context.Context, o org.ID) (map[uuid.UUID]int, error) {
	counts := map[uuid.UUID]int{}
	err := countPasskeysByOrg.With(db.Named("org", db.NullInt(o))).
		ReadAll(ctx, s.pool.Of(o), func(raw [][]byte) { counts[db.ReadID(raw[0])] = int(db.ReadInt(raw[1])) })
	return counts, pgerr.Wrap("count passkeys", err)
}

// AddPasskey implements accounts.Store. The account is locked, so that its passkeys are
// counted one after the other.
func (s *Store) AddPasskey(ctx context.Context, a accounts.Account, p accounts.Passkey) error {
	err := s.pool.Of(a.Org).InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		if _, err := oneAccount(ctx, tx, lockAccount.With(db.Named("id", db.ID(a.ID)))); err != nil {
			return err
		}
		var has int
		if err := countPasskeys.With(db.Named("account", db.ID(a.ID))).QueryRow(ctx, tx).Scan(&has); err != nil {
			return err
		}
		if has >= accounts.MaxPasskeys {
			return scim.Conflict("an account has %d passkeys at most; remove one that is not used any more", accounts.MaxPasskeys)
		}
		tag, err := insertPasskey.With(
			db.Named("id", db.ID(p.ID)), db.Named("account", db.ID(a.ID)), db.Named("credential", p.Credential), db.Named("key", p.Key),
			db.Named("flags", int16(p.Flags)), db.Named("counter", int64(p.Counter)), db.Named("name", p.Name), db.Named("created", p.Created),
		).Exec(ctx, tx)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return scim.Conflict("there is such a passkey already")
		}
		return s.logWay(ctx, tx, a, provisioning.Change{Attribute: "passkey", After: p.Name})
	})
	return pgerr.Wrap("add passkey", err)
}

// UsePasskey implements accounts.Store.
func (s *Store) UsePasskey(ctx context.Context, a accounts.Account, p accounts.Passkey) (bool, error) {
	tag, err := usePasskey.With(
		db.Named("id", db.ID(p.ID)), db.Named("flags", int16(p.Flags)), db.Named("counter", int64(p.Counter)), db.Named("used", p.Used),
	).Exec(ctx, s.pool.Of(a.Org))
	return tag.RowsAffected() > 0, pgerr.Wrap("note passkey", err)
}

// MarkCopied implements accounts.Store.
func (s *Store) MarkCopied(ctx context.Context, a accounts.Account, p accounts.Passkey, at time.Time) error {
	err := s.pool.Of(a.Org).InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		tag, err := markCopied.With(db.Named("id", db.ID(p.ID)), db.Named("at", at)).Exec(ctx, tx)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return s.logWay(ctx, tx, a, provisioning.Change{Attribute: "passkey", Before: p.Name, After: p.Name + " (copied, refused)"})
	})
	return pgerr.Wrap("mark passkey", err)
}

// RemovePasskey implements accounts.Store.
func (s *Store) RemovePasskey(ctx context.Context, a accounts.Account, id uuid.UUID) error {
	err := s.pool.Of(a.Org).InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		var name string
		if err := deletePasskey.With(db.Named("account", db.ID(a.ID)), db.Named("id", db.ID(id))).QueryRow(ctx, tx).Scan(&name); err != nil {
			return noAccount(err)
		}
		return s.logWay(ctx, tx, a, provisioning.Change{Attribute: "passkey", Before: name})
	})
	return pgerr.Wrap("remove passkey", err)
}

var (
	forgetChallenges = db.New(`delete from console_challenges c where c.expires_at <= @at`)
	// forgetOldest makes room for one more of a source, or of all where that is null. What
	// another request takes away at the same time is left to it.
	forgetOldest = db.New(`
delete from console_challenges c
where  c.hash in (
       select o.hash
       from   console_challenges o
       where  o.source = @source or @source is null
       order  by o.expires_at desc
       offset @keep
       for    update skip locked)`)
	insertChallenge = db.New(`
insert into console_challenges (hash, purpose, account_id, asked, source, expires_at) values (@hash, @purpose, @account, @asked, @source, @expires)`)
	takeChallenge = db.New(`
delete from console_challenges c
where  c.hash = @hash and c.purpose = @purpose and c.expires_at > @at
returning c.account_id, c.asked, c.source, c.expires_at`)
)

// AddChallenge implements accounts.Store.
func (s *Store) AddChallenge(ctx context.Context, c accounts.Challenge, at time.Time) error {
	b := new(pgx.Batch)
	forgetChallenges.With(db.Named("at", at)).Queue(b)
	source := logstore.Storable(c.Source)
	forgetOldest.With(db.Named("source", source), db.Named("keep", accounts.MaxChallengesOf-1)).Queue(b)
	forgetOldest.With(db.Named("source", nil), db.Named("keep", accounts.MaxChallenges-1)).Queue(b)
	insertChallenge.With(
		db.Named("hash", c.Hash), db.Named("purpose", string(c.Purpose)), db.Named("account", db.NullID(c.Account)),
		db.Named("asked", c.Asked), db.Named("source", source), db.Named("expires", c.Expires),
	).Queue(b)
	return pgerr.Wrap("keep challenge", s.pool.OfNone().SendBatch(ctx, b).Close())
}

// TakeChallenge implements accounts.Store.
func (s *Store) TakeChallenge(ctx context.Context, hash []byte, purpose accounts.Purpose, at time.Time) (accounts.Challenge, error) {
	c := accounts.Challenge{Hash: hash, Purpose: purpose}
	err := takeChallenge.With(db.Named("hash", hash), db.Named("purpose", string(purpose)), db.Named("at", at)).QueryRow(ctx, s.pool.OfNone()).Scan((*db.NullID)(&c.Account), &c.Asked, &c.Source, &c.Expires)
	return c, pgerr.Wrap("take challenge", noAccount(err))
}
