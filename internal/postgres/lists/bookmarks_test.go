package lists

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/postgres/records"
	"github.com/purescim/purescim/internal/postgres/searchtest"
	"github.com/purescim/purescim/internal/schema"
)

// numberedLists are the lists of an organisation of so many users, and their ids.
func numberedLists(t *testing.T, n int) (v Lists, ids []uuid.UUID) {
	t.Helper()
	s := searchtest.New(t)
	o := s.Orgs.Add(1)
	s.Add(t, o, schema.User, searchtest.Documents(n, searchtest.NumberedUser))
	s.Exec(t, "insert into counts (org_id, kind, n) values ($1, 1, $2)", o, n)
	opened, err := pool.Open(t.Context(), s.URL, pool.Options{MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(opened.Close)
	for i := range n {
		ids = append(ids, searchtest.Numbered(1, i))
	}
	tenant := opened.Tenant(org.ID(o))
	return New(records.NewRecent()).Of(&tenant), ids
}

// users reads a page of users and gives their ids.
func (v Lists) users(t *testing.T, q directory.Query) []uuid.UUID {
	t.Helper()
	p, err := v.List(t.Context(), schema.User, q)
	if err == nil {
		p, err = searchtest.WholePage(p)
	}
	if err != nil {
		t.Fatal(err)
	}
	return idsOf(p.Records)
}

func idsOf(records []directory.Record) []uuid.UUID {
	ids := []uuid.UUID{}
	for _, r := range records {
		ids = append(ids, r.ID)
	}
	return ids
}

func parsed(t *testing.T, typ *schema.Type, text string) *filter.Filter {
	t.Helper()
	f, err := filter.Parse(typ, text)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func expect[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func (v Lists) placeOf(t *schema.Type, q directory.Query, index int) place {
	here := newSource(directory.TypeQuery{Type: t, Query: q}, nil).here
	here.org, here.index = v.Org, index
	return here
}

func TestList_BookmarkIsUsed(t *testing.T) {
	t.Parallel()
	v, ids := numberedLists(t, 6)
	q := directory.Query{Start: 1, Count: 2}
	v.users(t, q)
	here := v.placeOf(schema.User, q, 3)
	mark, ok := v.marks.near(here)
	expect(t, "bookmark", ok && mark.after.ID == ids[1], true)
	v.marks.put(here, directory.Position{ID: ids[2]}, mark.total) // a sign that tells it from an OFFSET
	q.Start = 3
	expect(t, "page", v.users(t, q), ids[3:5])
}

// A page that was counted to is not counted to again, and one behind it is counted to
// from there.
func TestList_RemembersWhatItHasCountedTo(t *testing.T) {
	t.Parallel()
	v, ids := numberedLists(t, 9)
	v.Most = 1 // of a filter
	for _, q := range []directory.Query{{}, {Filter: parsed(t, schema.User, `userName sw "user"`)}} {
		q.Start, q.Count = 4, 1
		expect(t, "page", v.users(t, q), ids[3:4])
		here := v.placeOf(schema.User, q, 4)
		mark, ok := v.marks.near(here)
		expect(t, "bookmark", ok && mark.after.ID == precedingID(ids[3]), true)
		v.marks.forget()
		v.marks.put(here, directory.Position{ID: ids[3]}, mark.total) // signs that tell it from an OFFSET
		expect(t, "the page again", v.users(t, q), ids[4:5])
		q.Start = 6
		expect(t, "a page behind it", v.users(t, q), ids[6:7])
		q.Start = 3
		expect(t, "a page before it", v.users(t, q), ids[2:3])
	}
}

// Who has jumped to a page finds bookmarks all around it, which are of no use once somebody
// before them has gone.
func TestList_JumpLeavesBookmarksAround(t *testing.T) {
	t.Parallel()
	const last = 3*reach + 1
	v, ids := numberedLists(t, last)
	page := func(start int) directory.Query { return directory.Query{Start: start, Count: 2} }
	expect(t, "page", v.users(t, page(reach+700)), ids[reach+699:reach+701])
	for _, from := range []int{701, reach, reach + 700, reach + 701, 2*reach + 699} {
		at, known := v.marks.near(v.placeOf(schema.User, page(from), from))
		if !known || at.skip >= stride {
			t.Errorf("the bookmark before %d is %d before it (%t)", from, at.skip, known)
		}
		expect(t, "a page near it", v.users(t, page(from)), ids[from-1:from+1])
	}
	expect(t, "the end", v.users(t, page(last)), ids[last-1:])
	expect(t, "behind the end", v.users(t, page(last+1)), ids[:0])
	v.users(t, page(last+reach))
	if _, err := v.DB.Exec(t.Context(), `with gone as (delete from users where id = $2) update counts set n = n - 1 where org_id = $1`, v.Org, ids[0]); err != nil {
		t.Fatal(err)
	}
	expect(t, "when somebody has gone", v.users(t, page(2*reach)), ids[2*reach:2*reach+2])
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
		b.put(place{index: start}, directory.Position{}, start)
		b.near(place{index: 0})
	}
	var kept []int
	for start := range 3 {
		if at, ok := b.near(place{index: start}); ok && at.skip == 0 {
			kept = append(kept, start)
		}
	}
	expect(t, "kept", kept, []int{0, 2})
	b.put(place{index: 2}, directory.Position{}, 7)
	m, _ := b.near(place{index: 2})
	expect(t, "newer", m.total, 7)
	b.at[place{index: 2}].Value.(*bookmark).until = time.Now().Add(-time.Second)
	if at, ok := b.near(place{index: 2}); !ok || at.skip != 2 || len(b.at) != 1 || b.order.Len() != 1 || b.held != bookmarkSize {
		t.Error("an old bookmark is kept")
	}
	b.put(place{list: strings.Repeat("x", 2*bookmarkSize), index: 2}, directory.Position{}, 7)
	if len(b.at) != 0 || len(b.starts) != 0 || b.held != 0 {
		t.Errorf("%d bookmarks of %d lists in %d bytes are kept beside one that is larger than all", len(b.at), len(b.starts), b.held)
	}
}
