package scimapi_test

import (
	"bytes"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/servertest"
)

func searchRequest(members map[string]any) map[string]any {
	body := maps.Clone(members)
	body["schemas"] = []string{"urn:ietf:params:scim:api:messages:2.0:SearchRequest"}
	return body
}

// RFC 7644 section 3.4.3.
func TestSearch_IsTheListByAnotherName(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	ids := cast(t, o)
	o.NewGroup(t, "Choir", ids["ada"], ids["Dora"])
	o.NewGroup(t, "bakers")
	for _, body := range []map[string]any{
		{},
		{"filter": `displayName pr`},
		{"filter": `displayName sw "b"`, "attributes": []string{"displayName", "members"}},
		{"sortBy": "displayName", "sortOrder": "descending", "count": 2, "startIndex": 2},
		{"excludedAttributes": []string{"meta", "members", "emails"}, "count": 0},
		{"excludedAttributes": "members,emails", "COUNT": "3", "filter": nil},
		{"cursor": "", "count": 1},
		{"cursor": "", "count": 100, "sortBy": "meta.lastModified"},
	} {
		query := url.Values{}
		for name, value := range body {
			switch v := value.(type) {
			case string:
				query.Set(name, v)
			case int:
				query.Set(name, strconv.Itoa(v))
			case []string:
				query[name] = v
			}
		}
		for _, mount := range []string{"/api/v2/scim/v2", "/api/v2/scim"} {
			for list, search := range map[string]string{"/Users": "/Users/.search", "/groups": "/GROUPS/.Search", "/": "/.SEARCH", "": "/.search"} {
				want := o.Do(t, "GET", mount+list+"?"+query.Encode(), nil).Want(t, 200)
				got := o.Do(t, "POST", mount+search+"?filter=nonsense", searchRequest(body)).Want(t, 200)
				if diff := cmp.Diff(withoutCursor(t, want), withoutCursor(t, got)); diff != "" {
					t.Errorf("%s %v (-GET +POST):\n%s", search, body, diff)
				}
			}
		}
	}
}

// withoutCursor is a list whose cursor, which tells the time, is known only to be there.
func withoutCursor(t *testing.T, a *servertest.Answer) string {
	t.Helper()
	cursor := a.List(t).NextCursor
	if cursor == "" {
		return string(a.Body)
	}
	return string(bytes.Replace(a.Body, []byte(cursor), []byte("..."), 1))
}

func TestSearch_CursorOfAListGoesOnInASearch(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	for _, name := range []string{"a", "b", "c"} {
		o.NewUser(t, name)
	}
	cursor := o.Do(t, "GET", "/Users?cursor=&count=2&sortBy=userName", nil).List(t).NextCursor
	list := o.Do(t, "POST", "/Users/.search", searchRequest(map[string]any{"cursor": cursor, "count": 2, "sortBy": "userName"})).List(t)
	if got := namesOf(list); got != "c" || list.NextCursor != "" {
		t.Errorf("the next page: %s, %q", got, list.NextCursor)
	}
}

func TestSearch_RefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	for _, c := range []struct {
		body     any
		scimType string
	}{
		{`{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}`, "invalidSyntax"},
		{`[]`, "invalidSyntax"},
		{``, "invalidSyntax"},
		{`{"schemas": [1]}`, "invalidValue"},
		{searchRequest(map[string]any{"filter": "shoeSize pr"}), "invalidFilter"},
		{searchRequest(map[string]any{"filter": map[string]any{}}), "invalidValue"},
		{searchRequest(map[string]any{"count": "ten"}), "invalidValue"},
		{searchRequest(map[string]any{"count": 1.5}), "invalidValue"},
		{searchRequest(map[string]any{"count": true}), "invalidValue"},
		{searchRequest(map[string]any{"attributes": []any{1}}), "invalidValue"},
		{searchRequest(map[string]any{"sortBy": "shoeSize"}), "invalidValue"},
		{searchRequest(map[string]any{"sortOrder": "up"}), "invalidValue"},
		{searchRequest(map[string]any{"cursor": "x"}), "invalidCursor"},
		{searchRequest(map[string]any{"cursor": "", "startIndex": 1}), "invalidValue"},
	} {
		for _, endpoint := range []string{"/Users/.search", "/Groups/.search", "/.search"} {
			o.Do(t, "POST", endpoint, c.body).Refused(t, 400, c.scimType)
		}
	}
}

// RFC 7644 section 3.4.2.1.
func TestRoot_ListsUsersAndGroups(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	ids := cast(t, o)
	choir := o.NewGroup(t, "choir", ids["ada"], ids["Dora"])
	bakers := o.NewGroup(t, "Bakers")
	ids["choir"], ids["Bakers"] = choir, bakers
	for query, want := range map[string]string{
		"":                       "Bert Émile carl Dora choir Bakers",
		"?filter=displayName+pr": "Bert ada Émile carl Dora choir Bakers",
		"?filter=displayName+pr&sortBy=displayName":                                   "ada Bakers Bert carl choir Dora Émile",
		"?filter=displayName+pr&sortBy=displayName&sortOrder=descending":              "Émile Dora choir carl Bert Bakers ada",
		"?filter=displayName+pr&sortBy=displayName&startIndex=2&count=3":              "Bakers Bert carl",
		"?filter=displayName+pr&startIndex=5&count=2":                                 "Dora choir",
		"?filter=displayName+pr&startIndex=7":                                         "Bakers",
		"?filter=displayName+pr&startIndex=8":                                         "",
		"?filter=meta.resourceType+eq+%22User%22":                                     "Bert ada Émile carl Dora",
		"?filter=meta.resourceType+eq+%22Group%22":                                    "choir Bakers",
		"?filter=displayName+pr&sortBy=meta.resourceType":                             "choir Bakers Bert ada Émile carl Dora",
		"?filter=userName+eq+%22ada%22":                                               "ada",
		"?filter=userName+eq+%22nobody%22":                                            "",
		"?filter=userName+eq+%22ada%22+or+displayName+eq+%22choir%22":                 "ada choir",
		"?filter=members.value+eq+%22" + ids["ada"] + "%22":                           "choir",
		"?filter=members.value+eq+%22" + ids["ada"] + "%22&sortBy=userName":           "choir",
		"?filter=groups.display+eq+%22CHOIR%22":                                       "ada Dora",
		"?filter=not+(userName+pr)":                                                   "choir Bakers",
		"?filter=externalId+pr&sortBy=name.familyName":                                "ada Bert",
		"?filter=displayName+pr&sortBy=title&count=2":                                 "Dora Bert",
		"?filter=displayName+pr&sortBy=members.display":                               "choir Bert ada Émile carl Dora Bakers",
		"?filter=" + url.QueryEscape(enterprise) + ":employeeNumber+pr&sortBy=active": "carl Dora",
	} {
		list := o.Do(t, "GET", "/"+query, nil).List(t)
		if got := namesOf(list); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
		for _, resource := range list.Resources {
			meta, _ := resource["meta"].(map[string]any)
			one := o.Do(t, "GET", strings.TrimPrefix(meta["location"].(string), server.URL), nil).Want(t, 200).Object(t)
			if diff := cmp.Diff(one, resource); diff != "" {
				t.Errorf("%s (-by itself +in the list):\n%s", query, diff)
			}
		}
	}
	o.Do(t, "GET", "/?filter=shoeSize+pr", nil).Refused(t, 400, "invalidFilter")
	o.Do(t, "GET", "/?sortBy=shoeSize", nil).Refused(t, 400, "invalidValue")
	projected := o.Do(t, "GET", "/?attributes=members.value,title&filter=displayName+co+%22o%22", nil).List(t)
	var shown []string
	for _, resource := range projected.Resources {
		shown = append(shown, strings.Join(slices.Sorted(maps.Keys(resource)), " "))
	}
	want := []string{"active id meta schemas title userName", "id members meta schemas"}
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Errorf("projection (-want +got):\n%s", diff)
	}
}

func TestSearch_NeedsWhatReadingNeeds(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	nobody, reader := o.As(t), o.As(t, "SCIM Reader")
	nobody.Do(t, "POST", "/Users/.search", searchRequest(map[string]any{})).Want(t, 200)
	for _, call := range []string{"POST /Groups/.search", "POST /.search", "GET /"} {
		method, path, _ := strings.Cut(call, " ")
		nobody.Do(t, method, path, searchRequest(map[string]any{})).Refused(t, 403, "")
		reader.Do(t, method, path, searchRequest(map[string]any{})).Want(t, 200)
	}
}

func TestServiceProviderConfig_TellsOfPages(t *testing.T) {
	t.Parallel()
	var config struct {
		Sort       struct{ Supported bool }
		Pagination map[string]any
	}
	servertest.New(t).NewOrg(t).Do(t, "GET", "/ServiceProviderConfig", nil).Want(t, 200).Decode(t, &config)
	want := map[string]any{
		"cursor": true, "index": true, "defaultPaginationMethod": "index",
		"defaultPageSize": 25.0, "maxPageSize": 1000.0, "cursorTimeout": 3600.0,
	}
	if diff := cmp.Diff(want, config.Pagination); diff != "" || !config.Sort.Supported {
		t.Errorf("sort %v, pagination (-want +got):\n%s", config.Sort, diff)
	}
}
