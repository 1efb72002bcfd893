package platformapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/servertest"
)

// listing is an EntityListing.
type listing struct {
	Entities                                         []map[string]any
	PageSize, PageNumber, Total, PageCount           int
	FirstURI, PreviousURI, NextURI, LastURI, SelfURI string
}

func list(t *testing.T, o *servertest.Org, uri string) (l listing) {
	t.Helper()
	o.Do(t, "GET", uri, nil).Want(t, 200).Decode(t, &l)
	if l.Entities == nil {
		t.Errorf("%s: entities is not an array", uri)
	}
	return l
}

func (l listing) fields(name string) []string {
	values := make([]string, len(l.Entities))
	for i, e := range l.Entities {
		values[i], _ = e[name].(string)
	}
	return values
}

// expect compares what was got with what is wanted.
func expect(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func named(t *testing.T, o *servertest.Org, path, name string) string {
	t.Helper()
	return o.Do(t, "POST", path, map[string]any{"name": name}).Want(t, 200).ID(t)
}

// Every list is read through from its first page to its last and back, by the
// addresses that the pages give.
func TestLists_LeadFromPageToPage(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	ids := map[string][]string{}
	for i := range 7 {
		name := fmt.Sprintf("page %d", i)
		for _, path := range []string{roles, divisions, skills, languages} {
			ids[path+"?name=page&"] = append(ids[path+"?name=page&"], named(t, o, path, name))
		}
		ids[groups+"?"] = append(ids[groups+"?"], o.NewGroup(t, name))
		ids[users+"?"] = append(ids[users+"?"], o.NewUser(t, name))
	}
	members := o.NewGroup(t, "zz", ids[users+"?"]...)
	ids[groups+"?"] = append(ids[groups+"?"], members)
	ids[groups+"/"+members+"/members?"] = ids[users+"?"]
	for uri, want := range ids {
		t.Run(uri, func(t *testing.T) {
			t.Parallel()
			leads(t, o, uri, want)
		})
	}
}

func leads(t *testing.T, o *servertest.Org, uri string, want []string) {
	first := list(t, o, uri+"pageSize=3&extra=a%26b")
	expect(t, "numbers", []int{first.PageSize, first.PageNumber, first.Total, first.PageCount}, []int{3, 1, len(want), 3})
	expect(t, "no page before the first", first.PreviousURI, "")
	expect(t, "first and self", first.FirstURI, first.SelfURI)
	if !strings.Contains(first.NextURI, "extra=a%26b") {
		t.Errorf("next is %s", first.NextURI)
	}
	got, page := first.fields("id"), first
	for page.NextURI != "" {
		next := list(t, o, page.NextURI)
		expect(t, "back", list(t, o, next.PreviousURI), page)
		got, page = append(got, next.fields("id")...), next
	}
	expect(t, "ids", got, want)
	expect(t, "last", list(t, o, first.LastURI), page)

	beyond := list(t, o, uri+"pageSize=3&pageNumber=1000000000")
	expect(t, "entities beyond the end", len(beyond.Entities), 0)
	expect(t, "total beyond the end", beyond.Total, len(want))
	expect(t, "before what is beyond the end", list(t, o, beyond.PreviousURI).Entities, page.Entities)

	if strings.Contains(uri, "members") {
		return
	}
	some := []string{want[5], want[2]}
	slices.Sort(some)
	for _, spelling := range []string{"id=" + some[1] + "&id=" + some[0], "id=" + some[0] + "," + some[1] + ",nothing"} {
		chosen := list(t, o, uri+spelling)
		expect(t, spelling, chosen.fields("id"), some)
		expect(t, "total of "+spelling, chosen.Total, 2)
	}
	expect(t, "ids that nobody has", list(t, o, uri+"id=nothing").Total, 0)
	if strings.HasPrefix(uri, users) {
		return
	}
	for _, order := range []string{"desc", "DESC", "Descending"} {
		backwards := list(t, o, uri+"sortOrder="+order).fields("id")
		slices.Reverse(backwards)
		expect(t, order, backwards, want)
	}
}

func TestLists_Empty(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	expect(t, "list", list(t, o, groups), listing{
		Entities: []map[string]any{}, PageSize: 25, PageNumber: 1,
		FirstURI: groups + "?pageNumber=1&pageSize=25", LastURI: groups + "?pageNumber=1&pageSize=25", SelfURI: groups + "?pageNumber=1&pageSize=25",
	})
}

func TestQueries_NameTheParameterThatIsWrong(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	group := o.NewGroup(t, "Night Shift")
	for _, path := range []string{roles, divisions, skills, languages, groups, users, groups + "/" + group + "/members"} {
		for parameter, values := range map[string][]string{
			"pageSize":   {"0", "501", "-1", "x", "1.5", "99999999999999999999"},
			"pageNumber": {"0", "-1", "x", "99999999999999999999"},
			"sortOrder":  {"up"},
		} {
			for _, value := range values {
				if parameter == "sortOrder" && strings.HasSuffix(path, "members") {
					continue
				}
				message := refused(t, o.Do(t, "GET", path+"?"+parameter+"="+value, nil), 400, "invalid.value")
				if !strings.HasPrefix(message, parameter+" ") {
					t.Errorf("%s=%s: %s", parameter, value, message)
				}
			}
		}
		expect(t, "the largest page", list(t, o, path+"?pageSize=500").PageSize, 500)
	}
	for path, parameter := range map[string]string{
		roles + "?userCount=maybe":                      "userCount",
		users + "?state=asleep":                         "state",
		users + "/" + o.NewUser(t, "a") + "?state=gone": "state",
	} {
		if message := refused(t, o.Do(t, "GET", path, nil), 400, "invalid.value"); !strings.HasPrefix(message, parameter+" ") {
			t.Errorf("%s: %s", path, message)
		}
	}
}
