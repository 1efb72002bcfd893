package servertest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/servertest"
)

// What is loaded into the log is what the changes themselves have stored there.
func TestLoadLog_StoresWhatChangesStore(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o, copied := server.NewOrg(t), server.NewOrg(t)
	ada, bob, group := o.NewUser(t, "ada"), o.NewUser(t, "bob"), o.NewGroup(t, "Looms")
	members := func(op string, ids ...string) any {
		return servertest.Patch(map[string]any{"op": op, "path": "members", "value": servertest.Values(ids...)})
	}
	o.Do(t, "PATCH", "/Users/"+ada, servertest.Patch(map[string]any{"op": "add", "path": "title", "value": "Countess"})).Want(t, 200)
	o.Do(t, "PATCH", "/Users/"+bob, servertest.Patch(map[string]any{"op": "replace", "path": "userName", "value": "rob"})).Want(t, 200)
	o.Do(t, "PATCH", "/Groups/"+group, members("add", ada, bob)).Want(t, 200)
	o.Do(t, "PATCH", "/Groups/"+group, members("remove", bob)).Want(t, 200)
	o.Do(t, "DELETE", "/Users/"+bob, nil).Want(t, 204)
	log := server.Store.ProvisioningLog()
	entries, _, err := log.Entries(t.Context(), o.ID, provisioning.Query{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Store.MakeRoom(t.Context(), server.Store.Clock.Now().AddDate(0, -2, 0)); err != nil {
		t.Fatal(err)
	}
	for i, e := range entries {
		if e.Created != nil || e.Deleted != nil {
			entries[i].Changes = nil // which are read off the document
		}
	}
	if err := server.Store.LoadLog(t.Context(), copied.ID, entries); err != nil {
		t.Fatal(err)
	}
	stored := func(o *servertest.Org) []map[string]any {
		rows, err := server.Store.Own().Query(t.Context(), `
			select id, client_id, actor, correlation_id, operation, target_type, target_id, target_name, target_key, result, status, error,
			       added, removed, member_id, detail::jsonb as detail
			from   provisioning_log where org_id = $1 and id = any($2) order by id`, int64(o.ID), idsOf(entries))
		if err != nil {
			t.Fatal(err)
		}
		found, err := pgx.CollectRows(rows, pgx.RowToMap)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if diff := cmp.Diff(stored(o), stored(copied)); diff != "" || len(entries) < 7 {
		t.Errorf("%d entries (-stored +loaded):\n%s", len(entries), diff)
	}
}

func idsOf(entries []provisioning.Entry) (ids []uuid.UUID) {
	for _, e := range entries {
		ids = append(ids, e.ID)
	}
	return ids
}
