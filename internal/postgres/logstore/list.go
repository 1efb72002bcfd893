package logstore

import (
	"bytes"
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/provisioning"
)

// listLog reads a page of the log: walks through it, each by an index in its order, are
// merged.
var listLog = db.NewTemplate(`
select ` + logColumns + `
from   ([walks]) e
where  e.org_id = @org
order  by e.id [direction]
limit  [count]`)

// reachLog tells how far the walks lead that end before they have seen all: as far as the
// one that ends first.
var reachLog = db.NewTemplate(`
select e.id
from   ([walks]) e
where  e.org_id = @org
order  by e.id [direction]
limit  1`)

// Entries implements provisioning.Store. It looks in the newest months first, and in those
// before for what is left of the page.
func (l *Store) Entries(ctx context.Context, o org.ID, q provisioning.Query) (entries []provisioning.Entry, next uuid.UUID, err error) {
	walks, err := walksOf(ctx, l.pool.Of(o), int64(o), q)
	if err != nil {
		return nil, next, pgerr.Wrap("find walks through entries", err)
	}
	for _, s := range stretchesOf(q, l.pool.Clock.Now()) {
		s.Limit -= len(entries)
		var found []provisioning.Entry
		if found, next, err = l.entriesOf(ctx, o, walks, s); err != nil {
			return nil, next, pgerr.Wrap("list entries", err)
		}
		if entries = append(entries, found...); next != uuid.Nil || len(entries) > q.Limit {
			break
		}
	}
	if len(entries) > q.Limit {
		entries = entries[:q.Limit]
		next = entries[q.Limit-1].ID
	}
	return entries, next, nil
}

// entriesOf reads the entries of a stretch, and one more than is asked for. They are read
// before it is asked how far the walks have led: what is stored meanwhile brings their ends
// nearer, and what lies behind them is read with the next page.
func (l *Store) entriesOf(ctx context.Context, o org.ID, walks []walk, s stretch) (entries []provisioning.Entry, next uuid.UUID, err error) {
	b := new(pgx.Batch)
	sql, args := logPage(int64(o), walks, s)
	b.Queue(sql, args...).Query(func(rows pgx.Rows) error {
		entries, err = pgx.CollectRows(rows, scanLogEntry)
		return err
	})
	far := slices.ContainsFunc(walks, walk.ends)
	if far {
		sql, args := logReach(int64(o), walks, s)
		b.Queue(sql, args...).Query(func(rows pgx.Rows) error {
			return db.ReadAll(rows, func(raw [][]byte) { next = db.ReadID(raw[0]) })
		})
	}
	err = l.pool.Of(o).ForScan(far).SendBatch(ctx, b).Close()
	if next != uuid.Nil {
		entries = slices.DeleteFunc(entries, func(e provisioning.Entry) bool { return isBehind(e.ID, next, s.Query) })
	}
	return entries, next, err
}

// isBehind reports whether an id comes after another in the order of a query.
func isBehind(id, other uuid.UUID, q provisioning.Query) bool {
	if q.After != uuid.Nil {
		return bytes.Compare(id[:], other[:]) > 0
	}
	return bytes.Compare(id[:], other[:]) < 0
}

// logPage is the statement that reads a page, and one entry more.
func logPage(org int64, walks []walk, s stretch) (sql string, args []any) {
	parts := make([]db.Fragment, len(walks))
	for i, w := range walks {
		parts[i] = w.entries(s)
	}
	return listLog.Fill(org, db.In("walks", db.Join("\nunion all\n", parts...)), db.In("direction", directionOf(s.Query)), db.In("count", db.Number(s.Limit+1)))
}

// logReach is the statement that tells how far the walks of a page lead.
func logReach(org int64, walks []walk, s stretch) (sql string, args []any) {
	var parts []db.Fragment
	for _, w := range walks {
		if w.ends() {
			parts = append(parts, w.end(s))
		}
	}
	return reachLog.Fill(org, db.In("walks", db.Join("\nunion all\n", parts...)), db.In("direction", directionOf(s.Query)))
}

// directionOf is the order in which a page is read.
func directionOf(q provisioning.Query) db.Fragment {
	if q.After != uuid.Nil {
		return db.SQL("asc")
	}
	return db.SQL("desc")
}
