package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/searchtest"
	"github.com/purescim/purescim/internal/schema"
)

func (o *tenant) list(t *schema.Type, q directory.Query) directory.Page {
	o.t.Helper()
	p, err := o.List(o.t.Context(), t, q)
	o.must(err)
	whole, err := searchtest.WholePage(p)
	o.must(err)
	return whole
}

// walk reads the list page by page and gives the ids in the order of the answers.
func (o *tenant) walk(t *schema.Type, q directory.Query) (ids []uuid.UUID) {
	o.t.Helper()
	for q.Start = 1; ; q.Start += q.Count {
		p := o.list(t, q)
		ids = append(ids, idsOf(p.Records)...)
		if q.Start+q.Count > p.Total {
			expect(o.t, "total", p.Total, len(ids))
			return ids
		}
	}
}

func parsed(t *testing.T, typ *schema.Type, text string) *filter.Filter {
	t.Helper()
	f, err := filter.Parse(typ, text)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestList_PagesAreTheExactSet(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	o.neighbour().users(3)
	ids := o.users(23)
	var odd []uuid.UUID
	for i, id := range ids {
		if i%2 == 1 {
			o.update(schema.User, id, with(schema.Active, false))
			odd = append(odd, id)
		}
	}
	active := slices.DeleteFunc(slices.Clone(ids), func(id uuid.UUID) bool { return slices.Contains(odd, id) })
	var groups []uuid.UUID
	for i := range 7 {
		groups = append(groups, o.group(fmt.Sprint("group ", i)).ID)
	}
	for _, count := range []int{1, 4, 5, 23, 100} {
		for name, c := range map[string]struct {
			typ  *schema.Type
			q    directory.Query
			want []uuid.UUID
		}{
			"all users":       {schema.User, directory.Query{}, ids},
			"active users":    {schema.User, directory.Query{ActiveOnly: true}, active},
			"inactive users":  {schema.User, directory.Query{Filter: parsed(t, schema.User, `active eq false`)}, odd},
			"filtered users":  {schema.User, directory.Query{Filter: parsed(t, schema.User, `userName sw "user0001"`)}, ids[10:20]},
			"groups":          {schema.Group, directory.Query{}, groups},
			"filtered groups": {schema.Group, directory.Query{Filter: parsed(t, schema.Group, `displayName ge "GROUP 2"`)}, groups[2:]},
		} {
			c.q.Count = count
			expect(t, fmt.Sprint(name, " by ", count), o.walk(c.typ, c.q), c.want)
			// Without bookmarks the pages are the same.
			o.ForgetBookmarks()
			c.q.Start = 2
			expect(t, fmt.Sprint(name, " from the second"), idsOf(o.list(c.typ, c.q).Records), c.want[1:min(1+count, len(c.want))])
			if count != 4 {
				continue
			}
			few := o.Most
			o.Most = 0 // so that each is far
			for skip := range len(c.want) + 2 {
				o.ForgetBookmarks()
				c.q.Start = skip + 1
				want := c.want[min(skip, len(c.want)):min(skip+count, len(c.want))]
				expect(t, fmt.Sprint(name, " behind ", skip), idsOf(o.list(c.typ, c.q).Records), want)
			}
			o.Most = few
		}
	}
	o.consistent()
}

func TestList_EmptyPagesHaveTheTotal(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	o.users(5)
	prefix := parsed(t, schema.User, `userName sw "user"`)
	for name, q := range map[string]directory.Query{
		"count 0":              {Start: 1},
		"count 0 of a filter":  {Start: 1, Filter: prefix},
		"past the end":         {Start: 6, Count: 2},
		"past a filter's end":  {Start: 6, Count: 2, Filter: prefix},
		"far past the end":     {Start: 1 << 40, Count: 1000},
		"active, past the end": {Start: 9, Count: 2, ActiveOnly: true},
	} {
		p := o.list(schema.User, q)
		expect(t, name, p.Total, 5)
		expect(t, name, len(p.Records), 0)
	}
	none := o.list(schema.User, directory.Query{Start: 1, Count: 5, Filter: parsed(t, schema.User, `userName eq "nobody"`)})
	expect(t, "nobody", none.Total, 0)
}

func TestList_RecordsAreThoseOfGet(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(4)
	sales := o.group("Sales", ids[:3]...)
	support := o.group("Support", ids[1:2]...)
	lonely := o.group("Lonely")
	for _, links := range []bool{false, true} {
		var people, groups []directory.Record
		for _, id := range ids {
			people = append(people, o.get(schema.User, id, links))
		}
		for _, g := range []directory.Record{sales, support, lonely} {
			groups = append(groups, o.get(schema.Group, g.ID, links))
		}
		q := directory.Query{Start: 1, Count: 10, Links: links, Chunks: true}
		expect(t, "users", o.list(schema.User, q).Records, people)
		o.Chunk = 2
		expect(t, "users in pieces", o.list(schema.User, q).Records, people)
		expect(t, "groups in pieces", o.list(schema.Group, q).Records, groups)
		q.Filter = parsed(t, schema.User, `userName co "USER"`)
		expect(t, "found users in pieces", o.list(schema.User, q).Records, people)
		q.Filter = nil
		expect(t, "groups", o.list(schema.Group, q).Records, groups)
		few := o.Most
		for _, far := range []int{few, 0} {
			o.Most, q.Start = far, 2
			expect(t, "users from the second", o.list(schema.User, q).Records, people[1:])
			expect(t, "groups from the second", o.list(schema.Group, q).Records, groups[1:])
		}
		o.Most, q.Start = few, 1
		q.Filter = parsed(t, schema.User, fmt.Sprintf(`groups.value eq "%s"`, support.ID))
		expect(t, "filtered users", o.list(schema.User, q).Records, people[1:2])
		q.Filter = parsed(t, schema.User, `userName eq "USER00001"`)
		expect(t, "found user", o.list(schema.User, q).Records, people[1:2])
		q.Filter = parsed(t, schema.Group, fmt.Sprintf(`members.value eq "%s"`, ids[0]))
		expect(t, "filtered groups", o.list(schema.Group, q).Records, groups[:1])
	}
}

func TestList_BookmarksAfterDeletes(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(12)
	for _, q := range []directory.Query{{}, {Filter: parsed(t, schema.User, `userName sw "user"`)}} {
		q.Start, q.Count = 1, 4
		o.list(schema.User, q) // leaves a bookmark at 5
		o.must(o.DeleteUser(t.Context(), schema.User, ids[0], anyVersion, schema.Manager.Clear))
		ids = ids[1:]
		q.Start = 5
		p := o.list(schema.User, q)
		expect(t, "page after a delete", idsOf(p.Records), ids[4:8])
		expect(t, "total", p.Total, len(ids))
	}
}

// A list whose request has gone does not go on in the database: here it would wait for
// the lock until its time is over.
func TestList_EndsWithItsRequest(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	held, err := o.Own().Begin(t.Context())
	o.must(err)
	defer held.Rollback(context.Background())
	waits := func(want int) {
		t.Helper()
		for o.number(`select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`) != want {
			time.Sleep(time.Millisecond)
		}
	}
	_, err = held.Exec(t.Context(), "lock table users in access exclusive mode")
	o.must(err)
	for _, text := range []string{`title co "x"`, `userName sw "user"`, `externalId eq "x"`} {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			_, err := o.List(ctx, schema.User, directory.Query{Start: 1, Count: 10, Filter: parsed(t, schema.User, text)})
			done <- err
		}()
		waits(1)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v, want that it was given up", text, err)
		}
		waits(0)
	}
}

func TestTotals_AreExactWhileWritersWrite(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	atOnce(t, func(n int) error {
		for i := range 12 {
			r, err := o.CreateUser(t.Context(), schema.User, directory.Edit{Doc: userDoc(fmt.Sprint(n, " ", i))})
			switch {
			case err != nil:
				return err
			case i%3 == 0:
				err = o.DeleteUser(t.Context(), schema.User, r.ID, anyVersion, schema.Manager.Clear)
			case i%3 == 1:
				_, err = o.Update(t.Context(), schema.User, r.ID, directory.Change{Edit: edit(with(schema.Active, false))})
			case n%4 == 0:
				err = o.FoldCounts(t.Context(), org.ID(o.Tenant.Org))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	total := func(active bool) int { return o.list(schema.User, directory.Query{Start: 1, ActiveOnly: active}).Total }
	for range 2 {
		expect(t, "all", total(false), writers*8)
		expect(t, "active", total(true), writers*4)
		o.consistent()
		o.must(o.foldAll(t.Context()))
		expect(t, "pending", o.number(`select count(*) from count_changes`), 0)
	}
}
