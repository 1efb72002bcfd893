package scimapi

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

func parse(t *testing.T, raw string) query {
	t.Helper()
	q, err := readQuery(httptest.NewRequest("GET", "/Users?"+raw, nil))
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestPage(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string][2]int{
		"":                                 {1, 25},
		"startIndex=&count=":               {1, 25},
		"startIndex=1&count=2":             {1, 2},
		"startIndex=26&count=100":          {26, 100},
		"startIndex=0&count=0":             {1, 0},
		"startIndex=-7&count=-1":           {1, 0},
		"count=1000":                       {1, 1000},
		"count=1001":                       {1, 1000},
		"count=2147483647":                 {1, 1000},
		"startIndex=2147483647":            {2147483647, 25},
		"STARTINDEX=3&Count=4":             {3, 4},
		"count=+5&startIndex=%209":         {9, 5},
		"count=5&count=6":                  {1, 5},
		"pageSize=50&pageNumber=0":         {1, 50},
		"pageSize=50&pageNumber=1":         {51, 50},
		"pageNumber=2":                     {51, 25},
		"pageSize=5000&pageNumber=2":       {2001, 1000},
		"pageSize=50&pageNumber=-3":        {1, 50},
		"pageSize=-1&pageNumber=3":         {1, 0},
		"pageSize=50&count=10":             {1, 10},
		"pageNumber=4&startIndex=7":        {7, 25},
		"pageNumber=9&pageSize=x&count=10": {91, 10},
		"pageNumber=x&startIndex=7":        {7, 25},
		"pageSize=1000&pageNumber=99999":   {99999001, 1000},
		"sortBy=userName&unknown=x&aadOpt": {1, 25},
		"startIndex=3?&count=4?":           {3, 4},
		"count=9223372036854775807":        {1, 1000},
		"count=-99999999999999999999":      {1, 0},
		"startIndex=2147483648":            {2147483647, 25},
	} {
		start, count, err := parse(t, raw).page(1000)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
		} else if got := [2]int{start, count}; got != want {
			t.Errorf("%s: start and count are %v, want %v", raw, got, want)
		}
	}
}

func TestPage_RefusesWhatIsNoNumber(t *testing.T) {
	t.Parallel()
	for raw, named := range map[string]string{
		"count=abc":                        `count: "abc"`,
		"count=1.5":                        `count: "1.5"`,
		"startIndex=one":                   `startIndex: "one"`,
		"startIndex=1%2C2":                 `startIndex: "1,2"`,
		"pageSize=many":                    `pageSize: "many"`,
		"pageSize=10&pageNumber=0x1":       `pageNumber: "0x1"`,
		"COUNT=1e3":                        `count: "1e3"`,
		"startIndex=1&startIndex=2&count=": "",
	} {
		_, _, err := parse(t, raw).page(1000)
		if named == "" {
			if err != nil {
				t.Errorf("%s: %v", raw, err)
			}
			continue
		}
		told, ok := err.(*scim.Error)
		if !ok || told.Status != 400 || told.Type != scim.TypeInvalidValue || !strings.HasPrefix(told.Detail, named) {
			t.Errorf("%s: error %v, want invalidValue that begins with %s", raw, err, named)
		}
	}
}

func TestList_ReadsTheFilter(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]struct {
		filter string
		has    bool
	}{
		"":                                     {"", false},
		"filter=":                              {"", false},
		"filter":                               {"", false},
		"filter=%20":                           {" ", false},
		"filter=userName+eq+%22a%2Bb%40c%22":   {`userName eq "a+b@c"`, true},
		"FILTER=active%20eq%20true&":           {"active eq true", true},
		"filter=userName+eq+%22a%22?&count=1?": {`userName eq "a"`, true},
		"filter=userName+eq+%22a?%22&count=1":  {`userName eq "a?"`, true},
		"filter=active+eq+true&filter=active+ne+1":  {"active eq true", true},
		"Filter=one&filter=two":                     {"one", true},
		"flag&filter=id%20pr&attributes=userName":   {"id pr", true},
		"filter=displayName%20eq%20%22M%C3%BCll%22": {`displayName eq "Müll"`, true},
	} {
		got, err := parse(t, raw).list(schema.User, org.DefaultSettings(), 1000)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
		} else if got.Filter != want.filter || got.HasFilter != want.has {
			t.Errorf("%s: filter %q (%v), want %q (%v)", raw, got.Filter, got.HasFilter, want.filter, want.has)
		}
	}
}

func TestProjection(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"":                                       "title emails groups",
		"attributes=":                            "title emails groups",
		"attributes=title":                       "title",
		"attributes=title,emails":                "title emails",
		"attributes=title&attributes=%20emails,": "title emails",
		"Attributes=TITLE":                       "title",
		"attributes=nonsense":                    "",
		"attributes=emails[type%20eq%20%22work%22]":                       "emails",
		"attributes=title,emails[value%20eq%20%22a,groups]%22].value":     "title emails",
		"excludedAttributes=emails[type%20eq%20%22work%22],groups&title=": "title",
		"excludedAttributes=groups":                                       "title emails",
		"excludedattributes=groups&ExcludedAttributes=emails":             "title",
		"attributes=title,emails&excludedAttributes=emails":               "title",
	} {
		p, err := parse(t, raw).projection(schema.User, org.DefaultSettings())
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		var got []string
		for _, name := range []string{"title", "emails", "groups"} {
			if p.Wants(schema.User.Attribute(name)) {
				got = append(got, name)
			}
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("%s: wants %q, want %q", raw, got, want)
		}
	}
}

func TestProjection_StrictTakesOneParameter(t *testing.T) {
	t.Parallel()
	strict := org.Settings{Strict: true}
	for raw, refused := range map[string]bool{
		"attributes=title":                           false,
		"excludedAttributes=title":                   false,
		"attributes=title&excludedAttributes=":       false,
		"attributes=title&excludedAttributes=emails": true,
	} {
		_, err := parse(t, raw).list(schema.User, strict, 1000)
		told, _ := err.(*scim.Error)
		if (told != nil && told.Type == scim.TypeInvalidValue) != refused {
			t.Errorf("%s: error %v, refused should be %v", raw, err, refused)
		}
	}
}

func TestReadQuery_RefusesWhatItCannotReadForCertain(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		`filter=userName%20eq%20"a;b"`, "filter=%zz", "%=1", "filter=%ff", "a=1;filter=b", "filter=a%00b",
	} {
		r := httptest.NewRequest("GET", "/Users", nil)
		r.URL.RawQuery = raw
		if q, err := readQuery(r); err == nil {
			t.Errorf("%s is read as %v", raw, q)
		}
	}
}

func TestAppendList_HasResourcesWhenThereAreNone(t *testing.T) {
	t.Parallel()
	const head = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":3,`
	for _, c := range []struct {
		request directory.ListRequest
		cursor  string
		want    string
	}{
		{directory.ListRequest{Start: 9}, "", `"startIndex":9,"Resources":[],"itemsPerPage":0}`},
		{directory.ListRequest{Start: 1, ByCursor: true}, "", `"Resources":[],"itemsPerPage":0}`},
		{directory.ListRequest{ByCursor: true}, "a-b", `"Resources":[],"itemsPerPage":0,"nextCursor":"a-b"}`},
	} {
		got := appendListTail(appendListHead(nil, 3, c.request), 0, c.cursor)
		if diff := cmp.Diff(head+c.want, string(got)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestList_ReadsOrderAndCursor(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]directory.ListRequest{
		"sortBy=name.familyName&SORTORDER=descending": {Start: 1, Count: 25, SortBy: "name.familyName", SortOrder: "descending"},
		"cursor":                   {Start: 1, Count: 25, ByCursor: true},
		"cursor=&count=3":          {Start: 1, Count: 3, HasCount: true, ByCursor: true},
		"Cursor=abc&startIndex=":   {Start: 1, Count: 25, ByCursor: true, Cursor: "abc"},
		"cursor=abc&pageSize=2000": {Start: 1, Count: 1000, HasCount: true, ByCursor: true, Cursor: "abc"},
	} {
		got, err := parse(t, raw).list(schema.User, org.DefaultSettings(), 1000)
		got.Projection = schema.Projection{}
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %+v, %v; want %+v", raw, got, err, want)
		}
	}
	for _, raw := range []string{"cursor=&startIndex=1", "cursor=abc&startIndex=5", "cursor=&pageNumber=0"} {
		_, err := parse(t, raw).list(schema.User, org.DefaultSettings(), 1000)
		if told, ok := err.(*scim.Error); !ok || told.Type != scim.TypeInvalidValue {
			t.Errorf("%s: error %v, want invalidValue", raw, err)
		}
	}
}

// A query that is joined to another by a second ? is read, and no filter is left out.
func TestQuery_LeavesNoFilterOut(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"filter=a&filter=a":                      "a",
		"filter=&filter=a":                       "a",
		"aadOptscim062020?filter=a":              "a",
		"?filter=a":                              "a",
		"x=1?Filter=a?count=2":                   "a",
		"filter=a?aadOptscim062020":              "a",
		"attributes=userName?filter=a":           "a",
		"filter=a+eq+%22b%22?count=2":            `a eq "b"`,
		"filter=a+eq+%22b?count=2%22":            `a eq "b?count=2"`,
		`filter=a+eq+"b\"?count=2"?startIndex=1`: `a eq "b\"?count=2"`,
		"filter=a+eq+%22%5C%22?count=2%22":       `a eq "\"?count=2"`,
		"filter=a+eq+who?x=1":                    "a eq who?x=1",
		"filter=a+eq+%22who?%22&count=2":         `a eq "who?"`,
	} {
		request, err := parse(t, raw).list(schema.User, org.Settings{}, 1000)
		if err != nil || request.Filter != want || !request.HasFilter {
			t.Errorf("%s: filter %q, %v; want %q", raw, request.Filter, err, want)
		}
	}
	for _, raw := range []string{"$filter=a", "filters=a", "filter%20=a", "x?y.filter=a"} {
		_, err := parse(t, raw).list(schema.User, org.Settings{}, 1000)
		if wrong := (*scim.Error)(nil); !errors.As(err, &wrong) || wrong.Type != scim.TypeInvalidFilter {
			t.Errorf("%s: %v, want invalidFilter", raw, err)
		}
	}
}
