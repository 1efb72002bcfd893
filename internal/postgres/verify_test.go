package postgres

import (
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
)

func TestVerify_FindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	database := newTenant(t)
	for name, c := range map[string]struct{ change, want string }{
		"column":    {`update users set user_name_key = 'eve' where org_id = $1`, `column user_name_key is "eve" instead of "ada"`},
		"folded":    {`update users set folded = '{}' where org_id = $1`, "the folded copy differs"},
		"lost key":  {`delete from user_keys where org_id = $1`, `emails.value has no key "a@x"`},
		"extra key": {`insert into user_keys select $1, kind, 'b@x', user_id from user_keys where org_id = $1`, `has a key "b@x"`},
		"orphan": {
			`insert into user_keys values ($1, 1, 'b@x', '00000000-0000-7000-8000-000000000000')`,
			`the key "b@x" of kind 1 is of user 00000000-0000-7000-8000-000000000000`,
		},
		"document": {
			`update users set doc = replace(doc, '"title":"Dr"', '"title" : "Dr"') where org_id = $1`,
			"is not rendered as it would be now",
		},
		"no document":  {`update users set doc = '{' where org_id = $1`, "cannot be read"},
		"another id":   {`update groups set doc = replace(doc, id::text, 'x') where org_id = $1`, "the document has the id x"},
		"group column": {`update groups set display_name = 'x' where org_id = $1`, `column display_name is "x" instead of "Sales"`},
		"member count": {`delete from group_members where org_id = $1`, "member_count is 1 instead of 0"},
		"lost time":    {`delete from modifications where org_id = $1 and kind = 1`, ": modifications lacks the row of "},
		"another time": {`update modifications set modified_at = '2026-01-01' where org_id = $1 and kind = 2`, "modifications lacks the row of "},
		"left over": {
			`insert into modifications values ($1, 2, '2026-01-01', '00000000-0000-7000-8000-000000000000')`,
			"groups 00000000-0000-7000-8000-000000000000: modifications has a row too many of 2026-01-01T00:00:00Z",
		},
		"total":        {`delete from count_changes where org_id = $1 and kind = 1`, "the total of active users is 0 instead of 1"},
		"lost change":  {`update users set version = version + 1 where org_id = $1`, "the version is 2, and entries of changes in the log are 1"},
		"lost entry":   {`update provisioning_log set added = null where org_id = $1`, " is a member, and the log tells of 0 more additions than removals"},
		"lost removal": {`delete from group_members where org_id = $1`, " is no member, and the log tells of 1 more additions than removals"},
		"group change": {`update groups set version = version + 1 where org_id = $1`, "the version is 3, and entries of changes in the log are 2"},
		"group total":  {`insert into counts values ($1, 3, 5)`, "the total of groups is 6 instead of 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := database.neighbour()
			o.t = t
			ada := o.user("Ada", with(schema.Emails, emails("A@x")), with(schema.User.Attribute("title"), "Dr"))
			o.group("Sales", ada.ID)
			o.consistent()
			o.exec(c.change, o.Tenant.Org)
			var found []string
			o.must(o.Verify(t.Context(), org.ID(o.Tenant.Org), schema.DefaultTypes, func(d string) { found = append(found, d) }))
			o.must(o.VerifyLog(t.Context(), org.ID(o.Tenant.Org), func(d string) { found = append(found, d) }))
			if !strings.Contains(strings.Join(found, "\n"), c.want) {
				t.Errorf("reported %q, want %q", found, c.want)
			}
		})
	}
}
