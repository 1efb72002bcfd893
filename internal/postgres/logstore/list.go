package logstore

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
)

// A page of the log is read by the index that serves the most particular of what is asked
// for. What is asked for by a name is looked up by each id that has or had the name, and
// what went wrong by each result: each walks its index in the order of the log, and the
// walks are merged.
var listLog = db.NewTemplate(`
select ` + logColumns + `
from   ([walks]) e
where  e.org_id = @org
order  by e.id [direction]
limit  [count]`)

// walkLog is a walk on a condition, in a direction and of so many entries.
const walkLog = `(
select e.org_id, ` + logColumns + `
from   provisioning_log e
where  e.org_id = $1$?
order  by e.id $?
limit  $?)`

// findLog finds the entries of a request, which are few, and puts them in order. PostgreSQL
// looks for them before that (offset 0): it would rather walk the whole log in order, until
// a page is full, than sort what it takes for more.
const findLog = `(
select e.org_id, ` + logColumns + `
from   (select e.* from provisioning_log e where e.org_id = $1$? offset 0) e
order  by e.id $?
limit  $?)`

// targetsNamed finds the ids that have or had a name: users and groups as they are, users
// who were deleted, and what was renamed or deleted according to the log.
var targetsNamed = db.New(`
select u.id from users u where u.org_id = @org and u.user_name_key = @name
union
select d.id from deleted_users d where d.org_id = @org and d.user_name_key = @name
union
select g.id from groups g where g.org_id = @org and g.display_name_key = @name
union
select n.id from (
  select e.target_id as id
  from   provisioning_log e
  where  e.org_id = @org and e.target_key = @name and e.target_id is not null
  order  by e.id desc
  limit  100) n
limit 100`)

// Entries implements provisioning.Store.
func (l *Store) Entries(ctx context.Context, o org.ID, q provisioning.Query) ([]provisioning.Entry, error) {
	from := l.pool.Of(o)
	sources, err := sourcesOf(ctx, from, int64(o), q)
	if err != nil {
		return nil, pgerr.Wrap("find target of entries", err)
	}
	sql, args := logPage(int64(o), sources, q)
	rows, err := from.ForScan(q.Scans()).Query(ctx, sql, args...)
	if err != nil {
		return nil, pgerr.Wrap("list entries", err)
	}
	entries, err := pgx.CollectRows(rows, scanLogEntry)
	return entries, pgerr.Wrap("list entries", err)
}

// floorOfLog finds the entry that lies so many behind the beginning of a walk.
var floorOfLog = db.NewTemplate(`
select e.id
from   provisioning_log e
where  e.org_id = @org[condition]
order  by e.id desc
offset [look]
limit  1`)

// Floor implements provisioning.Store. Entries are counted as the walks of a page pass them,
// by the index that serves, and their rows are not looked at.
func (l *Store) Floor(ctx context.Context, o org.ID, q provisioning.Query, look int) (floor uuid.UUID, err error) {
	passed := provisioning.Query{From: q.From, To: q.To, Before: q.Before, Client: q.Client}
	if q.OfFew() {
		passed.Client = uuid.Nil
	}
	conditions := []db.Fragment{conditionOf(passed)}
	if q.OfFew() {
		conditions = append(conditions, db.SQL(" and e.result <> 'success' and e.result = any($?::text[])", wordsOf(q.Results)))
	}
	sql, args := floorOfLog.Fill(int64(o), db.In("condition", db.Join("", conditions...)), db.In("look", db.Number(look)))
	err = l.pool.Of(o).QueryRow(ctx, sql, args...).Scan(&floor)
	if errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, nil
	}
	return floor, pgerr.Wrap("find floor of entries", err)
}

// sourcesOf are the conditions of the walks by which the target of a query is found: one
// without a condition where no target is asked for.
func sourcesOf(ctx context.Context, from pool.Share, org int64, q provisioning.Query) ([]db.Fragment, error) {
	switch {
	case q.TargetID != uuid.Nil:
		return []db.Fragment{db.SQL(" and e.target_id = $?", db.ID(q.TargetID))}, nil
	case q.Target == "":
		return []db.Fragment{{}}, nil
	}
	name := schema.Fold(q.Target)
	sources := []db.Fragment{db.SQL(" and e.target_key = $? and e.target_id is null", name)}
	rows, err := targetsNamed.With(db.Org(org), db.Named("name", name)).Query(ctx, from)
	if err != nil {
		return nil, err
	}
	err = db.ReadAll(rows, func(raw [][]byte) {
		sources = append(sources, db.SQL(" and e.target_id = $?", db.ID(db.ReadID(raw[0]))))
	})
	return sources, err
}

// logPage is the statement that reads a page by walks from the sources.
func logPage(org int64, sources []db.Fragment, q provisioning.Query) (sql string, args []any) {
	condition, direction, count, walk := conditionOf(q), db.SQL("desc"), db.Number(q.Limit), walkLog
	if q.After != uuid.Nil {
		direction = db.SQL("asc")
	}
	if q.CorrelationID != "" {
		walk = findLog
	}
	var walks []db.Fragment
	for _, source := range sources {
		for _, result := range resultsOf(q) {
			walks = append(walks, db.SQL(walk, db.Join("", source, result, condition), direction, count))
		}
	}
	return listLog.Fill(org, db.In("walks", db.Join("\nunion all\n", walks...)), db.In("direction", direction), db.In("count", count))
}

// resultsOf are the conditions on the result, of which each has its walk: one for each
// result that an index serves, unless a target is asked for, of which there are few entries.
func resultsOf(q provisioning.Query) []db.Fragment {
	switch {
	case len(q.Results) == 0:
		return []db.Fragment{{}}
	case q.Target != "" || q.TargetID != uuid.Nil || slices.Contains(q.Results, provisioning.Success):
		return []db.Fragment{db.SQL(" and e.result = any($?::text[])", wordsOf(q.Results))}
	}
	var each []db.Fragment
	for _, result := range provisioning.Results {
		if slices.Contains(q.Results, result) {
			each = append(each, db.SQL(" and e.result = $? and e.result <> 'success'", string(result))) // which says that the index of the others serves
		}
	}
	return each
}

// conditionOf is what all entries of a list have in common, but for the target.
func conditionOf(q provisioning.Query) db.Fragment {
	var all []db.Fragment
	add := func(text string, args ...any) { all = append(all, db.SQL(" and "+text, args...)) }
	if !q.From.IsZero() {
		add("e.id >= $?", db.ID(provisioning.FirstID(q.From)))
	}
	if !q.To.IsZero() {
		add("e.id < $?", db.ID(provisioning.FirstID(q.To)))
	}
	if q.Before != uuid.Nil {
		add("e.id < $?", db.ID(q.Before))
	}
	if q.After != uuid.Nil {
		add("e.id > $?", db.ID(q.After))
	}
	if q.Floor != uuid.Nil {
		add("e.id >= $?", db.ID(q.Floor))
	}
	if q.Client != uuid.Nil {
		add("e.client_id = $?", db.ID(q.Client))
	}
	if q.Actor != "" {
		add("lower(e.actor) in ($?, $?, $?)", strings.ToLower(q.Actor), cliPrefix+strings.ToLower(q.Actor), personPrefix+strings.ToLower(q.Actor))
	}
	if q.Type != "" {
		add("e.target_type = $?", string(q.Type))
	}
	if len(q.Operations) > 0 {
		add("e.operation = any($?::text[])", wordsOf(q.Operations))
	}
	if q.CorrelationID != "" {
		// The operations of a bulk request have its id with a colon and their place. What
		// else lies between is left out.
		add("e.correlation_id >= $? and e.correlation_id < $?", q.CorrelationID, q.CorrelationID+";")
		add("(e.correlation_id = $? or e.correlation_id >= $?)", q.CorrelationID, q.CorrelationID+":")
	}
	for _, word := range q.Words {
		add("position($? in lower(concat_ws(' ', e.target_name, e.actor, e.error))) > 0", strings.ToLower(word))
	}
	return db.Join("", all...)
}

// wordsOf are words as an argument.
func wordsOf[T ~string](words []T) []string {
	list := make([]string, len(words))
	for i, word := range words {
		list[i] = string(word)
	}
	return list
}
