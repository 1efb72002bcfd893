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

var insertSetup = db.New(`
insert into console_setups (org_id, id, hash, client_id, client_name, guide, made_by, created_at, expires_at)
values (@org, @id, @hash, @client, @client_name, @guide, @by, @created, @expires)`)

const forgetSetups = `delete from console_setups s where s.expires_at <= $1`

// AddSetup implements accounts.Store.
func (s *Store) AddSetup(ctx context.Context, a accounts.Setup) error {
	err := s.pool.Of(a.Org).InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, forgetSetups, a.Created); err != nil {
			return err
		}
		_, err := insertSetup.With(
			db.Org(a.Org), db.Named("id", db.ID(a.ID)), db.Named("hash", a.Hash), db.Named("client", db.ID(a.Client)),
			db.Named("client_name", a.ClientName), db.Named("guide", a.Guide), db.Named("by", a.By), db.Named("created", a.Created),
			db.Named("expires", a.Expires),
		).Exec(ctx, tx)
		if err != nil {
			return err
		}
		return s.logSetup(ctx, tx, a, "made")
	})
	return pgerr.Wrap("add setup link", err)
}

// logSetup tells the log what has become of a link.
func (s *Store) logSetup(ctx context.Context, tx pgx.Tx, a accounts.Setup, what string) error {
	target := provisioning.Target{Type: provisioning.OAuth, ID: a.Client, Name: a.ClientName}
	return logstore.InsertChange(ctx, tx, s.pool.Clock, int64(a.Org), provisioning.Update, target, []provisioning.Change{{Attribute: "setupLink", After: what}})
}

// setupColumns are what scanSetup reads.
const setupColumns = `s.id, s.hash, s.org_id, s.client_id, s.client_name, s.guide, s.made_by, s.created_at, s.expires_at, s.opened_at`

func scanSetup(row pgx.CollectableRow) (a accounts.Setup, err error) {
	err = row.Scan(&a.ID, &a.Hash, (*int64)(&a.Org), &a.Client, &a.ClientName, &a.Guide, &a.By, &a.Created, &a.Expires, (*db.NullTime)(&a.Opened))
	return a, err
}

var selectSetups = db.New(`
select ` + setupColumns + `
from   console_setups s
where  s.org_id = @org and s.client_id = @client and s.expires_at > @at
order  by s.created_at desc`)

// Setups implements accounts.Store.
func (s *Store) Setups(ctx context.Context, o org.ID, client uuid.UUID, at time.Time) ([]accounts.Setup, error) {
	all, err := db.Collect(ctx, s.pool.Of(o), selectSetups.With(db.Org(o), db.Named("client", db.ID(client)), db.Named("at", at)), scanSetup)
	return all, pgerr.Wrap("list setup links", err)
}

// Links and browsers are found by their secrets alone.
var (
	selectSetup = db.New(`
select ` + setupColumns + `
from   console_setups s
where  s.hash = @hash and s.expires_at > @at and s.opened_at is null`)
	selectOpenedSetup = db.New(`
select ` + setupColumns + `
from   console_setups s
where  s.session_hash = @hash and s.expires_at > @at`)
	openSetup = db.New(`
update console_setups s
set    session_hash = @session, opened_at = @at
where  s.hash = @hash and s.expires_at > @at and s.opened_at is null
returning ` + setupColumns)
	deleteSetup = db.New(`
delete from console_setups s
where  s.org_id = @org and s.id = @id
returning ` + setupColumns)
)

// Setup implements accounts.Store.
func (s *Store) Setup(ctx context.Context, hash []byte, at time.Time) (accounts.Setup, error) {
	return oneSetup(ctx, s.pool.OfNone(), selectSetup.With(db.Named("hash", hash), db.Named("at", at)))
}

// OpenedSetup implements accounts.Store.
func (s *Store) OpenedSetup(ctx context.Context, session []byte, at time.Time) (accounts.Setup, error) {
	return oneSetup(ctx, s.pool.OfNone(), selectOpenedSetup.With(db.Named("hash", session), db.Named("at", at)))
}

func oneSetup(ctx context.Context, q pool.Querier, read db.Bound) (accounts.Setup, error) {
	a, err := db.CollectOne(ctx, q, read, scanSetup)
	return a, pgerr.Wrap("read setup link", noAccount(err))
}

// OpenSetup implements accounts.Store.
func (s *Store) OpenSetup(ctx context.Context, hash, session []byte, at time.Time) error {
	return s.pool.OfNone().InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		a, err := oneSetup(ctx, tx, openSetup.With(db.Named("hash", hash), db.Named("session", session), db.Named("at", at)))
		if err != nil {
			return err
		}
		return s.logSetup(ctx, tx, a, "opened")
	})
}

// EndSetup implements accounts.Store.
func (s *Store) EndSetup(ctx context.Context, o org.ID, id uuid.UUID) error {
	return s.pool.Of(o).InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		a, err := oneSetup(ctx, tx, deleteSetup.With(db.Org(o), db.Named("id", db.ID(id))))
		if err != nil {
			return err
		}
		return s.logSetup(ctx, tx, a, "ended")
	})
}
