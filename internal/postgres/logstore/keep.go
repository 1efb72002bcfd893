package logstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/provisioning"
)

const (
	// monthsAhead is for how many months to come there are partitions.
	monthsAhead = 3
	// forgottenAtOnce is how many entries are deleted by one statement.
	forgottenAtOnce = 5000
	// longLock ends waiting for a table: what waits for it in vain is done an hour later.
	longLock = `set local lock_timeout = '2s'`
	// keepTurn lets one server at a time keep the log in order.
	keepTurn = `select pg_try_advisory_xact_lock(7207103216)`
)

// selectPartitions names the partitions of the log.
const selectPartitions = `
select c.relname::text
from   pg_inherits i
join   pg_class c on c.oid = i.inhrelid
where  i.inhparent = 'provisioning_log'::regclass`

const partitionPrefix = "provisioning_log_"

// Keep implements provisioning.Store.
func (l *Store) Keep(ctx context.Context) error {
	orgs, err := l.orgs(ctx)
	if err != nil {
		return err
	}
	now, longest := l.pool.Clock.Now(), 0
	for _, o := range orgs {
		longest = max(longest, o.Settings.ChangeLogDays, o.Settings.RefusalLogDays)
	}
	err = l.keepPartitions(ctx, now, now.AddDate(0, 0, -longest))
	for _, o := range orgs {
		changes, refusals := now.AddDate(0, 0, -o.Settings.ChangeLogDays), now.AddDate(0, 0, -o.Settings.RefusalLogDays)
		err = errors.Join(err, l.forget(ctx, o.ID, forgetRefusals, refusals), l.forget(ctx, o.ID, forgetChanges, changes), l.forgetCounted(ctx, o), l.forgetBrakes(ctx, o.ID))
	}
	return pgerr.Wrap("keep the provisioning log", err)
}

// keepPartitions makes the partitions of this month and of those to come, and drops those
// that ended before a time. One server does it; the others find it done.
func (l *Store) keepPartitions(ctx context.Context, now, before time.Time) error {
	known, err := l.partitions(ctx)
	if err != nil {
		return err
	}
	err = l.addPartitions(ctx, known, now, now)
	for name := range known {
		month, parsed := time.Parse("2006_01", strings.TrimPrefix(name, partitionPrefix))
		if parsed == nil && !monthOf(month, 1).After(before) {
			err = errors.Join(err, l.inTurn(ctx, []string{fmt.Sprintf(dropPartition, name)}))
		}
	}
	return err
}

// partitions are those that there are, by name.
func (l *Store) partitions(ctx context.Context) (known map[string]bool, err error) {
	known = map[string]bool{}
	err = db.Bound{SQL: selectPartitions}.ReadAll(ctx, l.pool.Own(), func(raw [][]byte) { known[string(raw[0])] = true })
	return known, err
}

// addPartitions makes those that are not known, of the month of a time to those that come
// behind another.
func (l *Store) addPartitions(ctx context.Context, known map[string]bool, since, now time.Time) (err error) {
	last := monthOf(now, monthsAhead)
	for month := monthOf(since, 0); !month.After(last); month = monthOf(month, 1) {
		if name := partitionOf(month); !known[name] {
			err = errors.Join(err, l.inTurn(ctx, addPartition(name, month, monthOf(month, 1))))
		}
	}
	return err
}

// inTurn runs statements in one transaction, unless another server is at it.
func (l *Store) inTurn(ctx context.Context, statements []string) error {
	return l.pool.Own().InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		mine := false
		if err := tx.QueryRow(ctx, keepTurn).Scan(&mine); err != nil || !mine {
			return err
		}
		for _, sql := range append([]string{longLock}, statements...) {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return err
			}
		}
		return nil
	})
}

// A partition is made as a table of its own first, so that it is in the way of writers for
// a moment only.
const (
	makePartition   = `create table if not exists %s (like provisioning_log including all)`
	attachPartition = `alter table provisioning_log attach partition %s for values from ('%s') to ('%s')`
	dropPartition   = `drop table if exists %s`
)

// addPartition are the statements that make a partition.
func addPartition(name string, from, to time.Time) []string {
	return []string{
		fmt.Sprintf(makePartition, name),
		fmt.Sprintf(attachPartition, name, provisioning.FirstID(from), provisioning.FirstID(to)),
	}
}

// partitionOf names the partition of a month.
func partitionOf(month time.Time) string { return partitionPrefix + month.Format("2006_01") }

// monthOf is the first moment of the month that is n after that of a time.
func monthOf(at time.Time, n int) time.Time {
	return time.Date(at.Year(), at.Month()+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
}

// What an organisation keeps no longer goes, the oldest first.
var (
	forgetRefusals = db.New(`
delete from provisioning_log e
where  e.org_id = @org and e.id in (
  select o.id
  from   provisioning_log o
  where  o.org_id = @org and o.id < @before and o.result <> 'success' and o.result in ('refused', 'held')
  order  by o.id
  limit  @most) and e.id < @before`)

	forgetChanges = db.New(`
delete from provisioning_log e
where  e.org_id = @org and e.id in (
  select o.id
  from   provisioning_log o
  where  o.org_id = @org and o.id < @before
  order  by o.id
  limit  @most) and e.id < @before`)
)

// forget deletes the entries of an organisation that one of the statements above finds
// before a time.
func (l *Store) forget(ctx context.Context, o org.ID, s db.Statement, before time.Time) error {
	for {
		tag, err := s.With(
			db.Org(o), db.Named("before", db.ID(provisioning.FirstID(before))), db.Named("most", forgottenAtOnce),
		).Exec(ctx, l.pool.Own())
		if err != nil || tag.RowsAffected() < forgottenAtOnce {
			return err
		}
	}
}
