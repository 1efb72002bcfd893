package pool

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/batcher"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/testdb"
)

// opened is the pool of a database that has notes, by their numbers.
type opened struct {
	*Pool
	t *testing.T
}

const createNotes = `create table notes (n bigint primary key, text text not null unique)`

func open(t *testing.T) *opened {
	t.Helper()
	return openAt(t, testdb.New(t))
}

func openAt(t *testing.T, url string) *opened {
	t.Helper()
	p, err := Open(t.Context(), url, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	o := &opened{p, t}
	o.exec(createNotes)
	return o
}

func (o *opened) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *opened) exec(sql string, args ...any) {
	o.t.Helper()
	_, err := o.Own().Exec(o.t.Context(), sql, args...)
	o.must(err)
}

func (o *opened) number(sql string, args ...any) (n int) {
	o.t.Helper()
	o.must(o.Own().QueryRow(o.t.Context(), sql, args...).Scan(&n))
	return n
}

// say asks for a number, as a look-up.
func (o *opened) say(ctx context.Context, n int64) (said int64, err error) {
	err = o.Of(1).LookUp(ctx, db.One(func(raw [][]byte) { said = db.ReadInt(raw[0]) }), `select $1::bigint`, n)
	return said, err
}

// note writes a text, with what others write at once.
func (o *opened) note(n int, text string) error {
	return o.together(1).Write(o.t.Context(), db.One(func([][]byte) {}),
		`insert into notes (n, text) values ($1, $2) on conflict (n) do update set text = excluded.text returning n`, n, text)
}

// bound makes the most batches on their way so many.
func (b *batched) bound(most int) {
	o := b.options
	o.Most = most
	b.batcher = batcher.New(o)
}

// busy keeps as many statements on their way as may be, until end is called. Those that
// come meanwhile wait for one of these, however long that takes.
func (o *opened) busy(b *batched) (end func()) {
	b.bound(b.options.Free)
	return o.occupied(b)
}

// occupied keeps statements on their way, until end is called, so that others wait.
func (o *opened) occupied(b *batched) (end func()) {
	lock, err := o.Own().Begin(o.t.Context())
	o.must(err)
	_, err = lock.Exec(o.t.Context(), `select pg_advisory_xact_lock(1)`)
	o.must(err)
	var all sync.WaitGroup
	for range b.options.Free {
		all.Go(func() {
			read := func(rows pgx.Rows) error { return db.ReadAll(rows, func([][]byte) {}) }
			err := b.query(o.t.Context(), &request{sql: `select pg_advisory_xact_lock_shared(1)`, read: read})
			if err != nil {
				o.t.Error(err)
			}
		})
	}
	o.underWay(b, b.options.Free)
	return func() {
		o.must(lock.Rollback(o.t.Context()))
		all.Wait()
	}
}

// underWay waits until n batches are on their way.
func (o *opened) underWay(b *batched, n int) {
	o.until(fmt.Sprint(n, " are on their way"), func() bool {
		inFlight, _ := b.batcher.Load()
		return inFlight == n
	})
}

// awaited waits until n statements wait for their turn.
func (o *opened) awaited(b *batched, n int) {
	o.until(fmt.Sprint(n, " wait"), func() bool {
		_, waiting := b.batcher.Load()
		return waiting == n
	})
}

// until waits for what other goroutines do.
func (o *opened) until(what string, done func() bool) {
	o.t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			o.t.Fatalf("never: %s", what)
		}
	}
}
