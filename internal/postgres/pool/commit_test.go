package pool

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/purescim/purescim/internal/postgres/pgerr"
)

func TestTogether_KeepsAllThatCame(t *testing.T) {
	t.Parallel()
	o := open(t)
	commits := o.together(1).batched
	const written = 2 * BatchSize
	all, end := new(sync.WaitGroup), o.busy(commits)
	for n := range written {
		all.Go(func() {
			if err := o.note(n, fmt.Sprint("text ", n)); err != nil {
				t.Error(err)
			}
		})
	}
	o.awaited(commits, written)
	before := o.Stat().AcquireCount()
	end()
	all.Wait()
	if n := int(o.Stat().AcquireCount() - before); n > written/8 {
		t.Errorf("%d writes that waited took %d round trips", written, n)
	}
	if n := o.number(`select count(*) from notes where text = 'text ' || n`); n != written {
		t.Errorf("%d of %d are stored", n, written)
	}
}

// TestTogether_RefusesAlone has texts written that are taken, among others.
func TestTogether_RefusesAlone(t *testing.T) {
	t.Parallel()
	o := open(t)
	commits := o.together(1).batched
	o.exec(`insert into notes values (1000, 'taken')`)
	all, end := new(sync.WaitGroup), o.busy(commits)
	const written = 20
	for n := range written {
		text, taken := fmt.Sprint("text ", n), n%5 == 2
		if taken {
			text = "taken"
		}
		all.Go(func() {
			err := o.note(n, text)
			var refused *pgconn.PgError
			if taken != (errors.As(err, &refused) && refused.Code == pgerr.UniqueViolation) || !taken && err != nil {
				t.Errorf("%s: %v", text, err)
			}
		})
	}
	o.awaited(commits, written)
	end()
	all.Wait()
	if n := o.number(`select count(*) from notes`); n != 1+written*4/5 {
		t.Errorf("%d are stored", n)
	}
}

// TestTogether_ChecksAll has a check refuse some of those that went together: nothing of them
// stays, and all of the others.
func TestTogether_ChecksAll(t *testing.T) {
	t.Parallel()
	o := open(t)
	commits := o.together(1)
	all, end := new(sync.WaitGroup), o.busy(commits.batched)
	const written = 20
	for n := range written {
		text := fmt.Sprint("good ", n)
		if n%5 == 2 {
			text = fmt.Sprint("bad ", n)
		}
		all.Go(func() {
			none := func(rows pgx.Rows) error { rows.Close(); return rows.Err() }
			err := commits.WriteWith(t.Context(), Batching{Check: Check{noneIsBad, n, numbers}}, none, `insert into notes (n, text) values ($1, $2)`, n, text)
			if refused := pgerr.Violates(err, "22012", ""); refused != (n%5 == 2) || !refused && err != nil {
				t.Errorf("%s: %v", text, err)
			}
		})
	}
	o.awaited(commits.batched, written)
	end()
	all.Wait()
	if n := o.number(`select count(*) from notes`); n != written*4/5 {
		t.Errorf("%d are stored", n)
	}
}

const noneIsBad = `
select 1 / case when exists (select from notes where n = any($1::bigint[]) and text like 'bad%') then 0 else 1 end`

func numbers(all []any) []any {
	of := make([]int, len(all))
	for i, one := range all {
		of[i] = one.(int)
	}
	return []any{of}
}

// TestTogether_WaitsForALockAlone has a row locked by somebody else: only who writes
// it waits.
func TestTogether_WaitsForALockAlone(t *testing.T) {
	t.Parallel()
	o := open(t)
	commits := o.together(1).batched
	const written = 10
	o.exec(`insert into notes select n, n::text from generate_series(0, $1::int - 1) n`, written)
	holder, err := o.Own().Begin(t.Context())
	o.must(err)
	_, err = holder.Exec(t.Context(), `select 1 from notes where n = 3 for update`)
	o.must(err)
	end := o.busy(commits)
	var locked, others sync.WaitGroup
	for n := range written {
		who := &others
		if n == 3 {
			who = &locked
		}
		who.Go(func() {
			if err := o.note(n, fmt.Sprint("text ", n)); err != nil {
				t.Error(err)
			}
		})
	}
	o.awaited(commits, written)
	end()
	others.Wait()
	if n := o.number(`select count(*) from notes where text like 'text%'`); n != written-1 {
		t.Errorf("%d are stored", n)
	}
	o.must(holder.Rollback(t.Context()))
	locked.Wait()
}

// TestTogether_TellsWhatItDoesNotKnow has PostgreSQL end connections while writes are
// under way: who is told that a write is stored finds it stored.
func TestTogether_TellsWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	o := open(t)
	beside, err := Open(t.Context(), o.Own().Config().ConnString(), Options{})
	o.must(err)
	defer beside.Close()
	var all sync.WaitGroup
	var killed atomic.Int64
	const least = 30 // writes of each, however many are ended
	for n := range 16 {
		all.Go(func() {
			// On a busy machine all may have written before the first look at who writes.
			for i := 0; i < least || killed.Load() == 0 && t.Context().Err() == nil; i++ {
				text := fmt.Sprint(n, " ", i)
				if o.note(n, text) != nil {
					continue
				}
				var found string
				err := errors.New("not asked yet")
				for err != nil && t.Context().Err() == nil {
					err = o.Own().QueryRow(t.Context(), `select text from notes where n = $1`, n).Scan(&found)
				}
				if found != text {
					t.Errorf("acknowledged %s, found %s", text, found)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() {
		all.Wait()
		close(done)
	}()
	killer := &opened{beside, t}
	for writing := true; writing; {
		killed.Add(int64(killer.number(`select count(pg_terminate_backend(pid)) from pg_stat_activity
			where datname = current_database() and pid <> pg_backend_pid() and state = 'active' and query like '%into notes%'`)))
		select {
		case <-done:
			writing = false
		case <-time.After(time.Millisecond):
		}
	}
}
