package pool

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
)

// A Pool may lead to a standby. What is read there is read behind a Place: the statement that
// looks how far the standby has come goes before it in one transaction, and its answer is what
// allows the others. So it does not matter which session answers, nor that a standby which
// was restarted may have gone back.

// Place is how far a database has come: a position of its log on a timeline. The zero value is
// that of no database. Of two on one timeline the later contains the earlier.
type Place struct {
	position uint64 // an LSN
	timeline uint32
}

// IsZero reports whether it is the place of no database.
func (p Place) IsZero() bool { return p == Place{} }

// Lead tells how many bytes of log a place is ahead of another; 0 if it is not.
func (p Place) Lead(of Place) int64 {
	return int64(p.position - min(of.position, p.position))
}

// later is the further of two places of one primary.
func (p Place) later(q Place) Place {
	if q.timeline > p.timeline || q.timeline == p.timeline && q.position > p.position {
		return q
	}
	return p
}

// Why nothing is read of a standby.
var (
	// ErrBehind tells that it has not replayed the place.
	ErrBehind = errors.New("the standby is behind")
	// ErrOtherTimeline tells that it has not been seen on the timeline of the primary: there
	// was a failover, and it may hold what was lost in it.
	ErrOtherTimeline = errors.New("the standby is not known to be on the timeline of the primary")
	// ErrNoStandby tells that it is none: it was promoted.
	ErrNoStandby = errors.New("the server is not a standby")
)

const (
	// selectWritten tells where the primary is. Whatever is acknowledged, or seen by others,
	// is flushed by then; what synchronous_commit = off acknowledges is only inserted.
	selectWritten = `
select case current_setting('synchronous_commit') when 'off' then pg_current_wal_insert_lsn() else pg_current_wal_flush_lsn() end::text,
       left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)`

	// selectReplayed tells where a standby is when it has reached $1, or after some 20
	// milliseconds of looking again. The timeline is the one that it would have to reach again
	// after a crash, since PostgreSQL tells no other: it is never ahead of what is replayed.
	selectReplayed = `
with recursive looked (n, place) as (
  select 0, pg_last_wal_replay_lsn()
  union all
  select l.n + 1, pg_last_wal_replay_lsn()
  from   looked l, lateral pg_sleep(case when l.place < $1::text::pg_lsn then 0.001 else 0 end)
  where  l.place < $1::text::pg_lsn and l.n < 20
)
select (select max(l.place) from looked l)::text, lpad(to_hex(c.min_recovery_end_timeline), 8, '0'), pg_is_in_recovery()
from   pg_control_recovery() c`

	// selectSystem names the cluster, which its standbys share.
	selectSystem = `select system_identifier::text from pg_control_system()`
)

// readPlace reads what PostgreSQL tells.
func readPlace(raw [][]byte) (p Place, err error) {
	high, low, _ := strings.Cut(string(raw[0]), "/")
	var number [3]uint64
	for i, text := range []string{high, low, string(raw[1])} {
		if number[i], err = strconv.ParseUint(text, 16, 32); err != nil {
			return Place{}, fmt.Errorf("read the place of the database: %w", err)
		}
	}
	return Place{number[0]<<32 | number[1], uint32(number[2])}, nil
}

// text is the position as PostgreSQL writes it.
func (p Place) text() string { return fmt.Sprintf("%X/%X", p.position>>32, uint32(p.position)) }

// check reads the answer to selectReplayed.
func (p Place) check(rows pgx.Rows) (at Place, err error) {
	standby, misread := false, error(nil)
	err = db.ReadOne(rows, func(raw [][]byte) {
		if standby = raw[2][0] != 0 && raw[0] != nil; standby {
			at, misread = readPlace(raw)
		}
	})
	switch {
	case err != nil:
		return at, err
	case misread != nil:
		return at, misread
	case !standby:
		return at, ErrNoStandby
	case at.timeline != p.timeline:
		return at, ErrOtherTimeline
	case at.position < p.position:
		return at, ErrBehind
	default:
		return at, nil
	}
}

// Written tells where the primary is: a place that holds all that was acknowledged, or could be
// read, before the call.
func (p *Pool) Written(ctx context.Context) (at Place, err error) {
	rows, err := p.conns.Query(ctx, selectWritten)
	if err != nil {
		return Place{}, err
	}
	misread := error(nil)
	err = db.ReadOne(rows, func(raw [][]byte) { at, misread = readPlace(raw) })
	return at, errors.Join(err, misread)
}

// Replayed tells where a standby is, with one of the errors above unless that is behind a place.
func (p *Pool) Replayed(ctx context.Context, after Place) (at Place, err error) {
	rows, err := p.conns.Query(ctx, selectReplayed, after.text())
	if err != nil {
		return Place{}, err
	}
	return after.check(rows)
}

// System names the cluster of the database.
func (p *Pool) System(ctx context.Context) (name string, err error) {
	err = p.conns.QueryRow(ctx, selectSystem).Scan(&name)
	return name, err
}

// Behind gives what an organisation has of a standby, for reading: it is of no earlier place.
func (p *Pool) Behind(o org.ID, after Place) Tenant {
	t := p.Tenant(o)
	t.DB.after = after
	return t
}

// BreakOff closes the connections, so that whatever waits for an answer fails. Others are made
// when they are needed.
func (p *Pool) BreakOff() {
	p.conns.Reset()
	p.sockets.closeAll()
}

// send sends statements; to a standby, behind a place.
func (c conns) send(ctx context.Context, after Place, b *pgx.Batch) pgx.BatchResults {
	if after.IsZero() {
		return c.SendBatch(ctx, b)
	}
	all := new(pgx.Batch)
	all.Queue(selectReplayed, after.text())
	all.QueuedQueries = append(all.QueuedQueries, b.QueuedQueries...)
	results := c.SendBatch(ctx, all)
	rows, err := results.Query()
	if err == nil {
		_, err = after.check(rows)
	}
	if err != nil {
		all.QueuedQueries = all.QueuedQueries[:1] // nobody reads the others
		_ = results.Close()
		return noResults{err}
	}
	return results
}

// query sends one statement; to a standby, behind a place.
func (c conns) query(ctx context.Context, after Place, sql string, args ...any) (pgx.Rows, error) {
	if after.IsZero() {
		return c.Query(ctx, sql, args...)
	}
	b := new(pgx.Batch)
	b.Queue(sql, args...)
	results := c.send(ctx, after, b)
	rows, err := results.Query()
	if err != nil {
		_ = results.Close()
		return nil, err
	}
	return batchRows{rows, results}, nil
}

// batchRows are the last rows of a batch, which ends with them.
type batchRows struct {
	pgx.Rows
	batch pgx.BatchResults
}

func (r batchRows) Close() {
	r.Rows.Close()
	_ = r.batch.Close()
}

func (r batchRows) Next() bool {
	more := r.Rows.Next()
	if !more {
		r.Close()
	}
	return more
}

// newStandbyLookUps are those of a standby. Who is not answered asks the primary.
func newStandbyLookUps(c conns) *batched {
	flush := func(ctx context.Context, batch []*request) {
		ctx, cancel := context.WithTimeout(ctx, standbyLookUpTime)
		defer cancel()
		after := Place{}
		for _, r := range batch {
			after = after.later(r.after)
		}
		err := lookUpAll(ctx, c, after, batch)
		for _, r := range batch {
			if !r.answered {
				r.answered, r.err = true, err
			}
		}
	}
	alone := func(ctx context.Context, r *request) error {
		rows, err := c.query(ctx, r.after, r.sql, r.args...)
		if err != nil {
			return err
		}
		return r.read(rows)
	}
	return newBatched(freeLookUps(), int(c.Config().MaxConns), alone, flush)
}
