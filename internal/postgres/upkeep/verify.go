// Package upkeep maintains the database as a whole: it verifies what is derived, folds it
// again, analyses tables and reads figures.
//
// When that is done is left to package postgres; counts are folded by package counts.
package upkeep

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/counts"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/postgres/search"
	"github.com/purescim/purescim/internal/schema"
)

// verifyUsers reads each user with what is stored beside its document.
var verifyUsers = db.New(`
select u.id, u.doc, u.folded::text, k.kinds, k.keys, [columns]
from   users u
left   join (select user_id,
                    array_agg(kind order by kind, key) as kinds,
                    array_agg(key  order by kind, key) as keys
             from   user_keys
             where  org_id = @org
             group  by user_id) k on k.user_id = u.id
where  u.org_id = @org
order  by u.id`, search.Users.ReadAs("u"))

var verifyGroups = db.New(`
select g.id, g.doc, g.folded::text, null::smallint[], null::text[], [columns]
from   groups g
where  g.org_id = @org
order  by g.id`, search.Groups.ReadAs("g"))

const verifyOrphans = `
select k.user_id, k.kind, k.key
from   user_keys k
where  k.org_id = $1
and    not exists (select from users u where u.org_id = $1 and u.id = k.user_id)
order  by k.user_id, k.kind, k.key`

const verifyMemberCounts = `
select g.id, g.member_count, count(m.user_id)
from   groups g
left   join group_members m on m.org_id = $1 and m.group_id = g.id
where  g.org_id = $1
group  by g.id, g.member_count
having g.member_count <> count(m.user_id)
order  by g.id`

// verifyModifications finds rows that are missing, left over or of another time.
const verifyModifications = `
select coalesce(r.kind, t.kind), coalesce(r.id, t.id), coalesce(r.modified_at, t.modified_at), t.id is null
from   (select 1::bigint as kind, u.id, u.modified_at from users u where u.org_id = $1
        union all
        select 2, g.id, g.modified_at from groups g where g.org_id = $1) as r
full   join (select m.kind::bigint as kind, m.id, m.modified_at from modifications m where m.org_id = $1) as t
       on t.kind = r.kind and t.id = r.id and t.modified_at = r.modified_at
where  r.id is null or t.id is null
order  by coalesce(r.kind, t.kind), coalesce(r.id, t.id), r.id is null`

const verifyTotals = `
select kind::bigint, sum(kept)::bigint, sum(found)::bigint
from   (select c.kind, c.n as kept, 0 as found from counts c where c.org_id = $1
        union all
        select d.kind, d.n, 0 from count_changes d where d.org_id = $1
        union all
        select case when u.active then 1 else 2 end, 0, count(*) from users u where u.org_id = $1 group by u.active
        union all
        select 3, 0, count(*) from groups g where g.org_id = $1) as n
group  by kind
having sum(kept) <> sum(found)
order  by kind`

// verifyRanges compares the numbers of those ranges of ids that are to be right.
const verifyRanges = `
select f.kind::bigint, f.from_id, (f.n + c.n)::bigint, f.found, (f.active + c.active)::bigint, f.found_active
from   (
  select w.*,
         case w.kind
         when 3 then (select count(*) from groups g where g.org_id = $1 and g.id >= w.from_id and g.id < w.next_id)
         else (select count(*) from users u where u.org_id = $1 and u.id >= w.from_id and u.id < w.next_id) end as found,
         case w.kind
         when 3 then 0
         else (select count(*) from users u where u.org_id = $1 and u.active and u.id >= w.from_id and u.id < w.next_id) end as found_active
  from   (select r.kind, r.from_id, r.n, r.active, lead(r.from_id, 1, ` + db.GreatestID + `) over (partition by r.kind order by r.from_id) as next_id
          from   count_ranges r
          where  r.org_id = $1
          and    exists (select from count_changes s where s.org_id = $1 and s.kind = r.kind and s.id = ` + db.LeastID + `)) w
) f, lateral (
  select coalesce(sum(d.n), 0) as n, coalesce(sum(d.n) filter (where d.kind = 1), 0) as active
  from   count_changes d
  where  d.org_id = $1 and (d.kind = 3) = (f.kind = 3) and d.resource_id >= f.from_id and d.resource_id < f.next_id
) c
where  (f.n + c.n, f.active + c.active) <> (f.found, f.found_active)
and    not exists (
  select from count_changes d
  where  d.org_id = $1 and (d.kind = 3) = (f.kind = 3) and d.n <> 0 and d.resource_id is null)
order  by f.kind, f.from_id`

// Verify compares everything that is derived with what it is derived from, in
// one snapshot of the organisation, and reports each difference in words:
// columns, keys and folded copies with the documents, member counts with the
// members, modifications, totals and ranges with the resources. types are User and Group, as directory.New
// takes them.
func Verify(ctx context.Context, p *pool.Pool, o org.ID, types schema.Types, report func(difference string)) error {
	return inSnapshot(ctx, p, o, report, func(check verification) error {
		for _, t := range types {
			if err := check.documents(ctx, t); err != nil {
				return err
			}
		}
		return check.rows(ctx)
	})
}

// inSnapshot checks an organisation as it is at one moment.
func inSnapshot(ctx context.Context, p *pool.Pool, o org.ID, report func(string), check func(c verification) error) error {
	snapshot := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, p.Own(), snapshot, func(tx pgx.Tx) error {
		// Reading everything may take longer than any request is given.
		if _, err := tx.Exec(ctx, `set local statement_timeout = 0`); err != nil {
			return err
		}
		return check(verification{tx, int64(o), report})
	})
	return pgerr.Wrap("verify", err)
}

type verification struct {
	tx     pgx.Tx
	org    int64
	report func(string)
}

func (c verification) documents(ctx context.Context, t *schema.Type) error {
	s := verifyGroups
	if search.TableOf(t) == search.Users {
		s = verifyUsers
	}
	_, err := db.Collect(ctx, c.tx, s.With(db.Org(c.org)), func(r pgx.CollectableRow) (struct{}, error) {
		return struct{}{}, c.document(t, r)
	})
	return err
}

// document checks one resource.
func (c verification) document(t *schema.Type, r pgx.CollectableRow) error {
	var (
		id          uuid.UUID
		doc, folded []byte
		kinds       []int16
		keys        []string
	)
	stored := search.Row{Columns: make([]any, len(search.TableOf(t).ColumnNames))}
	targets := []any{&id, &doc, &folded, &kinds, &keys}
	for i := range stored.Columns {
		targets = append(targets, &stored.Columns[i])
	}
	if err := r.Scan(targets...); err != nil {
		return err
	}
	stored.Folded = folded
	for i := range kinds {
		stored.Keys = append(stored.Keys, search.Key{Kind: kinds[i], Text: keys[i]})
	}
	for _, difference := range diffDocument(t, id, doc, stored) {
		c.report(fmt.Sprintf("%s %s: %s", t.Name, id, difference))
	}
	return nil
}

func diffDocument(t *schema.Type, id uuid.UUID, stored []byte, beside search.Row) []string {
	doc, err := t.Load(stored)
	if err != nil {
		return []string{"the document cannot be read: " + err.Error()}
	}
	differences := search.Diff(t, doc, beside)
	if schema.ID.Text(doc) != id.String() {
		differences = append(differences, "the document has the id "+schema.ID.Text(doc))
	}
	if !bytes.Equal(t.Encode(doc), stored) {
		differences = append(differences, "the document is not rendered as it would be now")
	}
	return differences
}

var countNames = map[int64]string{
	int64(counts.ActiveUsers): "active users", int64(counts.InactiveUsers): "inactive users", int64(counts.Groups): "groups",
}

// rows checks what is beside no single document.
func (c verification) rows(ctx context.Context) error {
	err := c.each(ctx, verifyOrphans, func(raw [][]byte) string {
		return fmt.Sprintf("the key %q of kind %d is of user %s, who does not exist", raw[2], db.ReadShort(raw[1]), db.ReadID(raw[0]))
	})
	if err != nil {
		return err
	}
	err = c.each(ctx, verifyMemberCounts, func(raw [][]byte) string {
		return fmt.Sprintf("Group %s: member_count is %d instead of %d", db.ReadID(raw[0]), db.ReadInt(raw[1]), db.ReadInt(raw[2]))
	})
	if err != nil {
		return err
	}
	if err := c.each(ctx, verifyModifications, differentModification); err != nil {
		return err
	}
	err = c.each(ctx, verifyTotals, func(raw [][]byte) string {
		return fmt.Sprintf("the total of %s is %d instead of %d", countNames[db.ReadInt(raw[0])], db.ReadInt(raw[1]), db.ReadInt(raw[2]))
	})
	if err != nil {
		return err
	}
	return c.each(ctx, verifyRanges, func(raw [][]byte) string {
		resource := search.Users
		if int16(db.ReadInt(raw[0])) == counts.Groups {
			resource = search.Groups
		}
		return fmt.Sprintf("the number of %s from %s on is %d instead of %d, %d of them active instead of %d", resource.Name, db.ReadID(raw[1]),
			db.ReadInt(raw[2]), db.ReadInt(raw[3]), db.ReadInt(raw[4]), db.ReadInt(raw[5]))
	})
}

func differentModification(raw [][]byte) string {
	resource := search.Users
	if int16(db.ReadInt(raw[0])) == search.Groups.Modified {
		resource = search.Groups
	}
	what := "has a row too many"
	if raw[3][0] != 0 {
		what = "lacks the row"
	}
	return fmt.Sprintf("%s %s: modifications %s of %s", resource.Name, db.ReadID(raw[1]), what, db.ReadTime(raw[2]).Format(time.RFC3339Nano))
}

// each reports what differs in the rows of a statement.
func (c verification) each(ctx context.Context, sql string, difference func(raw [][]byte) string) error {
	return db.Bound{SQL: sql, Args: []any{c.org}}.ReadAll(ctx, c.tx, func(raw [][]byte) { c.report(difference(raw)) })
}
