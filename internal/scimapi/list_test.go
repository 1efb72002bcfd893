package scimapi_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/servertest"
)

// The numbers in comments are rows of docs/behaviour.md.

func newUsers(t *testing.T, o *servertest.Org, n int) []string {
	t.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = o.NewUser(t, fmt.Sprintf("user%03d@example.org", i+1))
	}
	return ids
}

// 5, 6, 7
func TestList_Pages(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	ids := newUsers(t, o, 30)
	for query, want := range map[string]struct {
		start int
		ids   []string
	}{
		"":                                       {1, ids[:25]},
		"?":                                      {1, ids[:25]},
		"?count=&startIndex=&":                   {1, ids[:25]},
		"?count=0":                               {1, nil},
		"?count=-5":                              {1, nil},
		"?count=4":                               {1, ids[:4]},
		"?count=4&startIndex=5":                  {5, ids[4:8]},
		"?startIndex=26":                         {26, ids[25:]},
		"?startIndex=30&count=2":                 {30, ids[29:]},
		"?startIndex=31":                         {31, nil},
		"?startIndex=2147483647&count=1000":      {2147483647, nil},
		"?startIndex=0&count=2":                  {1, ids[:2]},
		"?startIndex=-3&count=2":                 {1, ids[:2]},
		"?count=99999":                           {1, ids},
		"?pageSize=20&pageNumber=0":              {1, ids[:20]},
		"?pageSize=20&pageNumber=1":              {21, ids[20:]},
		"?pageSize=20&pageNumber=2":              {41, nil},
		"?pageNumber=1":                          {26, ids[25:]},
		"?count=3&STARTINDEX=2&aadOptscim062020": {2, ids[1:4]},
		"?startIndex=2?&count=3?":                {2, ids[1:4]},
		"?filter=userName+sw+%22user%22&startIndex=29&count=5": {29, ids[28:]},
	} {
		list := o.Do(t, "GET", "/Users"+query, nil).List(t)
		if list.TotalResults != 30 || list.StartIndex != want.start || list.ItemsPerPage != len(want.ids) || list.Resources == nil {
			t.Errorf("%s: total %d, startIndex %d, itemsPerPage %d, Resources nil %v; want 30, %d, %d", query,
				list.TotalResults, list.StartIndex, list.ItemsPerPage, list.Resources == nil, want.start, len(want.ids))
		}
		if got := list.IDs(); !slices.Equal(want.ids, got) {
			t.Errorf("%s: %v, want %v", query, got, want.ids)
		}
	}
}

// 5
func TestList_RefusesWhatIsNoNumber(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	for query, parameter := range map[string]string{
		"count=abc": "count", "startIndex=1.5": "startIndex", "count=1e3": "count",
		"pageSize=ten": "pageSize", "pageNumber=one": "pageNumber",
	} {
		for _, endpoint := range []string{"/Users", "/Groups"} {
			detail := o.Do(t, "GET", endpoint+"?"+query, nil).Refused(t, 400, "invalidValue")
			if !strings.HasPrefix(detail, parameter+":") {
				t.Errorf("%s: the detail does not name the parameter: %s", query, detail)
			}
		}
	}
}

// 3, 4
func TestList_LeavesInactiveUsersOutUnlessFiltered(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	on := o.NewUser(t, "on@example.org")
	off := o.Do(t, "POST", "/Users", map[string]any{"userName": "off@example.org", "active": false}).Want(t, 201).ID(t)
	for query, want := range map[string][]string{
		"":                        {on},
		"?filter=userName+pr":     {on, off},
		"?filter=active+eq+false": {off},
		"?filter=userName+eq+%22OFF@example.org%22": {off},
		"?filter=userName+eq+%22nobody%22":          {},
	} {
		list := o.Do(t, "GET", "/Users"+query, nil).List(t)
		if got := list.IDs(); !slices.Equal(want, got) || list.TotalResults != len(want) {
			t.Errorf("%s: %v, total %d; want %v", query, got, list.TotalResults, want)
		}
	}
	o.Do(t, "GET", "/Users/"+off, nil).Want(t, 200)
}

// 2, 10
func TestList_RefusesAFilterThatItCannotRead(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	for query, scimType := range map[string]string{
		"filter=shoeSize+eq+%2244%22":   "invalidFilter",
		"filter=password+eq+%22x%22":    "invalidFilter",
		"filter=active+eq+%22maybe%22":  "invalidFilter",
		"filter=userName+eq+%22a;b%22":  "invalidValue",
		"filter=userName+eq+%22%zz%22":  "invalidValue",
		"filter=userName+eq+%22%ff%22":  "invalidValue",
		"filter=userName+eq+%22a%00%22": "invalidValue",
	} {
		o.Do(t, "GET", "/Users?"+query, nil).Refused(t, 400, scimType)
	}
}

// keys are the names in a resource, sorted.
func keys(resource map[string]any) string {
	var names []string
	for name := range resource {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// 13
func TestProjection_OfEveryOperationThatAnswersAResource(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	user := map[string]any{
		"userName": "ada@example.org", "title": "Engineer", "externalId": "7",
		"name": map[string]any{"givenName": "Ada", "familyName": "Lovelace"},
	}
	const always, place = "active id meta schemas userName", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	queries := map[string]string{
		"attributes=title": "active id meta schemas title userName",
		"attributes=TITLE&attributes=name.givenName,nope": "active id meta name schemas title userName",
		"attributes=nope": always,
		"attributes=title,name&excludedAttributes=name":                                                              "active id meta schemas title userName",
		"excludedAttributes=name,emails,displayName,roles":                                                           "active externalId id meta schemas title " + place + " userName",
		"excludedAttributes=id,userName,meta,schemas,active,name,emails,displayName,title,externalId,roles," + place: always,
		"excludedAttributes=roles":                                                                                   "active displayName emails externalId id meta name schemas title " + place + " userName",
	}
	id := o.NewUser(t, "ada@example.org")
	path := "/Users/" + id
	for query, want := range queries {
		o.Do(t, "DELETE", path, nil).Want(t, 204)
		if got := keys(o.Do(t, "POST", "/Users?"+query, user).Want(t, 201).Object(t)); got != want {
			t.Errorf("POST %s: %s, want %s", query, got, want)
		}
		for method, body := range map[string]any{"GET": nil, "PUT": user, "PATCH": servertest.Patch()} {
			if got := keys(o.Do(t, method, path+"?"+query, body).Want(t, 200).Object(t)); got != want {
				t.Errorf("%s %s: %s, want %s", method, query, got, want)
			}
		}
		for _, resource := range o.Do(t, "GET", "/Users?"+query, nil).List(t).Resources {
			if got := keys(resource); got != want {
				t.Errorf("list %s: %s, want %s", query, got, want)
			}
		}
	}
	partial := o.Do(t, "GET", path+"?attributes=name.givenName", nil).Want(t, 200).Object(t)
	if diff := cmp.Diff(map[string]any{"givenName": "Ada"}, partial["name"]); diff != "" {
		t.Errorf("name.givenName alone (-want +got):\n%s", diff)
	}
}

// 13, 73
func TestProjection_OfGroups(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	id := o.NewGroup(t, "Night Shift", o.NewUser(t, "ada@example.org"))
	for query, want := range map[string]string{
		"":                           "displayName id members meta schemas",
		"excludedAttributes=members": "displayName id meta schemas",
		"attributes=displayName":     "displayName id meta schemas",
		"attributes=members.value":   "id members meta schemas",
		"attributes=nope":            "id meta schemas",
	} {
		for method, body := range map[string]any{
			"GET": nil, "PUT": map[string]any{"displayName": "Night Shift"}, "PATCH": servertest.Patch(),
		} {
			if got := keys(o.Do(t, method, "/Groups/"+id+"?"+query, body).Want(t, 200).Object(t)); got != want {
				t.Errorf("%s %s: %s, want %s", method, query, got, want)
			}
		}
		if got := keys(o.Do(t, "GET", "/Groups?"+query, nil).List(t).Resources[0]); got != want {
			t.Errorf("list %s: %s, want %s", query, got, want)
		}
	}
	one := o.Do(t, "GET", "/Groups/"+id+"?attributes=members.display", nil).Object(t)
	if diff := cmp.Diff([]any{map[string]any{"display": "ada@example.org"}}, one["members"]); diff != "" {
		t.Errorf("members.display alone (-want +got):\n%s", diff)
	}
}

// 13
func TestProjection_StrictOrganisationsTakeOneParameter(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	id := o.NewUser(t, "ada@example.org")
	o = o.Strictly(t)
	const both, scimJSON = "?attributes=title,name&excludedAttributes=name", "Content-Type: application/scim+json"
	o.Do(t, "GET", "/Users"+both, nil).Refused(t, 400, "invalidValue")
	o.Do(t, "GET", "/Users/"+id+both, nil).Refused(t, 400, "invalidValue")
	o.Do(t, "PATCH", "/Users/"+id+both, servertest.Patch(map[string]any{"op": "add", "path": "title", "value": "x"}), scimJSON).Refused(t, 400, "invalidValue")
	o.Do(t, "POST", "/Users"+both, map[string]any{"userName": "eve@example.org"}, scimJSON).Refused(t, 400, "invalidValue")
	if list := o.Do(t, "GET", "/Users?filter="+url.QueryEscape(`title pr or userName sw "eve"`), nil).List(t); list.TotalResults != 0 {
		t.Errorf("a refused request changed something: %v", list.Resources)
	}
}

// 1, 16, 91, 97
func TestMounts_ServeTheSame(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	user := o.NewUser(t, "ada@example.org")
	group := o.NewGroup(t, "Night Shift", user)
	for _, mount := range []string{"/api/v2/scim/v2", "/api/v2/scim"} {
		for path, endpoint := range map[string]string{
			"/Users/" + user: "/Users/", "/users/" + user + "/": "/Users/", "/uSERS/" + user: "/Users/",
			"/Groups/" + group: "/Groups/", "/groups/" + group: "/Groups/",
		} {
			answer := o.Do(t, "GET", mount+path, nil).Want(t, 200)
			resource := answer.Object(t)
			meta := resource["meta"].(map[string]any)
			if want := server.URL + mount + endpoint + resource["id"].(string); meta["location"] != want {
				t.Errorf("%s: location %s, want %s", mount+path, meta["location"], want)
			}
			if meta["created"] == nil || meta["lastModified"] == nil {
				t.Errorf("%s: meta lacks a time: %v", mount+path, meta)
			}
			checkHeaders(t, path, answer.Header)
		}
		for _, path := range []string{"/Users", "/users/", "/Groups/", "/groups"} {
			answer := o.Do(t, "GET", mount+path, nil, "Accept: application/json", "Content-Type: application/json").Want(t, http.StatusOK)
			if list := answer.List(t); list.TotalResults != 1 {
				t.Errorf("%s: %d resources", mount+path, list.TotalResults)
			}
			checkHeaders(t, path, answer.Header)
		}
	}
}

func checkHeaders(t *testing.T, path string, h http.Header) {
	t.Helper()
	if kind := h.Get("Content-Type"); kind != "application/scim+json" {
		t.Errorf("%s: Content-Type %q", path, kind)
	}
	for _, name := range []string{"ININ-Correlation-Id", "inin-ratelimit-count", "inin-ratelimit-allowed", "inin-ratelimit-reset"} {
		if h.Get(name) == "" {
			t.Errorf("%s: no header %s", path, name)
		}
	}
	if h.Get("Cache-Control") != "no-store" {
		t.Errorf("%s: Cache-Control %q", path, h.Get("Cache-Control"))
	}
}
