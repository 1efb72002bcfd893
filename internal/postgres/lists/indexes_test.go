package lists

import (
	"regexp"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/records"
	"github.com/purescim/purescim/internal/postgres/search"
	"github.com/purescim/purescim/internal/postgres/searchtest"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// The ids of the filters are those that numbered gives user 4711 and group 47.
const (
	user4711 = "01000000-0000-7000-8000-000000001267"
	group47  = "02000000-0000-7000-8000-00000000002f"
)

var indexed = []struct {
	typ    *schema.Type
	filter string
	index  string
}{
	{schema.User, `id eq "` + user4711 + `"`, "users_pkey"},
	{schema.User, `userName eq "User4711@Example.org"`, "users_name"},
	{schema.User, `userName sw "user4711"`, "users_name"},
	{schema.User, `userName eq "user4711@example.org" and active eq true`, "users_name"},
	{schema.User, `displayName eq "user number 4711"`, "users_display"},
	{schema.User, `externalId eq "HR-4711"`, "users_external"},
	{schema.User, `employeeNumber eq "E4711"`, "users_employee"},
	{schema.User, `manager eq "` + user4711 + `"`, "users_manager"},
	{schema.User, `manager[value eq "` + user4711 + `"]`, "users_manager"},
	{schema.User, `department eq "department 17"`, "users_department"},
	{schema.User, `division eq "Division 17"`, "users_division"},
	{schema.User, `active eq false`, "users_active"},
	{schema.User, `meta.lastModified eq "2026-01-01T04:42:00Z"`, "modifications_pkey"},
	{schema.User, `meta.lastModified gt "2026-02-04T16:00:00Z"`, "modifications_pkey"},
	{schema.User, `meta.lastModified le "2026-01-01T04:00:00Z"`, "modifications_pkey"},
	{schema.User, `meta.lastModified ge "2026-01-11T00:00:00Z" and active eq true and meta.lastModified lt "2026-01-11T02:00:00Z"`, "modifications_pkey"},
	{schema.Group, `meta.lastModified gt "2026-02-04T16:00:00Z"`, "modifications_pkey"},
	{schema.User, `email eq "user4711@example.org"`, "user_keys_pkey"},
	{schema.User, `emails.value eq "user4711@example.org"`, "user_keys_pkey"},
	{schema.User, `emails[type eq "work" and value eq "user4711@example.org"]`, "user_keys_pkey"},
	{schema.User, `emails[type eq "work"].value eq "user4711@example.org"`, "user_keys_pkey"},
	{schema.User, `phoneNumbers.value eq "+1317555004711"`, "user_keys_pkey"},
	{schema.User, `externalIds[authority eq "zoomphone" and value eq "zoom 4711"]`, "user_keys_pkey"},
	{schema.User, scim.GenesysUserURN + `:externalIds.value eq "zoom 4711"`, "user_keys_pkey"},
	{schema.User, `roles.value eq "role 17"`, "user_keys_pkey"},
	{schema.User, `routingSkills.name eq "skill 17"`, "user_keys_pkey"},
	{schema.User, `groups.value eq "` + group47 + `"`, "group_members_pkey"},
	{schema.User, `groups.display eq "group 47"`, "groups_name"},
	{schema.Group, `id eq "` + group47 + `"`, "groups_pkey"},
	{schema.Group, `displayName eq "GROUP 47"`, "groups_name"},
	{schema.Group, `displayName sw "group 4711"`, "groups_name"},
	{schema.Group, `externalId eq "G-47"`, "groups_external"},
	{schema.Group, `members.value eq "` + user4711 + `"`, "members_by_user"},
	{schema.Group, `members[value eq "` + user4711 + `"]`, "members_by_user"},
	{schema.Group, `members eq "` + user4711 + `"`, "members_by_user"},
	{schema.Group, `id eq "` + group47 + `" and members eq "` + user4711 + `"`, "group_members_pkey|members_by_user"},
}

func TestIndexesAreUsed(t *testing.T) {
	t.Parallel()
	s := searchtest.New(t)
	org := s.Fill(t)
	t.Run("filters", func(t *testing.T) { filtersUseIndexes(t, s, org) })
	t.Run("orders", func(t *testing.T) { ordersUseIndexes(t, s, org) })
	t.Run("times", func(t *testing.T) { timesUseIndexes(t, s, org) })
	t.Run("times found", func(t *testing.T) { timesAreFound(t, s, org) })
	t.Run("links", func(t *testing.T) { linksUseIndexes(t, s, org) })
	t.Run("scans", func(t *testing.T) { scansAreShared(t, s, org) })
}

// What no index answers is read by several processes, both for a page and to be counted.
func scansAreShared(t *testing.T, s *searchtest.DB, org int64) {
	s.Exec(t, "set parallel_setup_cost = 50") // a twentieth, as if there were twenty times as many
	defer s.Exec(t, "reset parallel_setup_cost")
	for _, text := range []string{`title co "zz"`, `userName co "zz"`, `title ew "zz"`, `emails.value co "zz"`, `addresses.locality eq "zz"`} {
		q := directory.Query{Start: 1, Count: 100, Filter: parsed(t, schema.User, text)}
		of := newSource(directory.TypeQuery{Type: schema.User, Query: q}, nil)
		page, args := of.collected(org, few+1)
		count, chosen := of.counted(org)
		for sql, args := range map[string][]any{page: args, count: chosen} {
			if plan := s.Plan(t, of.isComposed(), sql, args); !strings.Contains(plan, "Parallel") {
				t.Errorf("%s is read by one process\n%s\n%s", text, sql, plan)
			}
		}
	}
}

// The links of a page are found one resource after the other.
func linksUseIndexes(t *testing.T, s *searchtest.DB, org int64) {
	q := directory.Query{Start: 1, Count: 100, Links: true}
	indexed := func(sql string, args []any, index string) {
		plan := s.Plan(t, false, sql, args)
		if strings.Contains(plan, "Seq Scan") || !strings.Contains(plan, index+" ") {
			t.Errorf("links are not found by %s\n%s\n%s", index, sql, plan)
		}
	}
	of := newSource(directory.TypeQuery{Type: schema.User, Query: q}, nil)
	sql, args := groupsOfThose.Fill(org, db.In("ids", db.ThoseIDs(db.IDs{searchtest.Numbered(1, 47), searchtest.Numbered(2, 47)})))
	indexed(sql, args, "members_by_user")
	sql, args = of.groupsFrom(org, of.rows(of.condition()), start{})
	indexed(sql, args, "members_by_user")
	of = newSource(directory.TypeQuery{Type: schema.Group, Query: q}, nil)
	sql, args = of.pageFrom(org, of.rows(of.condition()), db.Fragment{})
	indexed(sql, args, "group_members_pkey")
	page := newSource(directory.TypeQuery{Type: schema.User, Query: directory.Query{Start: 1, Count: 100}}, nil)
	sql, args = page.strides(org, 4000)
	indexed(sql, args, "Index Only Scan using users_pkey")
	indexed(records.GetGroupAndMembers.String(), []any{org, db.ID(searchtest.Numbered(2, 47))}, "group_members_pkey")
}

// The filters that clients send every day are answered by an index, at whatever
// size: no table is read as a whole.
func filtersUseIndexes(t *testing.T, s *searchtest.DB, org int64) {
	for _, c := range indexed {
		n := searchtest.Parse(t, c.typ, c.filter)
		if len(s.Find(t, org, c.typ, n)) == 0 && c.typ == schema.User {
			t.Errorf("%s finds nothing", c.filter)
		}
		sql, args := searchtest.Selection(org, c.typ, n)
		for _, page := range []string{"", " order by r.id limit 25"} {
			plan := s.Plan(t, !search.Finds(n, search.IsIndexed), sql+page, args)
			scanned := regexp.MustCompile(`Seq Scan on \w+`).FindString(plan)
			if scanned != "" || !regexp.MustCompile(`using (`+c.index+`)\b|on (`+c.index+`)\b`).MatchString(plan) {
				t.Errorf("%s is not answered by %s\n%s\n%s", c.filter, c.index, sql+page, plan)
			}
		}
	}
}

// The orders that lists are often asked for in are read from an index, wherever
// the page is: nothing is sorted but what is equal in its first columns.
func ordersUseIndexes(t *testing.T, s *searchtest.DB, org int64) {
	for _, c := range []struct {
		types            []*schema.Type
		by, value, index string
	}{
		{schema.DefaultTypes[:1], "userName", "user30000@example.org", "users_name"},
		{schema.DefaultTypes[:1], "displayName", "user number 30000", "users_display"},
		{schema.DefaultTypes[:1], "externalId", "HR-30000", "users_external"},
		{schema.DefaultTypes[:1], "meta.created", "", "users_pkey"},
		{schema.DefaultTypes[:1], "id", "", "users_pkey"},
		{schema.DefaultTypes[1:], "displayName", "group 30000", "groups_name"},
		{schema.DefaultTypes[1:], "externalId", "G-30000", "groups_external"},
		{schema.DefaultTypes, "displayName", "group 30000", "groups_name"},
		{schema.DefaultTypes, "displayName", "group 30000", "users_display"},
		{schema.DefaultTypes, "meta.created", "", "groups_pkey"},
		{schema.DefaultTypes[:1], "meta.lastModified", "2026-01-21T20:00:00Z", "modifications_pkey"},
		{schema.DefaultTypes[1:], "meta.lastModified", "2026-01-21T20:00:00Z", "modifications_pkey"},
		{schema.DefaultTypes, "meta.lastModified", "2026-01-21T20:00:00Z", "modifications_pkey"},
	} {
		for _, order := range []string{"ascending", "descending"} {
			sorts, err := filter.ParseSort(c.types, c.by, order)
			if err != nil {
				t.Fatal(err)
			}
			var list []directory.TypeQuery
			for i, typ := range c.types {
				list = append(list, directory.TypeQuery{Type: typ, Query: directory.Query{Sort: &sorts[i]}})
			}
			l := newSorting(list, false, nil)
			places := []directory.Position{{}, {ID: searchtest.Numbered(1, searchtest.ManyUsers/2), Value: c.value}}
			if l.parts[0].key.Nullable && len(list) == 1 {
				places = append(places, directory.Position{ID: searchtest.Numbered(1, searchtest.ManyUsers/2), Absent: true})
			}
			for _, from := range places {
				sql, args := l.page(org, l.steps(from)[0], from, 25)
				plan := s.Plan(t, false, sql, args)
				if regexp.MustCompile(`Seq Scan|->  Sort `).MatchString(plan) || !strings.Contains(plan, c.index+" ") {
					t.Errorf("%s %s behind %+v is not read from %s\n%s\n%s", c.by, order, from, c.index, sql, plan)
				}
			}
		}
	}
}
