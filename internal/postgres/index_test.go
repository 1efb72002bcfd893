package postgres

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

const (
	manyUsers  = 50_000
	manyGroups = 50_000
	groupSize  = 50
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
	s := newShelf(t)
	org := s.fill(t)
	t.Run("filters", func(t *testing.T) { filtersUseIndexes(t, s, org) })
	t.Run("orders", func(t *testing.T) { ordersUseIndexes(t, s, org) })
	t.Run("times", func(t *testing.T) { timesUseIndexes(t, s, org) })
	t.Run("times found", func(t *testing.T) { timesAreFound(t, s, org) })
	t.Run("links", func(t *testing.T) { linksUseIndexes(t, s, org) })
	t.Run("scans", func(t *testing.T) { scansAreShared(t, s, org) })
}

// What no index answers is read by several processes, both for a page and to be counted.
func scansAreShared(t *testing.T, s *shelf, org int64) {
	s.exec(t, "set parallel_setup_cost = 50") // a twentieth, as if there were twenty times as many
	defer s.exec(t, "reset parallel_setup_cost")
	for _, text := range []string{`title co "zz"`, `userName co "zz"`, `title ew "zz"`, `emails.value co "zz"`, `addresses.locality eq "zz"`} {
		q := directory.Query{Start: 1, Count: 100, Filter: parsed(t, schema.User, text)}
		of := newListing(schema.User, q, []any{org})
		page, args := of.fewOf(q, few)
		for sql, args := range map[string][]any{page: args, of.count: of.args} {
			if plan := s.explain(t, of.composed, sql, args); !strings.Contains(plan, "Parallel") {
				t.Errorf("%s is read by one process\n%s\n%s", text, sql, plan)
			}
		}
	}
}

// The links of a page are found one resource after the other.
func linksUseIndexes(t *testing.T, s *shelf, org int64) {
	q := directory.Query{Start: 1, Count: 100, Links: true}
	indexed := func(sql string, args []any, index string) {
		plan := s.explain(t, false, sql, args)
		if strings.Contains(plan, "Seq Scan") || !strings.Contains(plan, index+" ") {
			t.Errorf("links are not found by %s\n%s\n%s", index, sql, plan)
		}
	}
	of := newListing(schema.User, q, []any{org})
	indexed(of.linksOf(givenIDs), []any{org, uids{numbered(1, 47), numbered(2, 47)}}, "members_by_user")
	indexed(of.linksOf(of.pageOf(of.ids, of.span(q, bookmark{}, false))), []any{org}, "members_by_user")
	of = newListing(schema.Group, q, []any{org})
	indexed(of.pageOf(of.records(), of.span(q, bookmark{}, false)), []any{org}, "group_members_pkey")
	indexed(getGroupAndMembers, []any{org, uid(numbered(2, 47))}, "group_members_pkey")
}

// The filters that clients send every day are answered by an index, at whatever
// size: no table is read as a whole.
func filtersUseIndexes(t *testing.T, s *shelf, org int64) {
	for _, c := range indexed {
		n := parse(t, c.typ, c.filter)
		if len(s.find(t, org, c.typ, n)) == 0 && c.typ == schema.User {
			t.Errorf("%s finds nothing", c.filter)
		}
		sql, args := selection(org, c.typ, n)
		for _, page := range []string{"", " order by " + tableOf(c.typ).alias + ".id limit 25"} {
			plan := s.explain(t, !finds(n, isIndexed), sql+page, args)
			scanned := regexp.MustCompile(`Seq Scan on \w+`).FindString(plan)
			if scanned != "" || !regexp.MustCompile(`using (`+c.index+`)\b|on (`+c.index+`)\b`).MatchString(plan) {
				t.Errorf("%s is not answered by %s\n%s\n%s", c.filter, c.index, sql+page, plan)
			}
		}
	}
}

// The orders that lists are often asked for in are read from an index, wherever
// the page is: nothing is sorted but what is equal in its first columns.
func ordersUseIndexes(t *testing.T, s *shelf, org int64) {
	v := (&Store{}).view(1)
	v.org = org
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
			r := v.ranking(list, v.inPieces(list[0].Query))
			places := []directory.Position{{}, {ID: numbered(1, manyUsers/2), Value: c.value}}
			if r.parts[0].key.nullable && len(list) == 1 {
				places = append(places, directory.Position{ID: numbered(1, manyUsers/2), Absent: true})
			}
			for _, from := range places {
				sql, args := r.page(r.behind(from)[0], 25)
				plan := s.explain(t, false, sql, args)
				if regexp.MustCompile(`Seq Scan|->  Sort `).MatchString(plan) || !strings.Contains(plan, c.index+" ") {
					t.Errorf("%s %s behind %+v is not read from %s\n%s\n%s", c.by, order, from, c.index, sql, plan)
				}
			}
		}
	}
}

// explain gives the plan of a statement, of one that is composed as planned has it.
func (s *shelf) explain(t *testing.T, composed bool, sql string, args []any) string {
	t.Helper()
	s.exec(t, "begin")
	defer s.exec(t, "rollback")
	if composed {
		s.exec(t, planForValues)
	}
	rows, _ := s.conn.Query(t.Context(), "explain "+sql, args...)
	plan := ""
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		plan += line + "\n"
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("explain %s: %v", sql, err)
	}
	return plan
}

// fill makes an organisation with many users and groups.
func (s *shelf) fill(t *testing.T) (org int64) {
	t.Helper()
	org = s.orgs.Add(1)
	var members [][2]uuid.UUID
	for chunk := range slices.Chunk(documents(manyUsers, numberedUser), 10_000) {
		s.add(t, org, schema.User, chunk)
	}
	for chunk := range slices.Chunk(documents(manyGroups, numberedGroup), 10_000) {
		s.add(t, org, schema.Group, chunk)
	}
	for i := range manyUsers {
		members = append(members, [2]uuid.UUID{numbered(2, i/groupSize), numbered(1, i)})
	}
	s.link(t, org, members)
	s.exec(t, "analyze users, user_keys, groups, group_members, modifications")
	return org
}

func documents(n int, one func(i int) scim.Document) []scim.Document {
	docs := make([]scim.Document, n)
	for i := range docs {
		docs[i] = one(i)
	}
	return docs
}

// numbered gives an id for a number, in the order of the numbers.
func numbered(kind byte, i int) uuid.UUID {
	id := uuid.UUID{kind, 6: 0x70, 8: 0x80}
	binary.BigEndian.PutUint32(id[12:], uint32(i))
	return id
}

func numberedUser(i int) scim.Document {
	value := func(format string, i int) []any {
		return []any{map[string]any{"value": fmt.Sprintf(format, i), "type": "work"}}
	}
	return scim.Document{
		"id":           numbered(1, i).String(),
		"meta":         modifiedAt(i),
		"userName":     fmt.Sprintf("user%d@example.org", i),
		"displayName":  fmt.Sprintf("User Number %d", i),
		"externalId":   fmt.Sprintf("HR-%d", i),
		"active":       i%50 != 0,
		"emails":       value("user%d@example.org", i),
		"phoneNumbers": value("+1317555%06d", i),
		"roles":        value("role %d", i%100),
		scim.EnterpriseUserURN: map[string]any{
			"employeeNumber": "E" + strconv.Itoa(i),
			"department":     fmt.Sprintf("Department %d", i%200),
			"division":       fmt.Sprintf("Division %d", i%100),
			"manager":        map[string]any{"value": numbered(1, i%5000).String()},
		},
		scim.GenesysUserURN: map[string]any{
			"routingSkills": []any{map[string]any{"name": fmt.Sprintf("skill %d", i%300), "proficiency": 3.0}},
			"externalIds":   []any{map[string]any{"authority": "zoomphone", "value": fmt.Sprintf("zoom %d", i)}},
		},
	}
}

// modifiedAt is a minute after the one before it.
func modifiedAt(i int) map[string]any {
	at := time.Date(2026, 1, 1, 0, i, 0, 0, time.UTC).Format(time.RFC3339)
	return map[string]any{"created": at, "lastModified": at}
}

func numberedGroup(i int) scim.Document {
	return scim.Document{
		"id":          numbered(2, i).String(),
		"meta":        modifiedAt(i),
		"displayName": fmt.Sprintf("Group %d", i),
		"externalId":  fmt.Sprintf("G-%d", i),
	}
}
