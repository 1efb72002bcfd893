package standbys

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/fairshare"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/testdb"
)

// set is one of a primary and its standby.
type set struct {
	*Set
	t       *testing.T
	primary *pool.Pool
	server  *testdb.Standby
}

func open(t *testing.T) set {
	t.Helper()
	url, server := testdb.NewWithStandby(t)
	primary, err := pool.Open(t.Context(), url, pool.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(primary.Close)
	s := set{t: t, primary: primary, server: server}
	s.exec(`create table numbers as select n::bigint from generate_series(1, 1000) n`)
	s.Set, err = Open(t.Context(), primary, []string{server.URL}, pool.Options{MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.run()
	s.await(true)
	return s
}

// run looks after the set until the test ends.
func (s set) run() {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		s.Run(ctx)
		close(ended)
	}()
	s.t.Cleanup(func() {
		stop()
		<-ended
	})
}

func (s set) exec(sql string) {
	s.t.Helper()
	if _, err := s.primary.Own().Exec(s.t.Context(), sql); err != nil {
		s.t.Fatal(err)
	}
}

// await waits until the standby is asked, or is not.
func (s set) await(ready bool) State {
	s.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if is := s.States()[0]; is.Ready == ready && (s.all[0].ready.Load() != nil) == ready {
			return is
		}
		if time.Now().After(end) {
			s.t.Fatalf("the standby is %+v", s.States()[0])
		}
	}
}

// read reads of the standby.
func (s set) read(sql string) (*Reading, error) {
	s.t.Helper()
	reading := s.Begin(s.t.Context())
	if reading == nil {
		s.t.Fatalf("the standby is not asked: %v", s.Fallbacks())
	}
	return reading, pool.Through(reading.Tenant(1).DB)(s.t.Context(), func(rows pgx.Rows) error {
		defer rows.Close()
		for rows.Next() { // to the end
		}
		return rows.Err()
	}, sql)
}

// What a standby gives up to go on replaying the primary is asked for, and the standby goes
// on to be asked.
func TestAgain_AfterAConflict(t *testing.T) {
	t.Parallel()
	s := open(t)
	given := make(chan struct{})
	go func() {
		defer close(given)
		reading, err := s.read(`select n, pg_sleep(0.02) from numbers`)
		if !reading.Again(t.Context(), err) {
			t.Errorf("the primary is not asked after %v", err)
		}
	}()
	time.Sleep(100 * time.Millisecond) // for the read to begin; else there is no conflict
	s.exec(`truncate numbers`)
	<-given
	if n := s.Fallbacks()["conflict"]; n != 1 {
		t.Errorf("%v", s.Fallbacks())
	}
	s.await(true)
}

// A standby whose replay stands still is left alone, tells for how long it has not followed,
// and is asked again when it has.
func TestSet_LeavesAlone(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.server.Exec(`select pg_wal_replay_pause()`)
	s.exec(`insert into numbers values (0)`)
	if is := s.await(false); !strings.Contains(is.Why, "standby 1 is behind") || is.Late == 0 {
		t.Errorf("a standby that is behind is %+v", is)
	}
	if s.Begin(t.Context()) != nil || s.Fallbacks()["away"] == 0 {
		t.Errorf("a standby that is behind is asked: %v", s.Fallbacks())
	}
	s.server.Exec(`select pg_wal_replay_resume()`)
	if is := s.await(true); is.Late != 0 || is.Why != "" {
		t.Errorf("a standby that follows again is %+v", is)
	}
	if _, err := s.read(`select n from numbers`); err != nil {
		t.Error(err)
	}
	s.server.Exec(`select pg_promote()`)
	if is := s.await(false); !strings.Contains(is.Why, "standby 1 is away") {
		t.Errorf("a standby that was promoted is %+v", is)
	}
}

// A server starts without its standbys, and does not read of what is none of the primary's.
func TestOpen(t *testing.T) {
	t.Parallel()
	url, server := testdb.NewWithStandby(t)
	stranger, err := pool.Open(t.Context(), testdb.New(t), pool.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stranger.Close)
	for name, of := range map[string]struct {
		primary *pool.Pool
		url     string
	}{"of another cluster": {stranger, server.URL}, "no standby": {stranger, url}, "nobody": {stranger, "postgres://nobody@127.0.0.1:1/none"}} {
		s, err := Open(t.Context(), of.primary, []string{of.url}, pool.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		if is := s.States()[0]; is.Ready || s.Begin(t.Context()) != nil {
			t.Errorf("%s: %+v", name, is)
		}
		if _, err := s.all[0].reach(t.Context(), of.primary, pool.Place{}); errors.Is(err, errOtherSystem) != (name == "of another cluster") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if none, err := Open(t.Context(), stranger, nil, pool.Options{}); none != nil || err != nil || none.Begin(t.Context()) != nil || none.States() != nil {
		t.Errorf("without a URL there is %v: %v", none, err)
	}
	if _, err := Open(t.Context(), stranger, []string{"postgres://:::"}, pool.Options{}); err == nil {
		t.Error("what is no URL is opened")
	}
}

// A standby that a read has found behind is left out for a moment.
func TestAgain_AfterBeingBehind(t *testing.T) {
	t.Parallel()
	s := &Set{all: []*standby{{}}}
	s.all[0].ready.Store(new(pool.Pool))
	reading := &Reading{set: s, standby: s.all[0]}
	if !reading.Again(t.Context(), pool.ErrBehind) || s.all[0].skipped.Load() == 0 {
		t.Error("the primary is not asked, or the standby not left out")
	}
	s.all[0].skipped.Store(math.MaxInt64) // a moment that is long enough
	if s.Begin(t.Context()) != nil || s.Fallbacks()["behind"] != 2 || s.Fallbacks()["away"] != 0 {
		t.Errorf("%v", s.Fallbacks())
	}
}

// What is no fault of the standby is not asked again.
func TestAgain(t *testing.T) {
	t.Parallel()
	reading := &Reading{set: new(Set), standby: new(standby)}
	gone, leave := context.WithCancel(t.Context())
	leave()
	for _, err := range []error{nil, directory.ErrNotFound, fairshare.ErrFull, fairshare.ErrWaited} {
		if reading.Again(t.Context(), err) {
			t.Errorf("asked again after %v", err)
		}
	}
	if failed := errors.New("failed"); reading.Again(gone, failed) || !reading.Again(t.Context(), failed) {
		t.Error("a failure is not asked again, or for a client who has gone")
	}
}
