package pool

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/testdb"
)

// A transaction whose connection breaks while it commits may be stored: it is not done again,
// and who asked is told that this is not known.
func TestInTx_ThatBreaksInItsCommit(t *testing.T) {
	t.Parallel()
	database := testdb.New(t)
	o := openAt(t, database)
	o.exec(`create function wait() returns trigger language plpgsql as 'begin perform pg_advisory_xact_lock(7); return null; end'`)
	o.exec(`create constraint trigger at_commit after insert on notes deferrable initially deferred for each row execute function wait()`)
	link := testdb.NewLink(t, database)
	p, err := Open(t.Context(), link.URL, Options{MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	holder, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close(t.Context())
	if _, err := holder.Exec(t.Context(), `select pg_advisory_lock(7)`); err != nil {
		t.Fatal(err)
	}
	tries, done := 0, make(chan error, 1)
	go func() {
		done <- pgerr.Wrap("note", pgerr.Retry(t.Context(), func() error {
			tries++
			return p.Own().InTx(t.Context(), Nothing, func(tx pgx.Tx) error {
				_, err := tx.Exec(t.Context(), `insert into notes values (1, 'stored')`)
				return err
			})
		}))
	}()
	const committing = `select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'advisory' and query = 'commit'`
	o.until("the commit waits", func() bool { return o.number(committing) == 1 })
	link.Silence(true) // so that nothing is cancelled
	link.Cut()
	if err := <-done; !errors.Is(err, scim.ErrUncertain) || tries != 1 {
		t.Errorf("%d tries and error %v", tries, err)
	}
	link.Cut() // what wanted to cancel
	if _, err := holder.Exec(t.Context(), `select pg_advisory_unlock(7)`); err != nil {
		t.Fatal(err)
	}
	o.until("it is stored", func() bool { return o.number(`select count(*) from notes where text = 'stored'`) == 1 })
}
