// Package accountstore keeps who uses the console: accounts, invitations, OpenID providers,
// sessions, and links that set up a connection. They are found before an organisation is known.
//
// What a role may do, and how long a session lasts, is left to package accounts.
package accountstore

import (
	"cmp"
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/authstore"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/logstore"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/seal"
)

// Store is the store of a database. What it does for an organisation takes of the share that
// the organisation has of the connections; what strangers ask, of that of nobody.
type Store struct {
	pool *pool.Pool
	keys *seal.Keys // of the secrets of providers
	auth authstore.Store
}

var _ accounts.Store = (*Store)(nil)

// New makes the store of a database, whose secrets of providers the keys seal, and whose
// tokens of people auth keeps.
func New(p *pool.Pool, keys *seal.Keys, auth authstore.Store) *Store { return &Store{p, keys, auth} }

// Now implements accounts.Store.
func (s *Store) Now() time.Time { return s.pool.Now() }

// NewID implements accounts.Store.
func (s *Store) NewID() uuid.UUID { return s.pool.NewID() }

func noAccount(err error) error { return pgerr.NoRows(err, accounts.ErrNotFound) }

// accountColumns are what accountFields takes.
const accountColumns = `a.id, a.org_id, a.login, a.role, a.password, a.created_at, a.signed_in_at`

const selectAccounts = `
select ` + accountColumns + `
from   console_accounts a`

// Statements about accounts, each by its own way to name them.
var (
	selectAccountByLogin = db.New(selectAccounts + ` where a.login_key = @key`)
	selectAccountsOf     = db.New(selectAccounts + ` where a.org_id is not distinct from @org order by a.login_key`)
	lockAccount          = db.New(selectAccounts + ` where a.id = @id for no key update of a`)
	lockAccountByLogin   = db.New(selectAccounts + ` where a.login_key = @key for no key update of a`)
	existsAccount        = db.New(`select exists (select from console_accounts)`)
)

// accountFields are where accountColumns go.
func accountFields(a *accounts.Account) []any {
	return []any{&a.ID, (*db.NullInt)(&a.Org), &a.Login, &a.Role, &a.Password, &a.Created, (*db.NullTime)(&a.SignedIn)}
}

func scanAccount(row pgx.CollectableRow) (a accounts.Account, err error) {
	err = row.Scan(accountFields(&a)...)
	return a, err
}

// accountKey is by what an account is found.
func accountKey(login string) string { return schema.FoldName(login) }

// Account implements accounts.Store.
func (s *Store) Account(ctx context.Context, login string) (accounts.Account, error) {
	a, err := oneAccount(ctx, s.pool.OfNone(), selectAccountByLogin.With(db.Named("key", accountKey(login))))
	return a, pgerr.Wrap("read account", err)
}

func oneAccount(ctx context.Context, q pool.Querier, read db.Bound) (accounts.Account, error) {
	a, err := db.CollectOne(ctx, q, read, scanAccount)
	return a, noAccount(err)
}

// Accounts implements accounts.Store.
func (s *Store) Accounts(ctx context.Context, o org.ID) ([]accounts.Account, error) {
	all, err := db.Collect(ctx, s.pool.Of(o), selectAccountsOf.With(db.Named("org", db.NullInt(o))), scanAccount)
	return all, pgerr.Wrap("list accounts", err)
}

// Any implements accounts.Store.
func (s *Store) Any(ctx context.Context) (found bool, err error) {
	err = existsAccount.With().QueryRow(ctx, s.pool.OfNone()).Scan(&found)
	return found, pgerr.Wrap("look for accounts", err)
}

var (
	updateAccount = db.New(`update console_accounts a set role = @role, password = @password where a.id = @id`)
	deleteAccount = db.New(`delete from console_accounts a where a.id = @id`)
	endSessions   = db.New(`delete from console_sessions n where n.account_id = @id and n.id <> @but`)
)

// heldAccount reads an account of an organisation, or of Everywhere, that nobody else changes
// before the transaction ends.
func heldAccount(ctx context.Context, tx pgx.Tx, o org.ID, id uuid.UUID) (accounts.Account, error) {
	a, err := oneAccount(ctx, tx, lockAccount.With(db.Named("id", db.ID(id))))
	if err == nil && a.Org != o {
		err = accounts.ErrNotFound
	}
	return a, err
}

// UpdateAccount implements accounts.Store.
func (s *Store) UpdateAccount(ctx context.Context, o org.ID, id uuid.UUID, end bool, but uuid.UUID, edit func(a *accounts.Account) error) error {
	err := s.pool.Of(o).InRetriedTx(ctx, func(tx pgx.Tx) error {
		a, err := heldAccount(ctx, tx, o, id)
		if err != nil {
			return err
		}
		old := a
		if err := edit(&a); err != nil {
			return err
		}
		return s.storeAccount(ctx, tx, old, a, end, but)
	})
	return pgerr.Wrap("change account", err)
}

// storeAccount stores what has become of an account that is locked, and tells the log. A token
// to try the API ends with the sessions, and with the role.
func (s *Store) storeAccount(ctx context.Context, tx pgx.Tx, old, a accounts.Account, end bool, but uuid.UUID, besides ...provisioning.Change) error {
	if _, err := updateAccount.With(db.Named("id", db.ID(a.ID)), db.Named("role", string(a.Role)), db.Named("password", a.Password)).Exec(ctx, tx); err != nil {
		return err
	}
	if end {
		if _, err := endSessions.With(db.Named("id", db.ID(a.ID)), db.Named("but", db.ID(but))).Exec(ctx, tx); err != nil {
			return err
		}
	}
	if end || old.Role != a.Role {
		if err := s.auth.EndPersonal(ctx, tx, a.ID); err != nil {
			return err
		}
	}
	return s.logAccount(ctx, tx, provisioning.Update, a, append(accountValues(a).Since(accountValues(old)), besides...))
}

// RemoveAccount implements accounts.Store.
func (s *Store) RemoveAccount(ctx context.Context, o org.ID, id uuid.UUID) error {
	err := s.pool.Of(o).InRetriedTx(ctx, func(tx pgx.Tx) error {
		a, err := heldAccount(ctx, tx, o, id)
		if err == nil {
			_, err = deleteAccount.With(db.Named("id", db.ID(id))).Exec(ctx, tx)
		}
		if err == nil {
			err = s.auth.EndPersonal(ctx, tx, id)
		}
		if err != nil {
			return err
		}
		return s.logAccount(ctx, tx, provisioning.Delete, a, nil)
	})
	return pgerr.Wrap("remove account", err)
}

// ResetAccount implements accounts.Store.
func (s *Store) ResetAccount(ctx context.Context, o org.ID, id uuid.UUID) (a accounts.Account, err error) {
	err = s.pool.Of(o).InRetriedTx(ctx, func(tx pgx.Tx) error {
		if a, err = heldAccount(ctx, tx, o, id); err != nil {
			return err
		}
		names, err := db.Collect(ctx, tx, deletePasskeys.With(db.Named("account", db.ID(id))), pgx.RowTo[string])
		if err != nil {
			return err
		}
		old := a
		a.Password = ""
		var lost []provisioning.Change
		for _, name := range names {
			lost = append(lost, provisioning.Change{Attribute: "passkey", Before: name})
		}
		if names, err = db.Collect(ctx, tx, deleteIdentities.With(db.Named("account", db.ID(id))), pgx.RowTo[string]); err != nil {
			return err
		}
		for _, name := range names {
			lost = append(lost, provisioning.Change{Attribute: "signIn", Before: name})
		}
		return s.storeAccount(ctx, tx, old, a, true, uuid.Nil, lost...)
	})
	return a, pgerr.Wrap("reset account", err)
}

// accountValues are what the log tells of an account.
func accountValues(a accounts.Account) logstore.Values {
	return logstore.Values{"role": string(a.Role), "password": logstore.Secret(a.Password)}
}

// logAccount tells the log of the organisation, if the account is of one.
func (s *Store) logAccount(ctx context.Context, tx pgx.Tx, operation provisioning.Operation, a accounts.Account, changes []provisioning.Change) error {
	if a.Org == accounts.Everywhere {
		return nil
	}
	return logstore.InsertChange(ctx, tx, s.pool.Clock, int64(a.Org), operation, provisioning.Target{Type: provisioning.Account, ID: a.ID, Name: a.Login}, changes)
}

var insertAccount = db.New(`
insert into console_accounts (id, org_id, login, login_key, role, password, created_at)
values (@id, @org, @login, @key, @role, @password, @created)
on conflict (login_key) do nothing`)

// Accept implements accounts.Store.
func (s *Store) Accept(ctx context.Context, i accounts.Invitation, at time.Time, a accounts.Account, as *accounts.Identity) (accounts.Account, error) {
	if as != nil {
		ctx = byThemselves(ctx, a.Login)
	}
	err := s.pool.Of(i.Org).InRetriedTx(ctx, func(tx pgx.Tx) error {
		tag, err := useInvitation.With(db.Named("hash", i.Hash), db.Named("at", at)).Exec(ctx, tx)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return accounts.ErrNotFound
		}
		tag, err = insertAccount.With(
			db.Named("id", db.ID(a.ID)), db.Named("org", db.NullInt(a.Org)), db.Named("login", a.Login),
			db.Named("key", accountKey(a.Login)), db.Named("role", string(a.Role)), db.Named("password", a.Password),
			db.Named("created", a.Created),
		).Exec(ctx, tx)
		if err != nil {
			return err
		}
		if tag.RowsAffected() > 0 {
			if err := s.logAccount(ctx, tx, provisioning.Create, a, accountValues(a).Since(nil)); err != nil {
				return err
			}
			return s.replaceIdentity(ctx, tx, a, as)
		}
		old, err := oneAccount(ctx, tx, lockAccountByLogin.With(db.Named("key", accountKey(a.Login))))
		if err != nil {
			return err
		}
		if old.Org != a.Org {
			return scim.Conflict("the e-mail address %q has an account already, of another organisation or of all; use another address", a.Login)
		}
		now := old
		now.Role, now.Password = a.Role, cmp.Or(a.Password, old.Password)
		a = now
		if err := s.storeAccount(ctx, tx, old, a, true, uuid.Nil); err != nil {
			return err
		}
		return s.replaceIdentity(ctx, tx, a, as)
	})
	return a, pgerr.Wrap("accept invitation", err)
}
