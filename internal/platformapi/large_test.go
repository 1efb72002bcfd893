package platformapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/servertest"
)

// A page of large roles ends early, and the addresses that pages give lead to all.
func TestLists_OfLargeRolesEndEarly(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	var want []string
	for i := range 45 {
		want = append(want, o.Do(t, "POST", roles, map[string]any{
			"name": fmt.Sprintf("large %02d", i), "permissions": []any{"a:b:" + strings.Repeat("x", 60<<10)},
		}).Want(t, 200).ID(t))
	}
	var got []string
	for uri := roles + "?name=large&pageSize=100&userCount=false"; uri != ""; {
		l := list(t, o, uri)
		if n := len(l.Entities); l.Total != len(want) || n == 0 || n > 36 || n != min(l.PageSize, len(want)-len(got)) {
			t.Fatalf("%s: %d entities of %d, pageSize %d", uri, n, l.Total, l.PageSize)
		}
		got, uri = append(got, l.fields("id")...), l.NextURI
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d roles, want %d", len(got), len(want))
	}
	expect(t, "roles of SCIM", len(o.Do(t, "GET", "/Roles?count=1000", nil).List(t).Resources), len(want)+4)
}
