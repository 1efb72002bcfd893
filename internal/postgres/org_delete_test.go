package postgres

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/authstore"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// A deleted organisation is gone with all that it owned, though who deletes it is
// interrupted and a request that was let in before still stores something. Others keep
// what they have.
func TestDeleteOrg_LeavesNothing(t *testing.T) {
	t.Parallel()
	r := register(t)
	token := r.token(t, time.Now().Add(time.Hour))
	r.group("Looms", r.tenant.users(3)...)
	deleted := r.user("gone")
	r.must(r.DeleteUser(t.Context(), schema.User, deleted.ID, scim.Condition{}, func(scim.Document) {}))
	other := r.neighbour()
	other.group("Looms", other.users(2)...)
	theirs := ownedBy(t, r, org.ID(other.Tenant.Org))

	n, err := r.registry.LiveTokens(t.Context(), r.org.ID)
	expect(t, "good tokens", n, 1)
	r.must(err)
	r.must(r.registry.DeleteOrg(t.Context(), r.org.ID, "tester"))
	for what, err := range map[string]error{
		"organisation": second(r.registry.OrgByName(t.Context(), "acme")),
		"client":       second(r.registry.Client(t.Context(), r.client.ID)),
		"token":        second(r.registry.Bearer(t.Context(), r.org.ID, r.client.ID, token.ID)),
	} {
		if !errors.Is(err, oauth.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	r.must(r.registry.CreateOrg(t.Context(), org.Org{ID: org.NewID(), Name: "Acme", Settings: org.DefaultSettings()}, nil)) // the name is free

	cut, interrupt := context.WithCancel(t.Context())
	interrupt()
	if _, err := r.registry.Empty(cut, r.org.ID); err == nil {
		t.Error("an interruption is no error")
	}
	left, err := r.registry.LeftOrg(t.Context(), "ACME")
	r.must(err)
	expect(t, "what is left is of", left, r.org.ID)
	r.must(r.registry.EmptyAll(t.Context()))
	r.user("late") // by a request that was let in before
	r.must(r.registry.EmptyAll(t.Context()))
	for table, n := range ownedBy(t, r, r.org.ID) {
		if n > 0 {
			t.Errorf("%s: %d rows are left", table, n)
		}
	}
	expect(t, "what others have", ownedBy(t, r, org.ID(other.Tenant.Org)), theirs)

	r.must(second(r.registry.LeftOrg(t.Context(), "acme"))) // something may come still
	r.exec(`update deleted_orgs set deleted_at = deleted_at - interval '1 hour'`)
	r.must(r.registry.EmptyAll(t.Context()))
	if err := second(r.registry.LeftOrg(t.Context(), "acme")); !errors.Is(err, oauth.ErrNotFound) {
		t.Errorf("it is looked for still: %v", err)
	}
	expect(t, "noted", r.number(`select count(*) from deleted_orgs where name = 'Acme' and deleted_by = 'tester'`), 1)
}

// ownedBy counts the rows of an organisation in each table that has some of organisations.
func ownedBy(t *testing.T, r registered, o org.ID) map[string]int {
	t.Helper()
	rows, err := r.Own().Query(t.Context(), `
		select c.relname::text
		from   pg_class c
		join   pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id'
		where  c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = 'public'::regnamespace and c.relname <> 'deleted_orgs'`)
	r.must(err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	r.must(err)
	counts := map[string]int{}
	for _, table := range tables {
		if table != "orgs" && !slices.Contains(authstore.OrganisationTables, table) {
			t.Errorf("%s belongs to organisations, and is not emptied when one is deleted", table)
		}
		counts[table] = r.number(`select count(*) from `+table+` where org_id = $1`, int64(o))
	}
	return counts
}
