package lists

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/postgres/records"
	"github.com/purescim/purescim/internal/postgres/search"
	"github.com/purescim/purescim/internal/postgres/searchtest"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Whatever is listed, by whatever filter and in whatever order: the pages by
// index and those by position are, one after the other, exactly what memory says.
func TestLists_AreTwinsOfMemory(t *testing.T) {
	t.Parallel()
	s := searchtest.New(t)
	store, err := pool.Open(t.Context(), s.URL, pool.Options{MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	listing := New(records.NewRecent())
	rapid.Check(t, func(rt *rapid.T) {
		w := searchtest.DrawWorld(rt)
		for i, user := range w.Users {
			if schema.UserName.Text(user) == "" { // which the rules do not allow
				schema.UserName.Set(user, fmt.Sprint("unnamed ", i))
			}
		}
		org := s.Orgs.Add(1)
		s.Add(rt, org, searchtest.TestUser, w.Users)
		s.Add(rt, org, schema.Group, w.Groups)
		s.Link(rt, org, w.Members)
		for range 2 {
			listing.Most = rapid.IntRange(0, searchtest.TwinUsers).Draw(rt, "few")
			listing.Chunk = rapid.IntRange(1, 4).Draw(rt, "atOnce")
			l := drawList(rt, w)
			want := l.inMemory()
			tenant := store.Tenant(0)
			tenant.Org = org
			v := listing.Of(&tenant)
			count := rapid.IntRange(1, 6).Draw(rt, "count")
			if diff := gocmp.Diff(want, l.byIndex(rt, v, count)); diff != "" {
				rt.Fatalf("%s by index (-in memory +in the database)\n%s\n%s", l, diff, searchtest.Printed(l.docs()))
			}
			if diff := gocmp.Diff(want, l.byPosition(rt, v, count)); diff != "" {
				rt.Fatalf("%s by position (-in memory +in the database)\n%s\n%s", l, diff, searchtest.Printed(l.docs()))
			}
		}
	})
}

// drawn is a list of one type or of several.
type drawn struct {
	filter, sortBy, sortOrder string
	of                        []directory.TypeQuery
	from                      [][]scim.Document // for each of them
}

func (l drawn) String() string { return l.filter + " by " + l.sortBy + " " + l.sortOrder }

func (l drawn) docs() []scim.Document { return slices.Concat(l.from...) }

func drawList(t *rapid.T, w *searchtest.World) drawn {
	types, docs := []*schema.Type{searchtest.TestUser, schema.Group}, [][]scim.Document{w.Users, w.Groups}
	subject := rapid.IntRange(0, 1).Draw(t, "of users or groups")
	l := drawn{filter: "id pr"}
	if searchtest.OneIn(t, 2) {
		l.filter = w.DrawFilter(t, types[subject])
	}
	if !searchtest.OneIn(t, 5) {
		l.sortBy = drawSort(t, types[subject])
		l.sortOrder = rapid.SampledFrom([]string{"", "ascending", "Descending"}).Draw(t, "order")
	}
	if !searchtest.OneIn(t, 3) {
		types, docs = types[subject:subject+1], docs[subject:subject+1]
	}
	selections, err := filter.ParseEach(types, l.filter, schema.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sorts, err := filter.ParseSort(types, l.sortBy, l.sortOrder)
	if err != nil {
		t.Fatal(err)
	}
	for i, selection := range selections {
		if selection.None {
			continue
		}
		q := directory.Query{Filter: selection.Filter, Links: searchtest.OneIn(t, 2)}
		if q.Filter == nil { // searchtest keeps no totals
			q.Filter, _ = filter.Parse(types[i], "id pr")
		}
		if sorts != nil {
			q.Sort = &sorts[i]
		}
		l.of = append(l.of, directory.TypeQuery{Type: types[i], Query: q})
		l.from = append(l.from, docs[i])
	}
	return l
}

// drawSort names an attribute that can be sorted by.
func drawSort(t *rapid.T, typ *schema.Type) string {
	var names, searched []string
	for a := range typ.Attributes {
		for _, a := range append([]*schema.Attribute{a}, a.Sub...) {
			if _, err := filter.ParseSort([]*schema.Type{typ}, a.String(), ""); err != nil {
				continue
			}
			if names = append(names, a.String()); searchtest.IsSearched(attributeAbove(a)) {
				searched = append(searched, a.String())
			}
		}
	}
	if searchtest.OneIn(t, 2) { // what columns and links answer
		names = searched
	}
	return rapid.SampledFrom(names).Draw(t, "sortBy")
}

// ordering is a resource and what it is sorted by.
type ordering struct {
	id    uuid.UUID
	value any
	part  int
}

func (l drawn) inMemory() []uuid.UUID {
	var all []ordering
	for i, of := range l.of {
		for _, doc := range l.from[i] {
			if !filter.Match(of.Filter.Root(), doc) {
				continue
			}
			e := ordering{id: searchtest.IDOf(doc), part: i}
			if of.Sort != nil {
				e.part, e.value = 0, sortValue(of.Type, of.Sort.Attr, doc)
			}
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b ordering) int {
		return cmp.Or(cmp.Compare(a.part, b.part), compareValues(a.value, b.value), bytes.Compare(a.id[:], b.id[:]))
	})
	if len(l.of) > 0 && l.of[0].Sort != nil && l.of[0].Sort.Descending {
		slices.Reverse(all)
	}
	ids := []uuid.UUID{}
	for _, e := range all {
		ids = append(ids, e.id)
	}
	return ids
}

// sortValue is what RFC 7644 section 3.4.2.3 says that a resource is sorted by.
func sortValue(typ *schema.Type, a *schema.Attribute, doc scim.Document) any {
	switch {
	case a == nil, search.IsCreation(a):
		return nil
	case a == schema.Schemas:
		return typ.SchemasOf(doc)[0]
	}
	top := attributeAbove(a)
	value := top.Get(doc)
	if top.MultiValued {
		elements := slices.DeleteFunc(slices.Clone(top.Values(doc)), schema.IsEmpty)
		if top.Search == schema.Link {
			slices.SortFunc(elements, func(a, b any) int {
				return strings.Compare(a.(map[string]any)["value"].(string), b.(map[string]any)["value"].(string))
			})
		}
		if len(elements) == 0 {
			return nil
		}
		value = elements[0]
		for _, element := range slices.Backward(elements) {
			if object, ok := element.(map[string]any); ok && object["primary"] == true {
				value = element
			}
		}
	}
	if top != a {
		object, _ := value.(map[string]any)
		value = object[a.Name]
	}
	if schema.IsEmpty(value) {
		return nil
	}
	return ordered(a, value)
}

// ordered makes a value comparable.
func ordered(a *schema.Attribute, value any) any {
	switch v := value.(type) {
	case int64:
		return new(big.Float).SetPrec(2000).SetInt64(v)
	case float64:
		return new(big.Float).SetPrec(2000).SetFloat64(v)
	case string:
		if a.Kind == schema.DateTime {
			at, err := schema.ParseTime(v)
			if err != nil {
				return v
			}
			return at.UTC().Format("2006-01-02T15:04:05.000000000Z")
		}
		if a.Parent() != nil && a.Parent().Search == schema.Link || a.Search == schema.Column {
			return a.Fold(v)
		}
		runes := []rune(a.Fold(v))
		return string(runes[:min(len(runes), 250)])
	default:
		return v
	}
}

func compareValues(a, b any) int {
	switch {
	case a == nil || b == nil:
		return cmp.Compare(boolean(a == nil), boolean(b == nil))
	}
	switch a := a.(type) {
	case *big.Float:
		return a.Cmp(b.(*big.Float))
	case bool:
		return cmp.Compare(boolean(a), boolean(b.(bool)))
	default:
		return strings.Compare(a.(string), b.(string))
	}
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (l drawn) page(t *rapid.T, v Lists, change func(q *directory.Query)) directory.Page {
	list := slices.Clone(l.of)
	pieces := searchtest.OneIn(t, 2)
	for i := range list {
		change(&list[i].Query)
		list[i].Chunks = pieces
	}
	read := func() (directory.Page, error) {
		if len(list) == 1 {
			return v.List(context.Background(), list[0].Type, list[0].Query)
		}
		return v.ListAll(context.Background(), list)
	}
	p, err := read()
	if err == nil {
		p, err = searchtest.WholePage(p)
	}
	if err != nil {
		t.Fatalf("%s: %v", l, err)
	}
	if len(p.Types) != len(p.Records) && len(l.of) > 1 {
		t.Fatalf("%s: %d resources of %d types", l, len(p.Records), len(p.Types))
	}
	for _, r := range p.Records {
		if r.Version == 0 || len(r.Doc) == 0 {
			t.Fatalf("%s: %s was not read", l, r.ID)
		}
	}
	return p
}

// byIndex reads the pages of a list by startIndex, with bookmarks or without.
func (l drawn) byIndex(t *rapid.T, v Lists, count int) []uuid.UUID {
	ids := []uuid.UUID{}
	forgets := searchtest.OneIn(t, 2)
	for start := 1; ; start += count {
		if forgets {
			v.ForgetBookmarks()
		}
		p := l.page(t, v, func(q *directory.Query) { q.Start, q.Count = start, count })
		ids = append(ids, idsOf(p.Records)...)
		if start+count > p.Total {
			if p.Total != len(ids) {
				t.Fatalf("%s: the total is %d, and there are %d", l, p.Total, len(ids))
			}
			return ids
		}
	}
}

// byPosition reads the pages of a list each behind the last.
func (l drawn) byPosition(t *rapid.T, v Lists, count int) []uuid.UUID {
	ids := []uuid.UUID{}
	for after := new(directory.Position); ; {
		p := l.page(t, v, func(q *directory.Query) { q.Start, q.Count, q.After = 1, count, after })
		ids = append(ids, idsOf(p.Records)...)
		if after = p.Next; after == nil {
			if p.Total != len(ids) {
				t.Fatalf("%s: the total is %d, and there are %d", l, p.Total, len(ids))
			}
			return ids
		}
		if len(p.Records) != count {
			t.Fatalf("%s: a page has %d resources and is not the last", l, len(p.Records))
		}
	}
}

// attributeAbove gives the attribute itself, or that which it is a sub-attribute of.
func attributeAbove(a *schema.Attribute) *schema.Attribute {
	if a.Parent() != nil {
		return a.Parent()
	}
	return a
}
