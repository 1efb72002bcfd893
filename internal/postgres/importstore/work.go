package importstore

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/transfer"
)

// selectIdle finds what nobody works on, the oldest first: a statement across organisations,
// for the background work only.
const selectIdle = `
select i.org_id, i.id
from   imports i
where  i.stage in ('checking', 'importing') and i.held_until <= $1
order  by i.touched_at, i.id
limit  1`

var takeImport = db.New(`
update imports i
set    worker = @worker, held_until = @until
where  i.org_id = @org and i.id = @id and i.stage in ('checking', 'importing') and i.held_until <= @at
returning ` + importColumns)

// Take implements transfer.Store. Two workers may find the same import; one of them takes it.
func (s *Store) Take(ctx context.Context, worker uuid.UUID, lease time.Duration) (f transfer.Upload, o org.Org, err error) {
	at := s.pool.Clock.Stamp()
	var id uuid.UUID
	if err := s.pool.Own().QueryRow(ctx, selectIdle, at).Scan((*int64)(&o.ID), &id); err != nil {
		return f, o, pgerr.Wrap("find import", noFile(err))
	}
	f, err = db.CollectOne(ctx, s.pool.Own(), takeImport.With(
		db.Org(o.ID), db.Named("id", db.ID(id)), db.Named("worker", db.ID(worker)), db.Named("at", at), db.Named("until", at.Add(lease)),
	), s.scan)
	if err == nil {
		o, err = s.registry.Org(ctx, o.ID)
	}
	return f, o, pgerr.Wrap("take import", noFile(err))
}

var renewImport = db.New(`
update imports i
set    held_until = @until, done = @done
where  i.org_id = @org and i.id = @id and i.worker = @worker and i.stage in ('checking', 'importing')
returning i.stopping`)

// Renew implements transfer.Store.
func (s *Store) Renew(ctx context.Context, worker uuid.UUID, f transfer.Upload, lease time.Duration) (stopping bool, err error) {
	err = renewImport.With(
		db.Org(f.Org), db.Named("id", db.ID(f.ID)), db.Named("worker", db.ID(worker)), db.Named("done", f.Done),
		db.Named("until", s.pool.Clock.Stamp().Add(lease)),
	).QueryRow(ctx, s.pool.Own()).Scan(&stopping)
	return stopping, pgerr.Wrap("renew lease of import", pgerr.NoRows(err, transfer.ErrLost))
}

var keepImport = db.New(`
update imports i
set    held_until = @until, touched_at = @at, done = @done, state = @state
where  i.org_id = @org and i.id = @id and i.worker = @worker and i.stage in ('checking', 'importing')`)

// Keep implements transfer.Store.
func (s *Store) Keep(ctx context.Context, worker uuid.UUID, f transfer.Upload, lease time.Duration) error {
	values, err := s.values(f, db.Named("worker", db.ID(worker)), db.Named("until", s.pool.Clock.Stamp().Add(lease)))
	if err != nil {
		return err
	}
	return pgerr.Wrap("keep progress of import", lost(keepImport.With(values...).Exec(ctx, s.pool.Own())))
}

var (
	finishImport = db.New(`
update imports i
set    stage = @stage, stopping = false, worker = null, held_until = @at, touched_at = @at, done = @done, state = @state
where  i.org_id = @org and i.id = @id and i.worker = @worker and i.stage in ('checking', 'importing')`)

	deleteParts = db.New(`
delete from import_parts p
where  p.org_id = @org and p.import_id = @id`)
)

// Finish implements transfer.Store.
func (s *Store) Finish(ctx context.Context, worker uuid.UUID, f transfer.Upload) error {
	values, err := s.values(f, db.Named("worker", db.ID(worker)))
	if err != nil {
		return err
	}
	err = s.pool.Own().InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		if err := lost(finishImport.With(values...).Exec(ctx, tx)); err != nil || f.Stage != transfer.Imported {
			return err
		}
		_, err := deleteParts.With(db.Org(f.Org), db.Named("id", db.ID(f.ID))).Exec(ctx, tx)
		return err
	})
	return pgerr.Wrap("finish import", err)
}
