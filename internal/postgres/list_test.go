package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
)

func (o *tenant) list(t *schema.Type, q directory.Query) directory.Page {
	o.t.Helper()
	p, err := o.List(o.t.Context(), t, q)
	o.must(err)
	whole, err := gathered(o.t.Context(), p)
	o.must(err)
	return whole
}

// gathered puts the pieces of a page together.
func gathered(ctx context.Context, p directory.Page) (whole directory.Page, err error) {
	whole = p
	for p.Rest != nil {
		if p, err = p.Rest(ctx); err != nil {
			return whole, err
		}
		whole.Records = append(whole.Records, p.Records...)
		whole.Types = append(whole.Types, p.Types...)
		whole.Next = p.Next
	}
	whole.Rest = nil
	return whole, nil
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
			o.marks = newBookmarks()
			c.q.Start = 2
			expect(t, fmt.Sprint(name, " from the second"), idsOf(o.list(c.typ, c.q).Records), c.want[1:min(1+count, len(c.want))])
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
		q := directory.Query{Start: 1, Count: 10, Links: links, Pieces: true}
		expect(t, "users", o.list(schema.User, q).Records, people)
		o.atOnce = 2
		expect(t, "users in pieces", o.list(schema.User, q).Records, people)
		expect(t, "groups in pieces", o.list(schema.Group, q).Records, groups)
		q.Filter = parsed(t, schema.User, `userName co "USER"`)
		expect(t, "found users in pieces", o.list(schema.User, q).Records, people)
		q.Filter = nil
		expect(t, "groups", o.list(schema.Group, q).Records, groups)
		for _, far := range []int{few, 0} {
			o.few, q.Start = far, 2
			expect(t, "users from the second", o.list(schema.User, q).Records, people[1:])
			expect(t, "groups from the second", o.list(schema.Group, q).Records, groups[1:])
		}
		o.few, q.Start = few, 1
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

func TestList_BookmarkIsUsed(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(6)
	q := directory.Query{Start: 1, Count: 2}
	o.list(schema.User, q)
	here := o.listing(schema.User, q).place(3)
	mark, ok := o.marks.find(here)
	expect(t, "bookmark", ok && mark.after.ID == ids[1], true)
	o.marks.put(here, directory.Position{ID: ids[2]}, mark.total) // a sign that tells it from an OFFSET
	q.Start = 3
	expect(t, "page", idsOf(o.list(schema.User, q).Records), ids[3:5])
}

// A list whose request has gone does not go on in the database: here it would wait for
// the lock until its time is over.
func TestList_EndsWithItsRequest(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	held, err := o.pool.Begin(t.Context())
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

// A page that was counted to is not counted to again, and one behind it is counted to
// from there.
func TestList_RemembersWhatItHasCountedTo(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(9)
	o.few = 1 // of a filter
	for _, q := range []directory.Query{{}, {Filter: parsed(t, schema.User, `userName sw "user"`)}} {
		q.Start, q.Count = 4, 1
		expect(t, "page", idsOf(o.list(schema.User, q).Records), ids[3:4])
		here := o.listing(schema.User, q).place(4)
		mark, ok := o.marks.find(here)
		expect(t, "bookmark", ok && mark.after.ID == precedingID(ids[3]), true)
		o.marks.forget()
		o.marks.put(here, directory.Position{ID: ids[3]}, mark.total) // signs that tell it from an OFFSET
		expect(t, "the page again", idsOf(o.list(schema.User, q).Records), ids[4:5])
		q.Start = 6
		expect(t, "a page behind it", idsOf(o.list(schema.User, q).Records), ids[6:7])
		q.Start = 3
		expect(t, "a page before it", idsOf(o.list(schema.User, q).Records), ids[2:3])
	}
}

func TestPrecedingID(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"00000000-0000-0000-0000-000000000001": "00000000-0000-0000-0000-000000000000",
		"01a22361-0000-7000-8000-000000000000": "01a22361-0000-7000-7fff-ffffffffffff",
		"01a22361-0000-7000-8000-0000000000ff": "01a22361-0000-7000-8000-0000000000fe",
	} {
		if got := precedingID(uuid.MustParse(id)).String(); got != want {
			t.Errorf("before %s is %s, want %s", id, got, want)
		}
	}
}

func TestBookmarks_AreBounded(t *testing.T) {
	t.Parallel()
	b := newBookmarks()
	b.limit = 2 * bookmarkSize
	for start := range 3 {
		b.put(place{start: start}, directory.Position{}, start)
		b.find(place{start: 0})
	}
	var kept []int
	for start := range 3 {
		if _, ok := b.find(place{start: start}); ok {
			kept = append(kept, start)
		}
	}
	expect(t, "kept", kept, []int{0, 2})
	b.put(place{start: 2}, directory.Position{}, 7)
	m, _ := b.find(place{start: 2})
	expect(t, "newer", m.total, 7)
	b.at[place{start: 2}].Value.(*marked).until = now().Add(-1)
	if _, ok := b.find(place{start: 2}); ok || len(b.at) != 1 || b.order.Len() != 1 || b.held != bookmarkSize {
		t.Error("an old bookmark is kept")
	}
	b.put(place{filter: strings.Repeat("x", 2*bookmarkSize), start: 2}, directory.Position{}, 7)
	if len(b.at) != 0 || len(b.starts) != 0 || b.held != 0 {
		t.Errorf("%d bookmarks of %d lists in %d bytes are kept beside one that is larger than all", len(b.at), len(b.starts), b.held)
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
				err = o.FoldCounts(t.Context(), org.ID(o.org))
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
