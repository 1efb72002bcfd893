package postgres

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/testdb"
)

// updates counts those of a table, and those among them that touched no index.
type updates struct{ all, heapOnly int }

func (o *tenant) updates(table string) (u updates) {
	o.t.Helper()
	const counted = `select coalesce(sum(n_tup_upd), 0)::int, coalesce(sum(n_tup_hot_upd), 0)::int from pg_stat_user_tables where relname = $1`
	o.must(o.Own().QueryRow(o.t.Context(), counted, table).Scan(&u.all, &u.heapOnly))
	return u
}

// heapOnly fails the test unless 95% of the updates of a table that work makes touch
// no index. PostgreSQL's own work, such as ANALYZE, can be in the way: so it may try
// again.
func (o *tenant) heapOnly(table string, made int, work func(o *tenant, round int)) {
	o.t.Helper()
	const tries = 5
	best := 0
	for round := range tries {
		before := o.updates(table)
		s, err := Open(o.t.Context(), o.Own().Config().ConnString(), Options{MaxConns: 1})
		o.must(err)
		work(tenantOf(s, org.ID(o.Tenant.Org), o.t), round)
		s.Close() // PostgreSQL counts what a connection did at its end
		var after updates
		waitUntil(o.t, fmt.Sprintf("%d updates of %s are counted", made, table), func() bool {
			after = o.updates(table)
			return after.all >= before.all+made
		})
		if best = max(best, 100*(after.heapOnly-before.heapOnly)/(after.all-before.all)); best >= 95 {
			return
		}
	}
	o.t.Errorf("at most %d%% of the updates of %s touched no index, want 95%%", best, table)
}

// The two kinds of change that are by far the most frequent write no index: one of an
// attribute that is not searched by an index, and one of the members of a group as far
// as the group is concerned.
func TestStorage_UpdatesAreHeapOnly(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), testdb.NewAlone(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	o := tenantOf(s, org.NewID(), t)
	const people, teams = 100, 10
	var ids, groups []uuid.UUID
	for i := range people {
		// Documents of a few hundred bytes to more than a thousand.
		about := strings.Repeat("What there is to be said about someone. ", i%25)
		ids = append(ids, o.user(fmt.Sprintf("user%05d@example.org", i), func(doc scim.Document) { doc["nickName"] = about }).ID)
	}
	for i := range teams {
		groups = append(groups, o.group(fmt.Sprintf("Team %d", i)).ID)
	}
	o.heapOnly("users", people, func(o *tenant, round int) {
		for _, id := range ids {
			o.update(schema.User, id, with(schema.Title, fmt.Sprintf("Analyst, grade %d", round)))
		}
	})
	o.heapOnly("groups", people, func(o *tenant, round int) {
		for i, id := range ids {
			m := directory.MemberChange{Add: []uuid.UUID{id}, Limit: 1}
			if round%2 == 1 {
				m.Add, m.Remove = nil, m.Add
			}
			o.changeMembers(groups[i%teams], m)
		}
	})
}
