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
const useInvitation = `
delete from console_invitations i
where  i.hash = $1 and i.expires_at > $2 and (not i.first or not exists (select from console_accounts))`

const (
	insertInvitation = `
insert into console_invitations (id, hash, org_id, login, role, invited_by, first, created_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
	forgetInvitations = `delete from console_invitations i where i.expires_at <= $1`
)

// Invite implements accounts.Store.
func (s *Store) Invite(ctx context.Context, i accounts.Invitation) error {
	err := s.pool.Own().InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, forgetInvitations, i.Created); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, insertInvitation, db.ID(i.ID), i.Hash, orgOrNull(i.Org), i.Login, string(i.Role), i.By, i.First, i.Created, i.Expires); err != nil {
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
const invitationColumns = `i.id, i.hash, coalesce(i.org_id, 0), i.login, i.role, i.invited_by, i.first, i.created_at, i.expires_at`

const selectInvitation = `
select ` + invitationColumns + `
from   console_invitations i
where  i.hash = $1 and i.expires_at > $2 and (not i.first or not exists (select from console_accounts))`

const selectInvitations = `
select ` + invitationColumns + `
from   console_invitations i
where  i.org_id is not distinct from $1 and i.expires_at > $2 and not i.first
order  by i.created_at desc`

const deleteInvitation = `
delete from console_invitations i
where  i.id = $1 and i.org_id is not distinct from $2
returning ` + invitationColumns

func scanInvitation(row pgx.CollectableRow) (i accounts.Invitation, err error) {
	err = row.Scan(&i.ID, &i.Hash, (*int64)(&i.Org), &i.Login, &i.Role, &i.By, &i.First, &i.Created, &i.Expires)
	i.Created, i.Expires = i.Created.UTC(), i.Expires.UTC()
	return i, err
}

// Invitation implements accounts.Store.
func (s *Store) Invitation(ctx context.Context, hash []byte, at time.Time) (accounts.Invitation, error) {
	rows, err := s.pool.Own().Query(ctx, selectInvitation, hash, at)
	if err != nil {
		return accounts.Invitation{}, pgerr.Wrap("read invitation", err)
	}
	i, err := pgx.CollectExactlyOneRow(rows, scanInvitation)
	return i, pgerr.Wrap("read invitation", noAccount(err))
}

// Invitations implements accounts.Store.
func (s *Store) Invitations(ctx context.Context, o org.ID, at time.Time) ([]accounts.Invitation, error) {
	rows, err := s.pool.Own().Query(ctx, selectInvitations, orgOrNull(o), at)
	if err != nil {
		return nil, pgerr.Wrap("list invitations", err)
	}
	all, err := pgx.CollectRows(rows, scanInvitation)
	return all, pgerr.Wrap("list invitations", err)
}

// Withdraw implements accounts.Store.
func (s *Store) Withdraw(ctx context.Context, o org.ID, id uuid.UUID) error {
	err := s.pool.Own().InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, deleteInvitation, db.ID(id), orgOrNull(o))
		if err != nil {
			return err
		}
		i, err := pgx.CollectExactlyOneRow(rows, scanInvitation)
		if err != nil {
			return noAccount(err)
		}
		return s.logInvitation(ctx, tx, provisioning.Revoke, i)
	})
	return pgerr.Wrap("withdraw invitation", err)
}

const (
	insertSession = `
insert into console_sessions (id, hash, account_id, created_at, used_at, address, agent)
select $1, $2, a.id, $4, $4, $5, $6
from   console_accounts a
where  a.id = $3`
	forgetSessions = `delete from console_sessions n where n.used_at < $1`
	markSignedIn   = `update console_accounts a set signed_in_at = $2 where a.id = $1`
)

// AddSession implements accounts.Store. That somebody signs in is told as what they did
// themselves: the request has nobody yet.
func (s *Store) AddSession(ctx context.Context, a accounts.Account, n accounts.Session, idle time.Time) error {
	err := s.pool.Own().InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, forgetSessions, idle); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, markSignedIn, db.ID(a.ID), n.Created)
		if err == nil && tag.RowsAffected() == 0 {
			err = accounts.ErrNotFound
		}
		if err == nil {
			_, err = tx.Exec(ctx, insertSession, db.ID(n.ID), n.Hash, db.ID(a.ID), n.Created, logstore.Storable(n.Address), logstore.Storable(n.Agent))
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

const selectSession = `
select n.id, n.created_at, n.used_at, n.address, n.agent, ` + accountColumns + `
from   console_sessions n
join   console_accounts a on a.id = n.account_id
where  n.hash = $1 and n.used_at >= $2`

// Session implements accounts.Store.
func (s *Store) Session(ctx context.Context, hash []byte, idle time.Time) (n accounts.Session, a accounts.Account, err error) {
	var signedIn *time.Time
	fields := append([]any{&n.ID, &n.Created, &n.Used, &n.Address, &n.Agent}, accountFields(&a, &signedIn)...)
	err = s.pool.Own().QueryRow(ctx, selectSession, hash, idle).Scan(fields...)
	n.Created, n.Used, a.Created, a.SignedIn = n.Created.UTC(), n.Used.UTC(), a.Created.UTC(), db.OrZero(signedIn)
	return n, a, pgerr.Wrap("read session", noAccount(err))
}

const touchSession = `update console_sessions n set used_at = $2 where n.id = $1 and n.used_at < $2`

// Touch implements accounts.Store.
func (s *Store) Touch(ctx context.Context, session uuid.UUID, at time.Time) error {
	_, err := s.pool.Own().Exec(ctx, touchSession, db.ID(session), at)
	return pgerr.Wrap("note session", err)
}

const selectSessions = `
select n.id, n.created_at, n.used_at, n.address, n.agent
from   console_sessions n
where  n.account_id = $1 and n.used_at >= $2
order  by n.used_at desc
limit  100`

// Sessions implements accounts.Store.
func (s *Store) Sessions(ctx context.Context, account uuid.UUID, idle time.Time) ([]accounts.Session, error) {
	rows, err := s.pool.Own().Query(ctx, selectSessions, db.ID(account), idle)
	if err != nil {
		return nil, pgerr.Wrap("list sessions", err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (n accounts.Session, err error) {
		err = row.Scan(&n.ID, &n.Created, &n.Used, &n.Address, &n.Agent)
		n.Created, n.Used = n.Created.UTC(), n.Used.UTC()
		return n, err
	})
	return all, pgerr.Wrap("list sessions", err)
}

const deleteSession = `delete from console_sessions n where n.account_id = $1 and n.id = $2`

// EndSession implements accounts.Store.
func (s *Store) EndSession(ctx context.Context, account, session uuid.UUID) error {
	tag, err := s.pool.Own().Exec(ctx, deleteSession, db.ID(account), db.ID(session))
	if err == nil && tag.RowsAffected() == 0 {
		err = accounts.ErrNotFound
	}
	return pgerr.Wrap("end session", err)
}
