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
)

// useInvitation takes a link that is good. The first one is, as long as there is no account.
var useInvitation = db.New(`
delete from console_invitations i
where  i.hash = @hash and i.expires_at > @at and (not i.first or not exists (select from console_accounts))`)

var (
	insertInvitation = db.New(`
insert into console_invitations (id, hash, org_id, login, role, invited_by, first, created_at, expires_at)
values (@id, @hash, @org, @login, @role, @by, @first, @created, @expires)`)
	forgetInvitations = db.New(`delete from console_invitations i where i.expires_at <= @at`)
)

// Invite implements accounts.Store.
func (s *Store) Invite(ctx context.Context, i accounts.Invitation) error {
	err := s.pool.Of(i.Org).InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		if _, err := forgetInvitations.With(db.Named("at", i.Created)).Exec(ctx, tx); err != nil {
			return err
		}
		if _, err := insertInvitation.With(
			db.Named("id", db.ID(i.ID)), db.Named("hash", i.Hash), db.Named("org", db.NullInt(i.Org)), db.Named("login", i.Login),
			db.Named("role", string(i.Role)), db.Named("by", i.By), db.Named("first", i.First), db.Named("created", i.Created),
			db.Named("expires", i.Expires),
		).Exec(ctx, tx); err != nil {
			return err
		}
		return s.logInvitation(ctx, tx, provisioning.Invite, i)
	})
	return pgerr.Wrap("invite", err)
}

// logInvitation tells the log of the organisation, if somebody is invited to one.
func (s *Store) logInvitation(ctx context.Context, tx pgx.Tx, operation provisioning.Operation, i accounts.Invitation) error {
	if i.Org == accounts.Everywhere {
		return nil
	}
	target := provisioning.Target{Type: provisioning.Account, ID: i.ID, Name: i.Login}
	return logstore.InsertChange(ctx, tx, s.pool.Clock, int64(i.Org), operation, target, []provisioning.Change{{Attribute: "role", After: string(i.Role)}})
}

// invitationColumns are what scanInvitation reads.
const invitationColumns = `i.id, i.hash, i.org_id, i.login, i.role, i.invited_by, i.first, i.created_at, i.expires_at`

var selectInvitation = db.New(`
select ` + invitationColumns + `
from   console_invitations i
where  i.hash = @hash and i.expires_at > @at and (not i.first or not exists (select from console_accounts))`)

var selectInvitations = db.New(`
select ` + invitationColumns + `
from   console_invitations i
where  i.org_id is not distinct from @org and i.expires_at > @at and not i.first
order  by i.created_at desc`)

var deleteInvitation = db.New(`
delete from console_invitations i
where  i.id = @id and i.org_id is not distinct from @org
returning ` + invitationColumns)

func scanInvitation(row pgx.CollectableRow) (i accounts.Invitation, err error) {
	err = row.Scan(&i.ID, &i.Hash, (*db.NullInt)(&i.Org), &i.Login, &i.Role, &i.By, &i.First, &i.Created, &i.Expires)
	return i, err
}

// Invitation implements accounts.Store.
func (s *Store) Invitation(ctx context.Context, hash []byte, at time.Time) (accounts.Invitation, error) {
	i, err := db.CollectOne(ctx, s.pool.OfNone(), selectInvitation.With(db.Named("hash", hash), db.Named("at", at)), scanInvitation)
	return i, pgerr.Wrap("read invitation", noAccount(err))
}

// Invitations implements accounts.Store.
func (s *Store) Invitations(ctx context.Context, o org.ID, at time.Time) ([]accounts.Invitation, error) {
	all, err := db.Collect(ctx, s.pool.Of(o), selectInvitations.With(db.Named("org", db.NullInt(o)), db.Named("at", at)), scanInvitation)
	return all, pgerr.Wrap("list invitations", err)
}

// Withdraw implements accounts.Store.
func (s *Store) Withdraw(ctx context.Context, o org.ID, id uuid.UUID) error {
	err := s.pool.Of(o).InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		i, err := db.CollectOne(ctx, tx, deleteInvitation.With(db.Named("id", db.ID(id)), db.Named("org", db.NullInt(o))), scanInvitation)
		if err != nil {
			return noAccount(err)
		}
		return s.logInvitation(ctx, tx, provisioning.Revoke, i)
	})
	return pgerr.Wrap("withdraw invitation", err)
}

var (
	insertSession = db.New(`
insert into console_sessions (id, hash, account_id, created_at, used_at, address, agent, identity_id)
select @id, @hash, a.id, @created, @created, @address, @agent, @identity
from   console_accounts a
where  a.id = @account`)
	// forgetOldestSessions leaves an account so many, the last used; its row is held.
	forgetOldestSessions = db.New(`
delete from console_sessions n
where  n.id in (
  select o.id
  from   console_sessions o
  where  o.account_id = @account
  order  by o.used_at desc, o.id desc
  offset @keep)`)
	forgetSessions = db.New(`delete from console_sessions n where n.used_at < @idle`)
	markSignedIn   = db.New(`update console_accounts a set signed_in_at = @at where a.id = @id`)
)

// AddSession implements accounts.Store. That somebody signs in is told as what they did
// themselves: the request has nobody yet.
func (s *Store) AddSession(ctx context.Context, a accounts.Account, n accounts.Session, idle time.Time) error {
	err := s.pool.Of(a.Org).InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		if _, err := forgetSessions.With(db.Named("idle", idle)).Exec(ctx, tx); err != nil {
			return err
		}
		tag, err := markSignedIn.With(db.Named("id", db.ID(a.ID)), db.Named("at", n.Created)).Exec(ctx, tx)
		if err == nil && tag.RowsAffected() == 0 {
			err = accounts.ErrNotFound
		}
		if err == nil {
			_, err = forgetOldestSessions.With(db.Named("account", db.ID(a.ID)), db.Named("keep", accounts.MaxSessions-1)).Exec(ctx, tx)
		}
		if err == nil {
			_, err = insertSession.With(
				db.Named("id", db.ID(n.ID)), db.Named("hash", n.Hash), db.Named("account", db.ID(a.ID)), db.Named("created", n.Created),
				db.Named("address", logstore.Storable(n.Address)), db.Named("agent", logstore.Storable(n.Agent)),
				db.Named("identity", db.NullID(n.Identity)),
			).Exec(ctx, tx)
		}
		if err == nil && n.Identity != uuid.Nil {
			_, err = useIdentity.With(db.Named("id", db.ID(n.Identity)), db.Named("at", n.Created)).Exec(ctx, tx)
		}
		if err != nil || a.Org == accounts.Everywhere {
			return err
		}
		e := provisioning.OriginOf(ctx).Entry(s.pool.Clock.NewID())
		e.Actor = provisioning.Actor{Type: provisioning.Person, Name: a.Login}
		e.Operation, e.Result, e.Address = provisioning.SignIn, provisioning.Success, n.Address
		e.Target = provisioning.Target{Type: provisioning.Account, ID: a.ID, Name: a.Login}
		return logstore.Insert(ctx, tx, int64(a.Org), []provisioning.Entry{e})
	})
	return pgerr.Wrap("add session", err)
}

// sessionColumns are what sessionFields takes.
const sessionColumns = `n.id, n.created_at, n.used_at, n.address, n.agent`

func sessionFields(n *accounts.Session) []any {
	return []any{&n.ID, &n.Created, &n.Used, &n.Address, &n.Agent}
}

// selectSession finds none whose identity has gone.
var selectSession = db.New(`
select ` + sessionColumns + `, ` + accountColumns + `
from   console_sessions n
join   console_accounts a on a.id = n.account_id
where  n.hash = @hash and n.used_at >= @idle
and    (n.identity_id is null or exists (select from console_identities i where i.id = n.identity_id))`)

// Session implements accounts.Store. It is asked for each page, and goes with other look-ups.
func (s *Store) Session(ctx context.Context, hash []byte, idle time.Time) (n accounts.Session, a accounts.Account, err error) {
	fields := append(sessionFields(&n), accountFields(&a)...)
	asked := selectSession.With(db.Named("hash", hash), db.Named("idle", idle))
	found := false
	err = s.pool.OfNone().LookUp(ctx, func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, fields, func() error { found = true; return nil })
		return err
	}, asked.SQL, asked.Args...)
	if err == nil && !found {
		err = accounts.ErrNotFound
	}
	return n, a, pgerr.Wrap("read session", err)
}

var touchSession = db.New(`update console_sessions n set used_at = @at where n.id = @id and n.used_at < @at`)

// Touch implements accounts.Store.
func (s *Store) Touch(ctx context.Context, a accounts.Account, session uuid.UUID, at time.Time) error {
	_, err := touchSession.With(db.Named("id", db.ID(session)), db.Named("at", at)).Exec(ctx, s.pool.Of(a.Org))
	return pgerr.Wrap("note session", err)
}

var selectSessions = db.New(`
select ` + sessionColumns + `
from   console_sessions n
where  n.account_id = @account and n.used_at >= @idle
and    (n.identity_id is null or exists (select from console_identities i where i.id = n.identity_id))
order  by n.used_at desc
limit  100`)

// Sessions implements accounts.Store.
func (s *Store) Sessions(ctx context.Context, a accounts.Account, idle time.Time) ([]accounts.Session, error) {
	asked := selectSessions.With(db.Named("account", db.ID(a.ID)), db.Named("idle", idle))
	all, err := db.Collect(ctx, s.pool.Of(a.Org), asked, func(row pgx.CollectableRow) (n accounts.Session, err error) {
		err = row.Scan(sessionFields(&n)...)
		return n, err
	})
	return all, pgerr.Wrap("list sessions", err)
}

var deleteSession = db.New(`delete from console_sessions n where n.account_id = @account and n.id = @id`)

// EndSession implements accounts.Store.
func (s *Store) EndSession(ctx context.Context, a accounts.Account, session uuid.UUID) error {
	err := s.pool.Of(a.Org).InRetriedTx(ctx, func(tx pgx.Tx) error {
		tag, err := deleteSession.With(db.Named("account", db.ID(a.ID)), db.Named("id", db.ID(session))).Exec(ctx, tx)
		if err == nil && tag.RowsAffected() == 0 {
			err = accounts.ErrNotFound
		}
		if err != nil {
			return err
		}
		return s.auth.EndPersonal(ctx, tx, a.ID)
	})
	return pgerr.Wrap("end session", err)
}

// EndSessions implements accounts.Store.
func (s *Store) EndSessions(ctx context.Context, a accounts.Account) error {
	err := s.pool.Of(a.Org).InRetriedTx(ctx, func(tx pgx.Tx) error {
		a, err := heldAccount(ctx, tx, a.Org, a.ID)
		if err != nil {
			return err
		}
		return s.storeAccount(ctx, tx, a, a, true, uuid.Nil, provisioning.Change{Attribute: "sessions", After: "ended"})
	})
	return pgerr.Wrap("end sessions", err)
}

// Statements that wait for who ends a session or changes a role meanwhile. Each looks at one
// row alone, so that it sees what became of it.
var (
	holdAccount = db.New(selectAccounts + ` where a.id = @id for share of a`)
	holdSession = db.New(`select n.id from console_sessions n where n.account_id = @account and n.id = @id for share`)
)

// Still implements accounts.Store.
func (s *Store) Still(ctx context.Context, a accounts.Account, session uuid.UUID) (now accounts.Account, err error) {
	err = s.pool.Of(a.Org).InTx(ctx, pool.Nothing, func(tx pgx.Tx) (err error) {
		if now, err = oneAccount(ctx, tx, holdAccount.With(db.Named("id", db.ID(a.ID)))); err != nil {
			return err
		}
		var id uuid.UUID
		return noAccount(holdSession.With(db.Named("account", db.ID(a.ID)), db.Named("id", db.ID(session))).QueryRow(ctx, tx).Scan(&id))
	})
	return now, pgerr.Wrap("look at session", err)
}
