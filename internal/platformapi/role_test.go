package platformapi_test

import (
	"net/http"
	"testing"

	"github.com/purescim/purescim/internal/servertest"
)

// TestRoles_NobodyWidensTheirOwn has a client that may change roles change the
// one it carries: it may say what it likes of it, but not give it more.
func TestRoles_NobodyWidensTheirOwn(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	mine := []string{"authorization:role:edit", "authorization:role:add", "directory:group:view"}
	role := o.Do(t, http.MethodPost, "/api/v2/authorization/roles", map[string]any{"name": "Keeper", "permissions": mine}).Want(t, http.StatusOK).ID(t)
	keeper := o.As(t, "Keeper")
	path := "/api/v2/authorization/roles/" + role

	keeper.Do(t, http.MethodPatch, path, map[string]any{"description": "keeps the roles"}).Want(t, http.StatusOK)
	for _, wider := range []any{
		map[string]any{"permissions": []string{"*"}},
		map[string]any{"permissions": append([]string{"directory:user:delete"}, mine...)},
		map[string]any{"permissionPolicies": []any{map[string]any{"domain": "directory", "entityName": "user", "actionSet": []string{"delete"}}}},
	} {
		refused(t, keeper.Do(t, http.MethodPatch, path, wider), http.StatusForbidden, "not.authorized")
		keeper.Do(t, http.MethodPost, "/api/v2/authorization/roles", map[string]any{"name": "Wider", "permissions": []string{"*"}}).Want(t, http.StatusForbidden)
	}
	keeper.Do(t, http.MethodPatch, path, map[string]any{"permissions": mine[:2]}).Want(t, http.StatusOK)
	o.Do(t, http.MethodPatch, path, map[string]any{"permissions": []string{"directory:user:delete"}}).Want(t, http.StatusOK)
}
