package platformapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/servertest"
)

// walk reads a list of large things page by page, as its addresses lead, and gives the
// ids: what was asked for at once comes in several pages.
func walk(t *testing.T, o *servertest.Org, uri string, total int) (ids []string) {
	t.Helper()
	for first := true; uri != ""; first = false {
		a := o.Do(t, "GET", uri, nil).Want(t, 200)
		var l listing
		a.Decode(t, &l)
		if n := len(l.Entities); l.Total != total || n == 0 || n != min(l.PageSize, total-len(ids)) || len(a.Body) > 3<<20 || first && n == total {
			t.Fatalf("%s: %d entities of %d in %d bytes, pageSize %d", uri, n, l.Total, len(a.Body), l.PageSize)
		}
		ids, uri = append(ids, l.fields("id")...), l.NextURI
	}
	return ids
}

// Pages of large users, groups and clients end early, and lead to all.
func TestLists_OfLargeThingsEndEarly(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	large := strings.Repeat("x", 120<<10)
	var active, inactive, groups, gone []string
	for i := range 44 {
		id := o.Do(t, "POST", "/Users", map[string]any{"userName": fmt.Sprint("u", i), "title": large, "active": i%2 == 0}).Want(t, 201).ID(t)
		if i%2 == 0 {
			active = append(active, id)
		} else {
			inactive = append(inactive, id)
		}
	}
	all := slices.Sorted(slices.Values(slices.Concat(active, inactive)))
	night := o.NewGroup(t, "night shift", all...)
	for i := range 20 {
		groups = append(groups, o.NewGroup(t, fmt.Sprintf("day %02d", i)))
	}
	change(t, s, `update groups set doc = left(doc, -1) || ',"urn:x":{"y":"' || repeat('x', 240000) || '"}}' where org_id = $1`, int64(o.ID))
	const users = "/api/v2/users?pageSize=500"
	expect(t, "active users", walk(t, o, users, len(active)), active)
	expect(t, "inactive users", walk(t, o, users+"&state=inactive", len(inactive)), inactive)
	expect(t, "all users", walk(t, o, users+"&state=any", len(all)), all)
	expect(t, "users by id", walk(t, o, users+"&id="+strings.Join(active, ","), len(active)), active)
	expect(t, "members", walk(t, o, "/api/v2/groups/"+night+"/members?pageSize=499", len(all)), all)
	expect(t, "groups", walk(t, o, "/api/v2/groups?pageSize=500", 21), append(groups, night))
	for _, id := range all[:24] {
		o.Do(t, "DELETE", "/Users/"+id, nil).Want(t, 204)
		gone = append(gone, id)
	}
	expect(t, "deleted users", walk(t, o, users+"&state=deleted", len(gone)), gone)
}

func TestLists_OfLargeClientsEndEarly(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	var grants []any
	for i := range 100 {
		id := named(t, o, roles, fmt.Sprint("role ", i))
		grants = append(grants, map[string]any{"roleId": id})
	}
	o.Do(t, "POST", "/api/v2/oauth/clients", map[string]any{
		"name": "client", "authorizedGrantType": "CLIENT-CREDENTIALS", "roleDivisions": grants, "description": strings.Repeat("d", 2000),
	}).Want(t, 200)
	const clients = 450
	change(t, s, `
insert into oauth_clients (org_id, client_id, name, secret_hash, validity_seconds, state, roles, description, modified_at, created_at)
select c.org_id, gen_random_uuid(), c.name, c.secret_hash, c.validity_seconds, c.state, c.roles, c.description, c.modified_at, c.created_at
from   oauth_clients c, generate_series(1, $2 - 2)
where  c.org_id = $1 and c.name = 'client'`, int64(o.ID), clients)
	got := walk(t, o, "/api/v2/oauth/clients?pageSize=500", clients)
	if slices.Sort(got); len(slices.Compact(got)) != clients {
		t.Errorf("%d clients, want %d", len(slices.Compact(got)), clients)
	}
}

func change(t *testing.T, s *servertest.Server, sql string, args ...any) {
	t.Helper()
	db, err := pgx.Connect(t.Context(), s.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	if _, err := db.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// A page of large roles ends early, and the addresses that pages give lead to all.
func TestLists_OfLargeRolesEndEarly(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	var want []string
	for i := range 45 {
		want = append(want, o.Do(t, "POST", roles, map[string]any{
			"name": fmt.Sprintf("large %02d", i), "permissions": []any{strings.Repeat("x", 60<<10)},
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
