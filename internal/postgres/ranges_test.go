package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
)

// ranged is an organisation that has ranges when it has ten of a kind, and whose every page
// by index is looked for.
func ranged(t *testing.T) *tenant {
	o := newTenant(t)
	o.folding.RangeSize, o.Most = 2, 0
	return o
}

// rangedLists are the lists that have ranges, with what they hold.
var rangedLists = map[string]struct {
	typ    *schema.Type
	active bool
	ids    string
}{
	"users":        {schema.User, false, `select id from users where org_id = $1 order by id`},
	"active users": {schema.User, true, `select id from users where org_id = $1 and active order by id`},
	"groups":       {schema.Group, false, `select id from groups where org_id = $1 order by id`},
}

// placesAreExact compares a page of each list, from a random place on, with what it holds.
func (o *tenant) placesAreExact(ctx context.Context, random *rand.Rand, what string, held func(sql string) []uuid.UUID) error {
	o.ForgetBookmarks()
	for name, list := range rangedLists {
		ids := held(list.ids)
		skip := random.IntN(len(ids) + 2)
		p, err := o.List(ctx, list.typ, directory.Query{Start: skip + 1, Count: 3, ActiveOnly: list.active})
		if err != nil {
			return err
		}
		expect(o.t, fmt.Sprint(what, ": ", name, " behind ", skip), idsOf(p.Records), append([]uuid.UUID{}, ids[min(skip, len(ids)):min(skip+3, len(ids))]...))
		expect(o.t, what+": total", p.Total, len(ids))
	}
	return nil
}

func (o *tenant) idsOf(sql string) []uuid.UUID {
	rows, err := o.Own().Query(o.t.Context(), sql, o.Tenant.Org)
	o.must(err)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	o.must(err)
	return ids
}

// foldBefore is how the release before folds.
const foldBefore = `
with gone as (
  delete from count_changes d where d.org_id = $1 returning d.kind, d.n
)
insert into counts as c (org_id, kind, n)
select $1, gone.kind, sum(gone.n) from gone group by gone.kind order by gone.kind
on conflict (org_id, kind) do update set n = c.n + excluded.n`

// Whatever is created, deleted, comes back, is loaded or folded, by servers of this release and
// the one before: a page by index is that which an exact count finds.
func TestRanges_PlacesAreExact(t *testing.T) {
	t.Parallel()
	o := ranged(t)
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	o.users(12)
	var gone []string
	somebody := func() uuid.UUID { ids := o.idsOf(rangedLists["users"].ids); return ids[random.IntN(len(ids))] }
	steps := []struct {
		name   string
		weight int
		do     func(n int)
	}{
		{"create", 6, func(n int) { o.user(fmt.Sprint("new", n)) }},
		{"create a group", 4, func(n int) { o.group(fmt.Sprint("group", n)) }},
		{"delete", 4, func(int) {
			id := somebody()
			doc, err := schema.User.Load(o.get(schema.User, id, false).Doc)
			o.must(err)
			gone = append(gone, schema.UserName.Text(doc))
			o.must(o.DeleteUser(t.Context(), schema.User, id, anyVersion, schema.Manager.Clear))
		}},
		{"delete a group", 1, func(int) {
			if ids := o.idsOf(rangedLists["groups"].ids); len(ids) > 0 {
				o.must(o.DeleteGroup(t.Context(), ids[random.IntN(len(ids))], anyVersion))
			}
		}},
		{"come back", 3, func(int) {
			if len(gone) > 0 {
				o.user(gone[0])
				gone = gone[1:]
			}
		}},
		{"deactivate", 2, func(int) { o.update(schema.User, somebody(), with(schema.Active, false)) }},
		{"activate", 2, func(int) { o.update(schema.User, somebody(), with(schema.Active, true)) }},
		{"fold", 6, func(int) { o.must(o.FoldCounts(t.Context(), org.ID(o.Tenant.Org))) }},
		{"load", 1, func(n int) {
			o.must(o.LoadUsers(t.Context(), org.ID(o.Tenant.Org), schema.User, []directory.Edit{{Doc: userDoc(fmt.Sprint("loaded", n))}, {Doc: userDoc(fmt.Sprint("loaded too", n))}}))
		}},
		{"writes of the release before", 2, func(n int) {
			o.must(o.DeleteUser(t.Context(), schema.User, somebody(), anyVersion, schema.Manager.Clear))
			o.user(fmt.Sprint("before", n))
			o.exec(`update count_changes set resource_id = null where org_id = $1 and n <> 0`, o.Tenant.Org)
		}},
		{"fold of the release before", 1, func(int) { o.exec(foldBefore, o.Tenant.Org) }},
	}
	var drawn []int
	for i, s := range steps {
		drawn = append(drawn, slices.Repeat([]int{i}, s.weight)...)
	}
	used := 0
	for n := range 250 {
		s := steps[drawn[random.IntN(len(drawn))]]
		s.do(n)
		o.must(o.placesAreExact(t.Context(), random, fmt.Sprint(n, " ", s.name), o.idsOf))
		used += o.number(`select count(*) from count_ranges r where r.org_id = $1 and exists (
			select from count_changes d where d.org_id = $1 and d.kind = r.kind and d.id = '00000000-0000-0000-0000-000000000000')`, o.Tenant.Org)
		if t.Failed() {
			return
		}
	}
	if used < 250 { // one at each step, on average
		t.Errorf("there were %d ranges in 250 steps", used)
	}
	o.must(o.FoldCounts(t.Context(), org.ID(o.Tenant.Org)))
	o.consistent()
}

// The same, of a moment at which others write and several servers fold.
func TestRanges_PlacesAreExactWhileWritersWrite(t *testing.T) {
	t.Parallel()
	o := ranged(t)
	o.users(20)
	o.must(o.FoldCounts(t.Context(), org.ID(o.Tenant.Org)))
	moment := o.inMoments()
	done := make(chan struct{})
	read := make(chan struct{})
	go func() {
		defer close(read)
		random := rand.New(rand.NewPCG(1, 2))
		for ended := false; !ended && !t.Failed(); {
			select {
			case <-done:
				ended = true // and once more
			default:
			}
			err := moment.Tenant.Jointly(t.Context(), false, func(ctx context.Context) error {
				return moment.placesAreExact(ctx, random, "of a moment", func(sql string) (ids []uuid.UUID) {
					rows, err := moment.Tenant.DB.Query(ctx, sql, o.Tenant.Org)
					if err == nil {
						ids, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
					}
					if err != nil {
						t.Error(err)
					}
					return ids
				})
			})
			if err != nil {
				t.Error(err)
			}
		}
	}()
	atOnce(t, func(n int) error {
		for i := range 15 {
			name := fmt.Sprint(n, " ", i)
			r, err := o.CreateUser(t.Context(), schema.User, directory.Edit{Doc: userDoc(name)})
			if err != nil {
				return err
			}
			switch i % 4 {
			case 0:
				err = o.DeleteUser(t.Context(), schema.User, r.ID, anyVersion, schema.Manager.Clear)
				if i%8 == 0 && err == nil {
					_, err = o.CreateUser(t.Context(), schema.User, directory.Edit{Doc: userDoc(name)})
				}
			case 1:
				_, err = o.Update(t.Context(), schema.User, r.ID, directory.Change{Edit: edit(with(schema.Active, false))})
			case 2:
				err = o.FoldCounts(t.Context(), org.ID(o.Tenant.Org))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	close(done)
	<-read
	if n := o.number(`select count(*) from count_ranges`); n < 20 {
		t.Errorf("there are %d ranges of some 190 users", n)
	}
	o.consistent()
}

// inMoments is another server of the same database, each of whose transactions sees one moment.
func (o *tenant) inMoments() *tenant {
	s, err := Open(o.t.Context(), o.Own().Config().ConnString()+"&default_transaction_isolation=repeatable%20read", Options{MaxConns: 2})
	o.must(err)
	o.t.Cleanup(s.Close)
	other := tenantOf(s, org.ID(o.Tenant.Org), o.t)
	other.Most = 0
	return other
}

// Verify finds a range that is wrong.
func TestRanges_AreVerified(t *testing.T) {
	t.Parallel()
	o := ranged(t)
	o.users(12)
	o.must(o.FoldCounts(t.Context(), org.ID(o.Tenant.Org)))
	o.consistent()
	o.exec(`update count_ranges set n = n + 1 where org_id = $1 and from_id = '00000000-0000-0000-0000-000000000000'`, o.Tenant.Org)
	var found []string
	o.must(o.Verify(t.Context(), org.ID(o.Tenant.Org), schema.DefaultTypes, func(d string) { found = append(found, d) }))
	const want = "the number of users from 00000000-0000-0000-0000-000000000000 on is 3 instead of 2, 2 of them active instead of 2"
	if !slices.Contains(found, want) {
		t.Errorf("reported %q, want %q", strings.Join(found, "\n"), want)
	}
	// The next fold finds it too, and counts anew.
	o.must(o.FoldCounts(t.Context(), org.ID(o.Tenant.Org)))
	o.consistent()
	if n := o.number(`select count(*) from count_ranges`); n != 6 {
		t.Errorf("there are %d ranges of 12 users", n)
	}
}

// An organisation that comes as a whole is divided by several statements, of which each makes
// so many ranges at most.
func TestRanges_OfManyAtOnce(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	o.folding.RangeSize = 1
	many := make([]directory.Edit, 600)
	for i := range many {
		many[i] = directory.Edit{Doc: userDoc(fmt.Sprint("user", i))}
	}
	o.must(o.LoadUsers(t.Context(), org.ID(o.Tenant.Org), schema.User, many))
	o.must(o.FoldCounts(t.Context(), org.ID(o.Tenant.Org)))
	expect(t, "ranges", o.number(`select count(*) from count_ranges`), len(many))
	expect(t, "users in the largest", o.number(`select max(n) from count_ranges`), 1)
	o.consistent()
}
