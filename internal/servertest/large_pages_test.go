package servertest_test

import (
	"fmt"
	"net/url"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/servertest"
)

// A page of large resources ends at some 4 MB, and the ones behind it go on where it
// ended, however the list is asked for.
func TestLargePages_EndEarlyAndGoOn(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	var ids []string
	for i := range 30 {
		ids = append(ids, o.Do(t, "POST", "/Users", map[string]any{
			"userName": fmt.Sprintf("u%02d", i), "title": "large", "photos": photos(0, 2),
		}).Want(t, 201).ID(t))
	}
	group := o.NewGroup(t, "Night Shift", ids...)
	backwards := slices.Clone(ids)
	slices.Reverse(backwards)
	for _, test := range []struct {
		path string
		want []string
	}{
		{"/Users?", ids},
		{"/Users?filter=" + url.QueryEscape(`userName sw "u"`) + "&", ids},
		{"/Users?filter=" + url.QueryEscape(`title co "arg" or title co "none"`) + "&", ids},
		{"/Users?filter=" + url.QueryEscape(`groups.value eq "`+group+`"`) + "&", ids},
		{"/Users?sortBy=userName&sortOrder=descending&", backwards},
		{"/Users?sortBy=title&", ids},
		{"/Users?sortBy=meta.lastModified&", ids},
		{"/?", append(slices.Clone(ids), group)},
		{"/?sortBy=id&", append(slices.Clone(ids), group)},
	} {
		l := o.Do(t, "GET", test.path+"pageSize=1000&pageNumber=0", nil).List(t)
		check(t, "by number", l.IDs(), test.want)
		for _, count := range []int{7, 30, 1000} {
			t.Run(fmt.Sprintf("%s %d", test.path, count), func(t *testing.T) {
				t.Parallel()
				path := fmt.Sprintf("%scount=%d&", test.path, count)
				check(t, "by index", paged(t, o, path, len(test.want), func(_ servertest.List, read int) string {
					return fmt.Sprint("startIndex=", read+1)
				}), test.want)
				check(t, "by cursor", paged(t, o, path+"cursor", len(test.want), func(l servertest.List, _ int) string {
					return "=" + l.NextCursor
				}), test.want)
			})
		}
	}
}

func check(t *testing.T, how string, got, want []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", how, diff)
	}
}

// paged reads a list of so many resources page by page.
func paged(t *testing.T, o *servertest.Org, path string, total int, next func(l servertest.List, read int) string) (ids []string) {
	t.Helper()
	const atMost = 5 << 20
	more := next(servertest.List{}, 0)
	for range total + 1 {
		a := o.Do(t, "GET", path+more, nil)
		l := a.List(t)
		if len(a.Body) > atMost || l.TotalResults != total || l.ItemsPerPage != len(l.Resources) || len(l.Resources) == 0 {
			t.Fatalf("%s%.40s: %d bytes, %d of %d resources, itemsPerPage %d", path, more, len(a.Body), len(l.Resources), l.TotalResults, l.ItemsPerPage)
		}
		ids = append(ids, l.IDs()...)
		if more = next(l, len(ids)); len(ids) >= total {
			break
		}
		if more == "=" {
			t.Fatalf("%s: no cursor behind %d of %d resources", path, len(ids), total)
		}
	}
	return ids
}
