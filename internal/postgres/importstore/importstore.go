// Package importstore keeps the files that are imported in the console, in parts, with what is
// told of them, and which server works on which.
//
// How a file is read, and what its lines mean, is left to package transfer.
package importstore

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/seal"
	"github.com/purescim/purescim/internal/transfer"
)

// Store is the store of a database. It is safe for concurrent use.
type Store struct {
	pool     *pool.Pool
	keys     *seal.Keys // of what files hold, and of what is told of them
	registry Registry
}

var _ transfer.Store = (*Store)(nil)

// Registry is what is asked of organisations.
type Registry interface {
	Org(ctx context.Context, id org.ID) (org.Org, error)
}

// New makes the store of a database, whose files the keys seal.
func New(p *pool.Pool, keys *seal.Keys, r Registry) *Store { return &Store{p, keys, r} }

// statePlace and partPlace are where what is sealed is kept.
func statePlace(o org.ID, id uuid.UUID) string {
	return "imports.state/" + o.String() + "/" + id.String()
}

func partPlace(o org.ID, id uuid.UUID, n int) string {
	return fmt.Sprintf("import_parts.content/%s/%s/%d", o, id, n)
}

var insertImport = db.New(`
insert into imports (org_id, id, stage, held_until, touched_at, state)
select @org, @id, @stage, @at, @at, @state
where  (select count(*) from imports i where i.org_id = @org and i.stage <> 'imported') < @most`)

// Add implements transfer.Store.
func (s *Store) Add(ctx context.Context, f transfer.Upload) error {
	values, err := s.values(f, db.Named("most", transfer.MaxFiles))
	if err != nil {
		return err
	}
	tag, err := insertImport.With(values...).Exec(ctx, s.pool.Of(f.Org))
	if err == nil && tag.RowsAffected() == 0 {
		err = scim.Conflict("the organisation has %d files that wait to be imported; remove one first", transfer.MaxFiles)
	}
	return pgerr.Wrap("add import", err)
}

// values are the arguments of statements that store an import.
func (s *Store) values(f transfer.Upload, others ...db.Arg) ([]db.Arg, error) {
	state, err := json.Marshal(f)
	return append(others,
		db.Org(f.Org), db.Named("id", db.ID(f.ID)), db.Named("stage", string(f.Stage)), db.Named("done", f.Done),
		db.Named("state", s.keys.Seal(statePlace(f.Org, f.ID), state)), db.Named("at", s.pool.Clock.Stamp()),
	), err
}

var insertPart = db.New(`
insert into import_parts (org_id, import_id, part, content)
values (@org, @id, @part, @content)`)

// AddPart implements transfer.Store.
func (s *Store) AddPart(ctx context.Context, f transfer.Upload, n int, content []byte) error {
	_, err := insertPart.With(
		db.Org(f.Org), db.Named("id", db.ID(f.ID)), db.Named("part", n), db.Named("content", s.keys.Seal(partPlace(f.Org, f.ID, n), content)),
	).Exec(ctx, s.pool.Of(f.Org))
	if pgerr.Violates(err, pgerr.ForeignKeyViolation, "") {
		err = transfer.ErrNoFile
	}
	return pgerr.Wrap("add part of import", err)
}

var selectPart = db.New(`
select p.content
from   import_parts p
where  p.org_id = @org and p.import_id = @id and p.part = @part`)

// Part implements transfer.Store.
func (s *Store) Part(ctx context.Context, f transfer.Upload, n int) (content []byte, err error) {
	err = selectPart.With(db.Org(f.Org), db.Named("id", db.ID(f.ID)), db.Named("part", n)).QueryRow(ctx, s.pool.Of(f.Org)).Scan(&content)
	if err == nil {
		content, err = s.keys.Open(partPlace(f.Org, f.ID, n), content)
	}
	return content, pgerr.Wrap("read part of import", noFile(err))
}

func noFile(err error) error { return pgerr.NoRows(err, transfer.ErrNoFile) }

// importColumns are what scan reads. @at is the time.
const importColumns = `i.org_id, i.id, i.stage, i.stopping, i.done, i.held_until > @at, i.state`

// scan reads an import.
func (s *Store) scan(row pgx.CollectableRow) (f transfer.Upload, err error) {
	var state []byte
	var now transfer.Upload // what JSON does not have
	if err := row.Scan((*int64)(&now.Org), &now.ID, &now.Stage, &now.Stopping, &now.Done, &now.Held, &state); err != nil {
		return f, err
	}
	if state, err = s.keys.Open(statePlace(now.Org, now.ID), state); err == nil {
		err = json.Unmarshal(state, &f)
	}
	f.Org, f.ID, f.Stage, f.Stopping, f.Done, f.Held = now.Org, now.ID, now.Stage, now.Stopping, now.Done, now.Held
	return f, err
}

const selectImports = `
select ` + importColumns + `
from   imports i
where  i.org_id = @org and i.stage <> 'arriving'`

var (
	selectImport    = db.New(selectImports + ` and i.id = @id`)
	selectOfOrg     = db.New(selectImports + ` order by i.touched_at desc limit @most`)
	selectRemovable = db.New(`select i.stage not in ('checking', 'importing') from imports i where i.org_id = @org and i.id = @id`)
)

// Find implements transfer.Store.
func (s *Store) Find(ctx context.Context, o org.ID, id uuid.UUID) (transfer.Upload, error) {
	f, err := db.CollectOne(ctx, s.pool.Of(o), selectImport.With(db.Org(o), db.Named("id", db.ID(id)), db.Named("at", s.pool.Clock.Stamp())), s.scan)
	return f, pgerr.Wrap("read import", noFile(err))
}

// List implements transfer.Store.
func (s *Store) List(ctx context.Context, o org.ID) ([]transfer.Upload, error) {
	all, err := db.Collect(ctx, s.pool.Of(o), selectOfOrg.With(db.Org(o), db.Named("at", s.pool.Clock.Stamp()), db.Named("most", transfer.MaxListed)), s.scan)
	return all, pgerr.Wrap("list imports", err)
}

var putImport = db.New(`
update imports i
set    stage = @stage, stopping = false, done = @done, worker = null, held_until = @at, touched_at = @at, state = @state
where  i.org_id = @org and i.id = @id and i.stage = @was`)

// Put implements transfer.Store.
func (s *Store) Put(ctx context.Context, f transfer.Upload, was transfer.Stage) error {
	values, err := s.values(f, db.Named("was", string(was)))
	if err != nil {
		return err
	}
	tag, err := putImport.With(values...).Exec(ctx, s.pool.Of(f.Org))
	switch {
	case pgerr.Violates(err, pgerr.UniqueViolation, "imports_running"):
		err = transfer.ErrRunning
	case err == nil && tag.RowsAffected() == 0:
		err = transfer.ErrNoFile
	}
	return pgerr.Wrap("store import", err)
}

var stopImport = db.New(`
update imports i
set    stopping = true
where  i.org_id = @org and i.id = @id and i.stage in ('checking', 'importing')`)

// Stop implements transfer.Store.
func (s *Store) Stop(ctx context.Context, o org.ID, id uuid.UUID) error {
	_, err := stopImport.With(db.Org(o), db.Named("id", db.ID(id))).Exec(ctx, s.pool.Of(o))
	return pgerr.Wrap("stop import", err)
}

var deleteImport = db.New(`
delete from imports i
where  i.org_id = @org and i.id = @id and i.stage not in ('checking', 'importing')`)

// Remove implements transfer.Store.
func (s *Store) Remove(ctx context.Context, o org.ID, id uuid.UUID) error {
	tag, err := deleteImport.With(db.Org(o), db.Named("id", db.ID(id))).Exec(ctx, s.pool.Of(o))
	if err != nil || tag.RowsAffected() > 0 {
		return pgerr.Wrap("remove import", err)
	}
	removable := false
	err = selectRemovable.With(db.Org(o), db.Named("id", db.ID(id))).QueryRow(ctx, s.pool.Of(o)).Scan(&removable)
	if err == nil && !removable {
		err = transfer.ErrRunning
	}
	return pgerr.Wrap("remove import", noFile(err))
}

// forgetImports is a statement across organisations, for the background work only.
const forgetImports = `delete from imports i where i.touched_at < $1`

// Forget implements transfer.Store.
func (s *Store) Forget(ctx context.Context, before time.Time) error {
	_, err := s.pool.Own().Exec(ctx, forgetImports, before)
	return pgerr.Wrap("forget imports", err)
}

// Now implements transfer.Store.
func (s *Store) Now() time.Time { return s.pool.Now() }

// lost turns that a statement found nothing into an error: the import is not the worker's.
func lost(tag pgconn.CommandTag, err error) error {
	if err == nil && tag.RowsAffected() == 0 {
		return transfer.ErrLost
	}
	return err
}
