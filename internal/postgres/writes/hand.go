// Package writes is the one way in which rows of an organisation change: a write does its
// work again where that helps, in one transaction with what it refers to, with what is told
// of it (the outbox of events and accepted requests, the entry of the log) and with the brake
// that counts it.
//
// What is written is left to the rooms above: users, groups, the catalogue.
package writes

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/eventstore"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/provisioning"
)

// Write is a write of an organisation under way, and the one way in which its rows
// change: it does it again where that helps, in one transaction with what it refers to
// and with what is told of it.
type Write struct {
	Hand
	// Through runs the statements.
	Through pool.Executor

	outbox *outbox
}

// Hand makes the writes of an organisation.
type Hand struct {
	*pool.Tenant
	*Writer
}

// Writer is what the writes of all organisations have in common.
type Writer struct {
	events      *eventstore.Store
	correlation func(ctx context.Context) string
}

// NewWriter makes writes of which the streams are told, with the request that a context
// belongs to; empty is none.
func NewWriter(events *eventstore.Store, correlation func(ctx context.Context) string) *Writer {
	return &Writer{events, correlation}
}

// Of gives the hand of an organisation.
func (w *Writer) Of(t *pool.Tenant) Hand { return Hand{t, w} }

// transaction is the executor of statements within one.
type transaction struct{ pgx.Tx }

// Write implements pool.Executor.
func (t transaction) Write(ctx context.Context, read func(rows pgx.Rows) error, sql string, args ...any) error {
	rows, err := t.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	return read(rows)
}

// WriteWith implements pool.Executor.
func (t transaction) WriteWith(ctx context.Context, with pool.Batching, read func(rows pgx.Rows) error, sql string, args ...any) error {
	return pool.WriteWith(ctx, t, with, read, sql, args...)
}

// WriteAll implements pool.Executor.
func (t transaction) WriteAll(ctx context.Context, b *pgx.Batch) error {
	return t.SendBatch(ctx, b).Close()
}

// Statement is a statement that changes rows of an organisation. A write alone runs it,
// and only with the change that it makes.
//
// Its part "changed" has a row, with id and version, for each thing that it has changed,
// and none if nothing has changed; and it answers changed.version before all else, where
// null is that nothing has changed, as is no row. In the place [outbox], behind its other
// parts, may be another that stores what is told of the change: see outboxSQL.
type Statement struct {
	db.Statement
	several string // see Or
}

// NewStatement makes a statement, as db.New does; it is not inlined, so that db.All can tell
// which variable the statement is for.
//
//go:noinline
func NewStatement(text string, parts ...db.Part) Statement {
	return NewTelling(outboxSQL, text, parts...)
}

// NewTelling makes a statement with what it stores of its change in [outbox]. It is not
// inlined, as NewStatement is not.
//
//go:noinline
func NewTelling(outbox, text string, parts ...db.Part) Statement {
	return Statement{Statement: db.New(text, telling(outbox, parts)...)}
}

// NewSeveral makes a statement that makes several changes at once, of what NewTelling makes
// one with (db.NewSeveral). It is not inlined, as NewStatement is not.
//
//go:noinline
func NewSeveral(outbox, text string, parts ...db.Part) Statement {
	return Statement{Statement: db.NewSeveral(text, telling(outbox, parts)...)}
}

func telling(outbox string, parts []db.Part) []db.Part {
	return append([]db.Part{{Name: "outbox", SQL: outbox}}, parts...)
}

// Or gives a statement that several makes the changes of, where they come at once. It panics
// when their arguments are not the same.
func (s Statement) Or(several Statement) Statement {
	if !s.HasArgumentsOf(several.Statement) {
		panic("writes: one and several with other arguments:" + several.String())
	}
	s.several = several.String()
	return s
}

// Write runs work, again where retry says so.
func (h Hand) Write(ctx context.Context, doing string, work func(w *Write) error) error {
	box, err := h.newOutbox(ctx)
	if err != nil {
		return err
	}
	w := &Write{Hand: h, Through: h.Together(h.Org), outbox: box}
	if box.isDryRun() {
		w.Through = nowhere{}
	}
	err = pgerr.Retry(ctx, func() error {
		box.changed, box.made = false, nil // by an attempt before
		err := work(w)
		if errors.Is(err, errNear) {
			box.inTurn = true
			err = work(w)
		}
		return err
	})
	if err == nil && box.changed && !box.isDryRun() {
		provisioning.Done(ctx, box.made)
	}
	return pgerr.Wrap(doing, h.hold(ctx, err, box.isDryRun()))
}

// OptimisticTries is how often an update may find that another was faster,
// before it makes the others wait.
const OptimisticTries = 3

// ErrVersionConflict says that the resource has changed since it was read.
var ErrVersionConflict = errors.New("another writer was faster")

// nowhere is the executor of a dry run outside of the transaction that is rolled back.
type nowhere struct{}

var errNowhere = errors.New("a dry run would have stored something")

func (nowhere) Write(context.Context, func(pgx.Rows) error, string, ...any) error { return errNowhere }

func (nowhere) WriteWith(context.Context, pool.Batching, func(pgx.Rows) error, string, ...any) error {
	return errNowhere
}

func (nowhere) WriteAll(context.Context, *pgx.Batch) error { return errNowhere }

// errDryRun rolls a transaction back that was carried out to see what it does.
var errDryRun = errors.New("a dry run is over")

// Alone is the write with statements that are committed with no others.
func (w *Write) Alone() *Write { return &Write{w.Hand, w.DB, w.outbox} }

// ForOthers is a write that is made for others, each of which has an outbox of its own.
func (w *Write) ForOthers() *Write { return &Write{w.Hand, w.Through, new(outbox)} }

// IsSilent reports whether nobody is told of what is stored, but for the log.
func (w *Write) IsSilent() bool { return w.outbox.isSilent() }

// IsDryRun reports whether nothing may stay of the write.
func (w *Write) IsDryRun() bool { return w.outbox.isDryRun() }

// Erasing has nothing be told of a user but the id.
func (w *Write) Erasing(user uuid.UUID) { w.outbox.erased = user }

// HasChanged notes whether somebody else has changed something for this write.
func (w *Write) HasChanged(something bool) { w.outbox.changed = something }

// InTx runs work in a transaction, at whose end is stored what is told of it. The
// statements that begin adds go with BEGIN. The transaction of a dry run is rolled back.
func (w *Write) InTx(ctx context.Context, begin func(b *pgx.Batch), work func(w *Write, tx pgx.Tx) error) error {
	w.outbox.empty() // of an attempt before
	err := w.DB.InTx(ctx, begin, func(tx pgx.Tx) error {
		if err := work(&Write{w.Hand, transaction{tx}, w.outbox}, tx); err != nil {
			return err
		}
		if err := w.flush(ctx, tx); err != nil || !w.outbox.isDryRun() || pool.IsJoint(ctx) {
			return err
		}
		return errDryRun
	})
	if errors.Is(err, errDryRun) {
		err = nil
	}
	w.outbox.committed(err == nil)
	return err
}

// Referring runs the write of an edit, whose statements may each have a transaction of
// its own, unless somebody is told of them, or a brake counts it, or references must be
// held until they are stored. The edit names those as the catalogue does. Those that do
// not exist are a *directory.MissingError.
func (w *Write) Referring(ctx context.Context, e directory.Edit, counts *Brake, work func(w *Write, e directory.Edit) error) error {
	if len(e.References) == 0 && w.IsSilent() && counts == nil {
		return work(w, e)
	}
	found := make(names, len(e.References))
	lock := func(b *pgx.Batch) {
		counts.Queue(b, w)
		w.queueReferences(b, e.References, found)
	}
	return w.InTx(ctx, lock, func(w *Write, _ pgx.Tx) error {
		if err := counts.Check(); err != nil {
			return err
		}
		spelled, err := found.spell(e)
		if err != nil {
			return err
		}
		return work(w, spelled)
	})
}

// Store runs a statement that makes a change. read is given its only row, and may be
// again: what it was given before counts no more. No row is directory.ErrNotFound.
func (w *Write) Store(ctx context.Context, s Statement, c Change, read func(raw [][]byte), args ...db.Arg) error {
	return w.StoreChecked(ctx, s, pool.Check{}, c, read, args...)
}

// StoreChecked is Store with a check, behind the statement, of what it has stored. What the
// check refuses, the write does again.
func (w *Write) StoreChecked(ctx context.Context, s Statement, then pool.Check, c Change, read func(raw [][]byte), args ...db.Arg) error {
	e := w.outbox.entry(c)
	values := s.Args(w.Org, w.outbox.arguments(args, e, c)...)
	defer clear(values) // a connection keeps those of its last statements, and with them documents
	told := w.Telling(c, w.outbox.making(e, read))
	return w.Through.WriteWith(ctx, pool.Batching{Check: then, Several: s.several}, told, s.String(), values...)
}

// Queue is store in one round trip with others.
func (w *Write) Queue(b *pgx.Batch, s Statement, c Change, read func(raw [][]byte), args ...db.Arg) {
	e := w.outbox.entry(c)
	b.Queue(s.String(), s.Args(w.Org, w.outbox.arguments(args, e, c)...)...).Query(w.Telling(c, w.outbox.making(e, read)))
}

// Arguments are those of a statement, with those that the outbox adds for its change.
func (w *Write) Arguments(s Statement, args []db.Arg, c Change) []any {
	return s.Args(w.Org, w.outbox.arguments(args, w.outbox.entry(c), c)...)
}

// Telling reads the row of a statement and tells the outbox of the change, if there was
// one.
func (w *Write) Telling(c Change, read func(raw [][]byte)) func(rows pgx.Rows) error {
	if w.outbox.isSilent() || c.kind == "" {
		return w.outbox.noting(read)
	}
	return w.outbox.reading(c, read)
}

// Ask runs a statement that changes nothing, beside those of the write.
func (w *Write) Ask(ctx context.Context, s db.Statement, read func(raw [][]byte), args ...db.Arg) error {
	return w.Through.Write(ctx, db.One(read), s.String(), s.Args(w.Org, args...)...)
}
