package postgres

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
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
	const many = 2*membersAtOnce + 500
	o.exec(makeUsers, o.org, many+1)
	o.exec(makeGroups, o.org, 1, many)
	group := numbered(2, 0)
	walk := func() (members []directory.Link) {
		for some, err := range o.Members(t.Context(), o.get(schema.Group, group, true).MemberIDs) {
			o.must(err)
			members = append(members, some...)
		}
		return members
	}
	var want []uuid.UUID
	for i := range many {
		want = append(want, numbered(1, i))
	}
	members := walk()
	expect(t, "members", linkIDs(members), want)
	expect(t, "one of them", members[many-1], directory.Link{ID: numbered(1, many-1), Display: "User 2499"})
	r := o.get(schema.Group, group, true)
	if r.Links != nil || !r.HasMore() || r.MemberCount != many {
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
	expect(t, "members of a large group", change(directory.MemberChange{Add: []uuid.UUID{numbered(1, many)}}).Links, nil)
	few := change(directory.MemberChange{Remove: want[directory.MaxAnswerMembers-1:]})
	expect(t, "members of a smaller one", linkIDs(few.Links), append(want[:directory.MaxAnswerMembers-1:directory.MaxAnswerMembers-1], numbered(1, many)))
	expect(t, "read", o.get(schema.Group, group, true), few)
	none := change(directory.MemberChange{Replace: true})
	expect(t, "members of an empty one", none.Links, []directory.Link{})
}

// To add or remove one member costs as much in a large group as in one of ten:
// PostgreSQL looks at about as many pages, and at no more rows.
func TestChangeMembers_CostsTheSameInALargeGroup(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	const many, few = 20_000, 10
	o.exec(makeUsers, o.org, many+1)
	o.exec(makeGroups, o.org, 2000, few) // so many that PostgreSQL takes all for small
	large, small := numbered(2, 0), numbered(2, 1)
	o.exec(`insert into group_members select org_id, $2, id from users where org_id = $1 order by id offset $3 limit $4`, o.org, large, few, many-few)
	o.exec(`update groups set member_count = $3 where org_id = $1 and id = $2`, o.org, large, many)
	o.exec(`vacuum analyze users, groups, group_members`)
	newcomer := numbered(1, many)
	for what, m := range map[string]directory.MemberChange{
		"add":               {Add: []uuid.UUID{newcomer}},
		"remove":            {Remove: []uuid.UUID{numbered(1, 7)}},
		"remove and add":    {Remove: []uuid.UUID{numbered(1, 8)}, Add: []uuid.UUID{newcomer}},
		"nothing to change": {Remove: []uuid.UUID{newcomer}, Add: []uuid.UUID{numbered(1, 9)}},
	} {
		pages, rows := o.costOf(large, m)
		fewPages, fewRows := o.costOf(small, m)
		if rows > fewRows || pages > fewPages+few {
			t.Errorf("%s: %d pages and %d rows in a group of %d, %d pages and %d rows in one of %d", what, pages, rows, many, fewPages, fewRows, few)
		}
	}
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
	tx, err := o.pool.Begin(ctx)
	o.must(err)
	defer tx.Rollback(ctx)
	_, err = tx.Exec(ctx, `set local plan_cache_mode = force_generic_plan`) // as it is after some requests
	o.must(err)
	_, err = tx.Prepare(ctx, "change", changeMembers)
	o.must(err)
	list := func(ids []uuid.UUID) string { return "{" + strings.Join(texts(ids), ",") + "}" }
	var text []byte
	o.must(tx.QueryRow(ctx, fmt.Sprintf(`explain (analyze, buffers, format json) execute change(%d, '%s', '%s', '%s', %d, '%s')`,
		o.org, group, list(m.Add), list(m.Remove), len(m.Add), now().Format(time.RFC3339Nano)), pgx.QueryExecModeSimpleProtocol).Scan(&text))
	o.must(tx.Conn().Deallocate(ctx, "change"))
	var plans []struct{ Plan planNode }
	o.must(json.Unmarshal(text, &plans))
	plan := plans[0].Plan
	return plan.Hit + plan.Read, plan.most()
}

func texts(ids []uuid.UUID) (list []string) {
	for _, id := range ids {
		list = append(list, id.String())
	}
	return list
}
