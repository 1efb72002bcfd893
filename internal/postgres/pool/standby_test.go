package pool

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/testdb"
)

// standing is a primary with a table of one number, and its standby.
type standing struct {
	*opened
	standby *Pool
	server  *testdb.Standby
}

func openStanding(t *testing.T) standing {
	t.Helper()
	url, server := testdb.NewWithStandby(t)
	s := standing{opened: openAt(t, url), server: server}
	_, err := s.Own().Exec(t.Context(), `create table numbers as select 1::bigint as n`)
	s.must(err)
	s.standby, err = Open(t.Context(), server.URL, Options{MaxConns: 4, Standby: true})
	s.must(err)
	t.Cleanup(s.standby.Close)
	s.awaits(s.write(1))
	return s
}

// awaits the standby at a place.
func (s standing) awaits(at Place) {
	s.t.Helper()
	s.until("the standby follows", func() bool {
		_, err := s.standby.Replayed(s.t.Context(), at)
		return err == nil
	})
}

// write stores a number and tells where the primary is then.
func (s standing) write(n int64) Place {
	s.t.Helper()
	_, err := s.Own().Exec(s.t.Context(), `update numbers set n = $1`, n)
	s.must(err)
	at, err := s.Written(s.t.Context())
	s.must(err)
	return at
}

const readNumber = `select n from numbers`

// ways are those in which a number is read behind a place.
var ways = map[string]func(ctx context.Context, t Tenant) (n int64, err error){
	"query": func(ctx context.Context, t Tenant) (n int64, err error) {
		err = Through(t.DB)(ctx, readInto(&n), readNumber)
		return n, err
	},
	"batch": func(ctx context.Context, t Tenant) (n int64, err error) {
		b := new(pgx.Batch)
		b.Queue(readNumber).Query(readInto(&n))
		err = t.DB.SendBatch(ctx, b).Close()
		return n, err
	},
	"scan": func(ctx context.Context, t Tenant) (n int64, err error) {
		err = t.DB.Planned(ctx, readInto(&n), readNumber)
		return n, err
	},
	"look-up": func(ctx context.Context, t Tenant) (n int64, err error) {
		err = t.LookUp(ctx, readInto(&n), readNumber)
		return n, err
	},
}

func readInto(n *int64) func(rows pgx.Rows) error {
	return db.One(func(raw [][]byte) { *n = db.ReadInt(raw[0]) })
}

func TestStandby(t *testing.T) {
	t.Parallel()
	s := openStanding(t)
	name, err := s.System(t.Context())
	s.must(err)
	if other, err := s.standby.System(t.Context()); err != nil || other != name {
		t.Errorf("the standby is of system %s, not of %s: %v", other, name, err)
	}
	s.followed(100)
	before := s.paused()
	s.refused(before)
	s.server.Exec(`select pg_wal_replay_resume()`)
	s.storesNothing(before)
	s.server.Exec(`select pg_promote()`)
	if _, err := s.standby.Replayed(t.Context(), before); !errors.Is(err, ErrNoStandby) {
		t.Errorf("once it is promoted: %v", err)
	}
}

// followed reads what was written before, by many at once, each of whom finds no older number.
func (s standing) followed(writes int) {
	var all sync.WaitGroup
	for name, read := range ways {
		all.Go(func() {
			answered := 0
			for range writes {
				found, wrote, err := s.readAfterWriting(read)
				switch {
				case errors.Is(err, ErrBehind): // a machine at work may take its time
				case err != nil || found < wrote:
					s.t.Errorf("%s: found %d after %d was written: %v", name, found, wrote, err)
				default:
					answered++
				}
			}
			if answered == 0 {
				s.t.Errorf("%s: the standby has always been behind", name)
			}
		})
	}
	all.Wait()
}

func (s standing) readAfterWriting(read func(ctx context.Context, t Tenant) (int64, error)) (found, wrote int64, err error) {
	ctx := s.t.Context()
	if err = s.Own().Write(ctx, readInto(&wrote), `update numbers set n = n + 1 returning n`); err != nil {
		return 0, 0, err
	}
	at, err := s.Written(ctx)
	if err == nil {
		found, err = read(ctx, s.standby.Behind(1, at))
	}
	return found, wrote, err
}

// paused stops the standby at a place that it has reached, and lets the primary go on.
func (s standing) paused() (before Place) {
	before = s.write(-1)
	s.awaits(before)
	s.server.Exec(`select pg_wal_replay_pause()`)
	s.until("it pauses", func() bool {
		state := ""
		s.must(s.standby.conns.QueryRow(s.t.Context(), `select pg_get_wal_replay_pause_state()`).Scan(&state))
		return state == "paused"
	})
	return before
}

// refused reads behind a place that the standby has, and behind others.
func (s standing) refused(before Place) {
	after := s.write(-2)
	if after.Lead(before) <= 0 || before.Lead(after) != 0 {
		s.t.Errorf("%v is %d ahead of %v", after, after.Lead(before), before)
	}
	elsewhere := before
	elsewhere.timeline++
	for name, read := range ways {
		if found, err := read(s.t.Context(), s.standby.Behind(1, before)); err != nil || found != -1 {
			s.t.Errorf("%s behind what is there: %d, %v", name, found, err)
		}
		if found, err := read(s.t.Context(), s.standby.Behind(1, after)); !errors.Is(err, ErrBehind) || found != 0 {
			s.t.Errorf("%s behind what is not there: %d, %v", name, found, err)
		}
		if found, err := read(s.t.Context(), s.standby.Behind(1, elsewhere)); !errors.Is(err, ErrOtherTimeline) || found != 0 {
			s.t.Errorf("%s on another timeline: %d, %v", name, found, err)
		}
	}
	if s.standby.Stat().AcquiredConns() != 0 {
		s.t.Error("connections are not given back")
	}
}

func (s standing) storesNothing(at Place) {
	share := s.standby.Behind(1, at).DB
	_, err := share.Exec(s.t.Context(), `update numbers set n = 0`)
	if !errors.Is(err, errStandby) {
		s.t.Errorf("a change of the standby: %v", err)
	}
	if err := share.InTx(s.t.Context(), Nothing, func(pgx.Tx) error { return nil }); !errors.Is(err, errStandby) {
		s.t.Errorf("a transaction on the standby: %v", err)
	}
}

// After a failover nothing is read that was lost in it: not of a standby that goes on to follow
// the primary of before, though it is ahead of the new one, nor of one that follows the new
// one, before that is known.
func TestStandby_AfterAFailover(t *testing.T) {
	t.Parallel()
	s := openStanding(t)
	heir, follower := testdb.NewStandby(t, s.conns.Config().ConnString()), testdb.NewStandby(t, s.conns.Config().ConnString())
	var behind []*Pool
	for _, of := range []*testdb.Standby{follower, s.server} {
		p, err := Open(t.Context(), of.URL, Options{MaxConns: 4, Standby: true})
		s.must(err)
		t.Cleanup(p.Close)
		behind = append(behind, p)
	}
	follower.Reach(s.write(2).text())
	follower.Follow("")
	received := ""
	s.must(behind[0].conns.QueryRow(t.Context(), `select pg_last_wal_receive_lsn()::text`).Scan(&received))
	heir.Reach(received) // or the follower could not follow it
	heir.Follow("")
	s.exec(`select pg_switch_wal()`) // so that it is far ahead
	s.awaits(s.write(-1))            // is lost
	heir.Exec(`select pg_promote()`)
	primary, err := Open(t.Context(), heir.URL, Options{})
	s.must(err)
	t.Cleanup(primary.Close)
	follower.Follow(heir.URL)
	for n := int64(3); n < 10; n++ {
		_, err := primary.Own().Exec(t.Context(), `update numbers set n = $1`, n)
		s.must(err)
		at, err := primary.Written(t.Context())
		s.must(err)
		s.awaits(s.write(-n))
		if _, err := behind[1].Replayed(t.Context(), at); !errors.Is(err, ErrOtherTimeline) {
			t.Errorf("the standby of the primary of before: %v", err)
		}
		for name, read := range ways { // of which a look-up may last too long, too
			if found, err := read(t.Context(), behind[1].Behind(1, at)); err == nil || found != 0 {
				t.Errorf("%s of the primary of before: %d, %v", name, found, err)
			}
			if found, err := read(t.Context(), behind[0].Behind(1, at)); err == nil && found != n {
				t.Errorf("%s of the new one's standby: %d, not %d", name, found, n)
			}
		}
	}
	heir.Exec(`checkpoint`)
	at, err := primary.Written(t.Context())
	s.must(err)
	s.until("the standby of the new primary is read", func() bool {
		follower.Exec(`checkpoint`) // tells its timeline
		_, err := behind[0].Replayed(t.Context(), at)
		return err == nil
	})
	if found, err := ways["query"](t.Context(), behind[0].Behind(1, at)); err != nil || found != 9 {
		t.Errorf("at last: %d, %v", found, err)
	}
}

// Behind a pooler in either mode a standby is read behind a place, too.
func TestStandby_BehindAPooler(t *testing.T) {
	t.Parallel()
	s := openStanding(t)
	for _, mode := range []string{"session", "transaction"} {
		pooled, err := Open(t.Context(), testdb.Pooled(t, s.server.URL, mode, ""), Options{MaxConns: 4, Standby: true})
		s.must(err)
		t.Cleanup(pooled.Close)
		s.standby = pooled
		s.followed(20)
	}
	after := s.write(0)
	after.position += 1 << 30
	for name, read := range ways {
		if found, err := read(t.Context(), s.standby.Behind(1, after)); !errors.Is(err, ErrBehind) {
			t.Errorf("%s behind what is not there: %d, %v", name, found, err)
		}
	}
}

// What hangs on a standby that stands still fails when its connections are broken off.
func TestBreakOff(t *testing.T) {
	t.Parallel()
	s := openStanding(t)
	at := s.write(2)
	s.server.Stop()
	defer s.server.Continue()
	failed := make(chan error)
	go func() {
		_, err := ways["query"](t.Context(), s.standby.Behind(1, at))
		failed <- err
	}()
	for {
		s.standby.BreakOff()
		select {
		case err := <-failed:
			if err == nil {
				t.Error("something that stands still has answered")
			}
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}
