package scimapi_test

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/servertest"
)

// cast makes users who differ in what can be sorted by, and gives their ids by name.
func cast(t *testing.T, o *servertest.Org) map[string]string {
	t.Helper()
	ids := map[string]string{}
	for _, user := range []map[string]any{
		{
			"userName": "Bert", "name": map[string]any{"familyName": "Öz"}, "externalId": "b",
			"emails": []any{
				map[string]any{"value": "z@example.org", "type": "home"},
				map[string]any{"value": "A@example.org", "type": "work", "primary": true},
			},
		},
		{"userName": "ada", "name": map[string]any{"familyName": "lovelace"}, "externalId": "B", "active": false},
		{"userName": "Émile", "emails": []any{map[string]any{"value": "m@example.org", "type": "home"}}},
		{"userName": "carl", "name": map[string]any{"familyName": "Zuse"}, enterprise: map[string]any{"employeeNumber": "10"}},
		{"userName": "Dora", "title": "Boss", "name": map[string]any{"familyName": "LOVELACE"}, enterprise: map[string]any{"employeeNumber": "9"}},
	} {
		name := user["userName"].(string)
		user["displayName"] = name
		ids[name] = o.Do(t, "POST", "/Users", user).Want(t, 201).ID(t)
	}
	return ids
}

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

func namesOf(list servertest.List) string {
	var names []string
	for _, resource := range list.Resources {
		name, _ := resource["userName"].(string)
		if name == "" {
			name, _ = resource["displayName"].(string)
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

// RFC 7644 section 3.4.2.3.
func TestSort(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	cast(t, o)
	for by, want := range map[string]string{
		"userName":                     "ada Bert carl Dora Émile",
		"name.familyName":              "ada Dora carl Bert Émile",
		"externalId":                   "ada Bert Émile carl Dora",
		"emails":                       "Bert Émile ada carl Dora",
		"emails.value":                 "Bert Émile ada carl Dora",
		"title":                        "Dora Bert ada Émile carl",
		"active":                       "ada Bert Émile carl Dora",
		enterprise + ":employeeNumber": "carl Dora Bert ada Émile",
		"employeeNumber":               "carl Dora Bert ada Émile",
		"meta.created":                 "Bert ada Émile carl Dora",
		"id":                           "Bert ada Émile carl Dora",
		"meta.resourceType":            "Bert ada Émile carl Dora",
	} {
		query := "/Users?filter=userName+pr&attributes=userName&sortBy=" + url.QueryEscape(by)
		if got := namesOf(o.Do(t, "GET", query, nil).List(t)); got != want {
			t.Errorf("by %s: %s, want %s", by, got, want)
		}
		backwards := strings.Fields(want)
		slices.Reverse(backwards)
		if got := namesOf(o.Do(t, "GET", query+"&sortOrder=DESCENDING", nil).List(t)); got != strings.Join(backwards, " ") {
			t.Errorf("by %s, descending: %s, want %s", by, got, backwards)
		}
		page := o.Do(t, "GET", query+"&sortOrder=descending&startIndex=3&count=2", nil).List(t)
		if got := namesOf(page); got != strings.Join(backwards[2:4], " ") || page.TotalResults != 5 || page.StartIndex != 3 {
			t.Errorf("by %s, descending, the third and fourth: %s of %d", by, got, page.TotalResults)
		}
	}
	if got := namesOf(o.Do(t, "GET", "/Users?sortBy=userName", nil).List(t)); got != "Bert carl Dora Émile" {
		t.Errorf("without a filter: %s", got)
	}
	changed := o.Do(t, "GET", "/Users?filter="+url.QueryEscape(`userName eq "carl"`), nil).List(t).IDs()[0]
	o.Do(t, "PATCH", "/Users/"+changed, servertest.Patch(map[string]any{"op": "add", "path": "title", "value": "x"})).Want(t, 200)
	if got := namesOf(o.Do(t, "GET", "/Users?sortBy=meta.lastModified&sortOrder=descending&count=1", nil).List(t)); got != "carl" {
		t.Errorf("changed last: %s", got)
	}
}

func TestSort_Refused(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	for query, told := range map[string]string{
		"sortBy=shoeSize":                "shoeSize",
		"sortBy=name":                    "familyName",
		"sortBy=password":                "password",
		"sortBy=addresses":               "locality",
		"sortBy=userName&sortOrder=down": "ascending or descending",
		"sortOrder=1":                    "ascending or descending",
	} {
		if detail := o.Do(t, "GET", "/Users?"+query, nil).Refused(t, 400, "invalidValue"); !strings.Contains(detail, told) {
			t.Errorf("%s: the detail does not tell of %s: %s", query, told, detail)
		}
	}
	o.Do(t, "GET", "/Users?sortBy=&sortOrder=", nil).Want(t, 200)
}

var unreserved = regexp.MustCompile(`^[A-Za-z0-9._~-]+$`)

// turn reads a list to its end by cursor.
func turn(t *testing.T, o *servertest.Org, path string) (ids []string) {
	t.Helper()
	for cursor := ""; ; {
		answer := o.Do(t, "GET", path+"&cursor="+cursor, nil)
		list := answer.List(t)
		if _, indexed := answer.Object(t)["startIndex"]; indexed || list.ItemsPerPage != len(list.Resources) {
			t.Fatalf("%s: %s", path, answer.Body)
		}
		ids = append(ids, list.IDs()...)
		if cursor = list.NextCursor; cursor == "" {
			if list.TotalResults != len(ids) {
				t.Errorf("%s: %d resources, and totalResults %d", path, len(ids), list.TotalResults)
			}
			return ids
		}
		if !unreserved.MatchString(cursor) {
			t.Fatalf("the cursor %q needs escapes", cursor)
		}
	}
}

// RFC 9865 section 2.
func TestCursor_ReadsEveryPage(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	var users, groups []string
	for i := range 11 {
		users = append(users, o.NewUser(t, fmt.Sprintf("user%02d", i)))
	}
	for i := range 3 {
		groups = append(groups, o.NewGroup(t, fmt.Sprint("group", i), users...))
	}
	backwards := slices.Clone(users)
	slices.Reverse(backwards)
	for path, want := range map[string][]string{
		"/Users?":                                                  users,
		"/Users?filter=userName+sw+%22user0%22":                    users[:10],
		"/Users?sortBy=userName&sortOrder=descending":              backwards,
		"/Users?sortBy=title&sortOrder=descending":                 backwards,
		"/Users?sortBy=id&sortOrder=descending":                    backwards,
		"/Users?filter=userName+sw+%22user0%22&sortBy=displayName": users[:10],
		"/Groups?":                                 groups,
		"/Groups?excludedAttributes=members":       groups,
		"/Groups?sortBy=displayName":               groups,
		"/?":                                       slices.Concat(users, groups),
		"/?sortBy=displayName":                     slices.Concat(groups, users),
		"/?sortBy=userName":                        slices.Concat(users, groups),
		"/?sortBy=meta.created":                    slices.Concat(users, groups),
		"/?filter=displayName+sw+%22g%22":          groups,
		"/?filter=userName+ne+%22user00%22":        slices.Concat(users[1:], groups),
		"/?filter=meta.resourceType+eq+%22User%22": users,
	} {
		for _, count := range []int{1, 3, 11, 14, 100} {
			path := path + "&count=" + strconv.Itoa(count)
			if diff := cmp.Diff(want, turn(t, o, path)); diff != "" {
				t.Errorf("%s by cursor (-want +got):\n%s", path, diff)
			}
			var ids []string
			for start := 1; start <= len(want)+1; start += count {
				list := o.Do(t, "GET", path+"&startIndex="+strconv.Itoa(start), nil).List(t)
				if ids = append(ids, list.IDs()...); list.TotalResults != len(want) || list.StartIndex != start || list.NextCursor != "" {
					t.Errorf("%s at %d: %+v", path, start, list)
				}
			}
			if diff := cmp.Diff(want, ids); diff != "" {
				t.Errorf("%s by index (-want +got):\n%s", path, diff)
			}
		}
	}
	none := o.Do(t, "GET", "/Users?count=0&cursor=", nil).List(t)
	if none.TotalResults != 11 || none.NextCursor != "" || len(none.Resources) != 0 {
		t.Errorf("count 0: %+v", none)
	}
}

// RFC 9865 section 2.1.
func TestCursor_IsGoodForItsListAlone(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o, other := server.NewOrg(t), server.NewOrg(t)
	for _, name := range []string{"a", "b", "c"} {
		o.NewUser(t, name)
		other.NewUser(t, name)
	}
	const path = "/Users?count=1&filter=userName+pr&sortBy=userName"
	cursor := o.Do(t, "GET", path+"&cursor", nil).List(t).NextCursor
	next := "&cursor=" + cursor
	for _, same := range []string{
		path, "/users/?count=1&FILTER=USERNAME+pr&sortby=username&sortOrder=ascending", "/Users?filter=userName+pr&sortBy=userName",
		path + "&attributes=userName",
	} {
		if got := namesOf(o.Do(t, "GET", same+next, nil).List(t)); got != "b" {
			t.Errorf("%s: %s", same, got)
		}
	}
	for _, changed := range []string{
		"/Users?count=1&sortBy=userName", "/Users?count=1&filter=userName+pr", "/Users?count=1&filter=userName+sw+%22a%22&sortBy=userName",
		path + "&sortOrder=descending", "/Groups?count=1", "/?count=1&filter=userName+pr&sortBy=userName",
	} {
		o.Do(t, "GET", changed+next, nil).Refused(t, 400, "invalidCursor")
	}
	other.Do(t, "GET", path+next, nil).Refused(t, 400, "invalidCursor")
	swapped := "A"
	if cursor[20] == 'A' {
		swapped = "B"
	}
	for _, forged := range []string{"x", "abc=", cursor + "A", cursor[:len(cursor)-4], cursor[:20] + swapped + cursor[21:], url.QueryEscape("é"), strings.Repeat("A", 40)} {
		o.Do(t, "GET", path+"&cursor="+forged, nil).Refused(t, 400, "invalidCursor")
	}
	o.Do(t, "GET", "/Users?count=2&filter=userName+pr&sortBy=userName"+next, nil).Refused(t, 400, "invalidCount")
	o.Do(t, "GET", "/Users?count=two&filter=userName+pr&sortBy=userName"+next, nil).Refused(t, 400, "invalidCount")
	o.Do(t, "GET", path+next+"&startIndex=1", nil).Refused(t, 400, "invalidValue")

	replica := servertest.NewWith(t, servertest.Options{Database: server.Database})
	if got := namesOf(o.At(replica).Do(t, "GET", path+next, nil).List(t)); got != "b" {
		t.Errorf("on another server of the database: %s", got)
	}
}

// Whatever comes and goes meanwhile, who stays is read once.
func TestCursor_WhileOthersWrite(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t, servertest.Unbraked)
	var stay []string
	for i := range 20 {
		stay = append(stay, o.NewUser(t, fmt.Sprintf("stay%02d", i*5)))
		o.NewUser(t, fmt.Sprintf("go%02d", i))
	}
	leaving := o.Do(t, "GET", "/Users?count=100&filter=userName+sw+%22go%22", nil).List(t).IDs()
	done := make(chan struct{})
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				if n := i*4 + w; n < len(leaving) {
					o.Do(t, "DELETE", "/Users/"+leaving[n], nil).Want(t, 204)
				}
				id := o.NewUser(t, fmt.Sprintf("stay%02d-%d-%d", i*7%100, w, i))
				if i%2 == 0 {
					o.Do(t, "DELETE", "/Users/"+id, nil).Want(t, 204)
				}
			}
		})
	}
	for _, query := range []string{"?", "?sortBy=userName", "?sortBy=userName&sortOrder=descending", "?sortBy=name.givenName&filter=userName+pr"} {
		seen := map[string]int{}
		for cursor := ""; ; {
			list := o.Do(t, "GET", "/Users"+query+"&count=7&cursor="+cursor, nil).List(t)
			for _, id := range list.IDs() {
				if seen[id]++; seen[id] > 1 {
					t.Errorf("%s: %s is on two pages", query, id)
				}
			}
			if cursor = list.NextCursor; cursor == "" || len(seen) > 2000 {
				break
			}
		}
		for _, id := range stay {
			if seen[id] != 1 {
				t.Errorf("%s: %s, who stays, is on %d pages", query, id, seen[id])
			}
		}
	}
	close(done)
	writers.Wait()
}
