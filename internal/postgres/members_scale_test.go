package postgres

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/searchtest"
	"github.com/purescim/purescim/internal/schema"
)

// makeUsers and makeGroups make users, and groups of the first of them, with the ids
// that numbered gives: faster than the store does.
const makeUsers = `
insert into users (org_id, id, version, created_at, modified_at, active, user_name_key, display_name, doc, folded)
select $1, ('01000000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, 1, now(), now(), true, 'user' || i, 'User ' || i, '{}', '{}'
from   generate_series(0, $2::bigint - 1) i`

const makeGroups = `
with created as (
  insert into groups (org_id, id, version, created_at, modified_at, display_name, display_name_key, member_count, type, visibility, rules_visible, doc, folded)
  select $1, ('02000000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, 1, now(), now(), 'Group ' || i, 'group ' || i, $3::bigint, '', '', true,
         '{}', '{}'
  from   generate_series(0, $2::bigint - 1) i
  returning id
)
insert into group_members (org_id, group_id, user_id)
select $1, created.id, ('01000000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid
from   created, generate_series(0, $3::bigint - 1) i`

// The members of a group that are too many to be listed are not read with it, nor
// after a change, and can be walked.
func TestMembers_OfALargeGroup(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	const many = 2500 // who are named by three statements
	o.exec(makeUsers, o.Tenant.Org, many+1)
	o.exec(makeGroups, o.Tenant.Org, 1, many)
	group := searchtest.Numbered(2, 0)
	walk := func() (members []directory.Link) {
		for some, err := range o.Members(t.Context(), o.get(schema.Group, group, true).MemberIDs) {
			o.must(err)
			members = append(members, some...)
		}
		return members
	}
	var want []uuid.UUID
	for i := range many {
		want = append(want, searchtest.Numbered(1, i))
	}
	members := walk()
	expect(t, "members", linkIDs(members), want)
	expect(t, "one of them", members[many-1], directory.Link{ID: searchtest.Numbered(1, many-1), Display: "User 2499"})
	r := o.get(schema.Group, group, true)
	if r.Links != nil || !r.MembersOmitted() || r.MemberCount != many {
		t.Errorf("%d of %d members were read", len(r.Links), r.MemberCount)
	}
	for range o.Members(t.Context(), r.MemberIDs) {
		break // a walk may end early
	}

	change := func(m directory.MemberChange) directory.Record {
		t.Helper()
		m.Limit, m.Links = many, true
		return o.changeMembers(group, m)
	}
	expect(t, "members of a large group", change(directory.MemberChange{Add: []uuid.UUID{searchtest.Numbered(1, many)}}).Links, nil)
	few := change(directory.MemberChange{Remove: want[directory.MaxAnswerMembers-1:]})
	expect(t, "members of a smaller one", linkIDs(few.Links), append(want[:directory.MaxAnswerMembers-1:directory.MaxAnswerMembers-1], searchtest.Numbered(1, many)))
	expect(t, "read", o.get(schema.Group, group, true), few)
	none := change(directory.MemberChange{Replace: true})
	expect(t, "members of an empty one", none.Links, []directory.Link{})
}

// To add or remove one member costs as much in a large group as in one of ten:
// PostgreSQL looks at about as many pages, and at no more rows. So it does before its first
// ANALYZE.
func TestChangeMembers_CostsTheSameInALargeGroup(t *testing.T) {
	t.Parallel()
	for _, prepare := range []string{`vacuum analyze users, groups, group_members`, `vacuum users, groups, group_members`} {
		t.Run(prepare, func(t *testing.T) {
			t.Parallel()
			changesCostTheSame(t, prepare)
		})
	}
}

func changesCostTheSame(t *testing.T, prepare string) {
	o := newTenant(t)
	for _, table := range []string{"users", "groups", "group_members"} {
		o.exec(`alter table ` + table + ` set (autovacuum_enabled = off)`)
	}
	const many, few = 20_000, 10
	o.exec(makeUsers, o.Tenant.Org, many+1)
	o.exec(makeGroups, o.Tenant.Org, 2000, few) // so many that PostgreSQL takes all for small
	large, small := searchtest.Numbered(2, 0), searchtest.Numbered(2, 1)
	o.exec(`insert into group_members select org_id, $2, id from users where org_id = $1 order by id offset $3 limit $4`, o.Tenant.Org, large, few, many-few)
	o.exec(`update groups set member_count = $3 where org_id = $1 and id = $2`, o.Tenant.Org, large, many)
	o.exec(prepare)
	newcomer := searchtest.Numbered(1, many)
	o.costOf(small, directory.MemberChange{Add: []uuid.UUID{newcomer}}) // has the connection know the tables
	for what, m := range map[string]directory.MemberChange{
		"add":               {Add: []uuid.UUID{newcomer}},
		"remove":            {Remove: []uuid.UUID{searchtest.Numbered(1, 7)}},
		"remove and add":    {Remove: []uuid.UUID{searchtest.Numbered(1, 8)}, Add: []uuid.UUID{newcomer}},
		"nothing to change": {Remove: []uuid.UUID{newcomer}, Add: []uuid.UUID{searchtest.Numbered(1, 9)}},
	} {
		pages, rows := o.costOf(large, m)
		fewPages, fewRows := o.costOf(small, m)
		if rows > fewRows || pages > fewPages+few {
			t.Errorf("%s: %d pages and %d rows in a group of %d, %d pages and %d rows in one of %d", what, pages, rows, many, fewPages, fewRows, few)
		}
	}
	some := db.IDs{searchtest.Numbered(1, 7), newcomer}
	pages, rows := o.costOfAsking(large, some)
	fewPages, fewRows := o.costOfAsking(small, some)
	if rows > fewRows || pages > fewPages+few {
		t.Errorf("asked for: %d pages and %d rows in a group of %d, %d pages and %d rows in one of %d", pages, rows, many, fewPages, fewRows, few)
	}
}

// costOfAsking is costOf for the question which users are members.
func (o *tenant) costOfAsking(group uuid.UUID, users db.IDs) (pages, rows int) {
	o.t.Helper()
	var text []byte
	sql := `explain (analyze, buffers, format json) ` + sourceStatements(o.t)["selectSomeMembers"]
	o.must(o.Own().QueryRow(o.t.Context(), sql, o.Tenant.Org, db.ID(group), users).Scan(&text))
	var plans []struct{ Plan planNode }
	o.must(json.Unmarshal(text, &plans))
	return plans[0].Plan.Hit + plans[0].Plan.Read, plans[0].Plan.most()
}

// planNode is a step of PostgreSQL's account of how it ran a statement.
type planNode struct {
	Hit   int     `json:"Shared Hit Blocks"`
	Read  int     `json:"Shared Read Blocks"`
	Rows  float64 `json:"Actual Rows"`
	Loops float64 `json:"Actual Loops"`
	Plans []planNode
}

// most is the most rows that any step gave.
func (n planNode) most() int {
	rows := int(n.Rows * n.Loops)
	for _, p := range n.Plans {
		rows = max(rows, p.most())
	}
	return rows
}

// costOf makes a change, and takes it back: how many pages were looked at, and the
// most rows that a step gave.
func (o *tenant) costOf(group uuid.UUID, m directory.MemberChange) (pages, rows int) {
	o.t.Helper()
	ctx := o.t.Context()
	tx, err := o.Own().Begin(ctx)
	o.must(err)
	defer tx.Rollback(ctx)
	_, err = tx.Exec(ctx, `set local plan_cache_mode = force_generic_plan`) // as it is after some requests
	o.must(err)
	name := "changeMembers"
	switch {
	case len(m.Remove) == 0:
		name = "addMembers"
	case len(m.Add) == 0:
		name = "removeMembers"
	}
	change := o.statement(name)
	_, err = tx.Prepare(ctx, "change", change.String())
	o.must(err)
	list := func(ids []uuid.UUID) string { return "'{" + strings.Join(texts(ids), ",") + "}'" }
	at := "'" + now().Format(time.RFC3339Nano) + "'"
	values := []string{strconv.FormatInt(o.Tenant.Org, 10)}
	for _, value := range change.Args(o.Tenant.Org,
		db.Named("id", "'"+group.String()+"'"), db.Named("add", list(m.Add)), db.Named("count", len(m.Add)), db.Named("remove", list(m.Remove)), db.Named("at", at),
		db.Named("brake_client", "'"+group.String()+"'"), db.Named("brake_n", 1), db.Named("brake_least", 100), db.Named("brake_percent", 50),
		db.Named("brake_idle", at), db.Named("brake_at", at), db.Named("brake_since", at), db.Named("brake_began", at),
		db.Named("log_id", "'"+o.Clock.NewID().String()+"'"), db.Named("log_client", "null"), db.Named("log_actor", "'test'"),
		db.Named("log_correlation", "''"), db.Named("log_result", "'success'"), db.Named("log_detail", "'{}'"))[1:] {
		values = append(values, fmt.Sprint(value))
	}
	var text []byte
	o.must(tx.QueryRow(ctx, `explain (analyze, buffers, format json) execute change(`+strings.Join(values, ", ")+`)`, pgx.QueryExecModeSimpleProtocol).Scan(&text))
	o.must(tx.Conn().Deallocate(ctx, "change"))
	var plans []struct{ Plan planNode }
	o.must(json.Unmarshal(text, &plans))
	plan := plans[0].Plan
	return plan.Hit + plan.Read, plan.most()
}

// statement finds the statement of a variable.
func (o *tenant) statement(name string) db.Statement {
	o.t.Helper()
	text := sourceStatements(o.t)[name]
	all := db.All()
	i := slices.IndexFunc(all, func(m db.Made) bool { return m.String() == text })
	if i < 0 {
		o.t.Fatalf("%s is no statement", name)
	}
	return all[i].Statement
}

func texts(ids []uuid.UUID) (list []string) {
	for _, id := range ids {
		list = append(list, id.String())
	}
	return list
}
