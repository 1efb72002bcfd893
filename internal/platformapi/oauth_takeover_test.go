package platformapi_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/servertest"
)

// takeover is an organisation with an administrator, who makes the tests' requests,
// an editor of clients and roles, and a client that may do more than the editor.
type takeover struct {
	*servertest.Org
	server *servertest.Server
	editor *servertest.Org
	client string // its path
	role   string // path of the role that it carries
	grants any    // its roleDivisions
}

func newTakeover(t *testing.T) takeover {
	t.Helper()
	server := servertest.New(t)
	o := server.NewOrg(t)
	o.Do(t, "POST", roles, map[string]any{"name": "Editor", "permissions": []string{
		"oauth:client:view", "oauth:client:edit", "authorization:role:view", "authorization:role:edit",
	}}).Want(t, 200)
	ops := o.Do(t, "POST", roles, map[string]any{"name": "Ops", "permissions": []string{"directory:user:delete"}}).Want(t, 200).ID(t)
	victim, _ := o.NewClient(t, "Ops")
	return takeover{
		o, server, o.As(t, "Editor"), clientsPath + "/" + victim.ID.String(), roles + "/" + ops,
		[]any{map[string]any{"roleId": ops, "divisionId": "*"}},
	}
}

func grants(list any) map[string]any { return map[string]any{"roleDivisions": list} }

// TestClients_AreNotTakenOver has an editor of clients try to get the secret of a
// client that may do more, while it has its roles and while it waits for them.
func TestClients_AreNotTakenOver(t *testing.T) {
	t.Parallel()
	for name, strip := range map[string]func(t *testing.T, o takeover){
		"by the editor": func(t *testing.T, o takeover) {
			refused(t, o.editor.Do(t, "PUT", o.client, grants([]any{})), 403, "not.authorized")
		},
		"by an administrator": func(t *testing.T, o takeover) {
			o.Do(t, "PUT", o.client, grants([]any{})).Want(t, 200)
			o.Do(t, "DELETE", o.role, nil).Want(t, 204)
		},
		"by its role": func(t *testing.T, o takeover) {
			o.editor.Do(t, "PATCH", o.role, map[string]any{"permissions": []any{}}).Want(t, 200)
		},
		"by its state": func(t *testing.T, o takeover) {
			o.editor.Do(t, "PUT", o.client, map[string]any{"state": "disabled"}).Want(t, 200)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newTakeover(t)
			o.editor.Do(t, "PUT", o.client, map[string]any{"description": "of another"}).Want(t, 200)
			strip(t, o)
			refused(t, o.editor.Do(t, "POST", o.client+"/secret", nil), 403, "not.authorized")
			o.Do(t, "PUT", o.client, map[string]any{"state": "inactive"}).Want(t, 200)
			refused(t, o.editor.Do(t, "PUT", o.client, map[string]any{"state": "active"}), 403, "not.authorized")
			refused(t, o.editor.Do(t, "PUT", o.client, grants([]any{map[string]any{"roleId": roleID(t, o.Org, "employee")}})), 403, "not.authorized")
			o.Do(t, "POST", o.client+"/secret", nil).Want(t, 200)
		})
	}
}

// TestClients_AreFreeWhenTheOverlapIsOver shows for how long a client is judged by
// what it might do.
func TestClients_AreFreeWhenTheOverlapIsOver(t *testing.T) {
	t.Parallel()
	o := newTakeover(t)
	o.Do(t, "PUT", o.client, grants([]any{})).Want(t, 200)
	o.Do(t, "PUT", o.client, grants(o.grants)).Want(t, 200)
	o.Do(t, "PATCH", o.role, map[string]any{"permissions": []any{}}).Want(t, 200)
	refused(t, o.editor.Do(t, "POST", o.client+"/secret", nil), 403, "not.authorized")
	if n := o.exec(t, "update former_grants set until = until - interval '24 hours' where org_id = $1"); n != 1 {
		t.Errorf("%d former grants, want 1 for the same permissions", n)
	}
	o.editor.Do(t, "POST", o.client+"/secret", nil).Want(t, 200)
	o.Do(t, "DELETE", o.client, nil).Want(t, 204)
	if n := o.exec(t, "delete from former_grants where org_id = $1"); n != 0 {
		t.Errorf("%d former grants of a client that is gone", n)
	}
}

// tenPermissions make 45 pairs.
var tenPermissions = []string{
	"directory:user:view", "directory:user:add", "directory:user:edit", "directory:user:delete",
	"routing:skill:assign", "routing:skill:create", "routing:skill:delete", "routing:skill:edit", "routing:skill:manage", "routing:skill:update",
}

// TestClients_AreRememberedWithinBounds changes a role more often than sets of permissions
// are kept: the client then counts as one that might do everything.
func TestClients_AreRememberedWithinBounds(t *testing.T) {
	t.Parallel()
	o := newTakeover(t)
	for i, first := range tenPermissions {
		for _, second := range tenPermissions[:i] {
			o.Do(t, "PATCH", o.role, map[string]any{"permissions": []string{first, second}}).Want(t, 200)
		}
	}
	if n := o.exec(t, "update former_grants set until = until where org_id = $1"); n != 33 {
		t.Errorf("%d sets of former grants are kept, want 32 and one for all others", n)
	}
	o.exec(t, "delete from former_grants where org_id = $1 and permissions <> array['*:*:*']")
	o.Do(t, "PATCH", o.role, map[string]any{"permissions": []any{}}).Want(t, 200)
	refused(t, o.editor.Do(t, "POST", o.client+"/secret", nil), 403, "not.authorized")
}

// exec runs a statement of which the organisation is $1, and tells how many rows it met.
func (o takeover) exec(t *testing.T, sql string) int64 {
	t.Helper()
	db, err := pgx.Connect(t.Context(), o.server.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	tag, err := db.Exec(t.Context(), sql, int64(o.ID))
	if err != nil {
		t.Fatal(err)
	}
	return tag.RowsAffected()
}
