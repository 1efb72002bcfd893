package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/servertest"
)

// A client whose base URL is wrong is told the right path, in the error that it can read.
func TestPaths_AWrongMountIsToldTheRightOne(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	const right = "/api/v2/scim/v2"
	for path, want := range map[string]string{
		"/scim/v2/Users": right + "/Users", "/v2/Users": right + "/Users", "/Users": right + "/Users",
		"/scim/users/7": right + "/Users/7", "/SCIM/V2//groups/": right + "/Groups", "/api/scim/v2/Bulk": right + "/Bulk",
		"/api/v2/scim/v3/Users/.search": right + "/Users/.search", "/api/v2/Users": right + "/Users",
		right + right + "/Users":      right + "/Users",
		"/api/v2/scim/scim/v2/Users":  right + "/Users",
		"/scim/ServiceProviderConfig": right + "/ServiceProviderConfig", "/scim/v2": right, "/scim": right,
	} {
		told := o.Do(t, http.MethodGet, server.URL+path, nil).Refused(t, http.StatusNotFound, "")
		if !strings.HasSuffix(told, " "+want) {
			t.Errorf("%s: %s, want %s to be named", path, told, want)
		}
	}
	for method, path := range map[string]string{"GET": "/ServiceProviderConfig/x", "POST": "/Me/.search", "PUT": "/Users/7/manager", "DELETE": "/Bulk/7/8"} {
		for _, mount := range []string{right, "/api/v2/scim"} {
			if told := o.Do(t, method, mount+path, nil).Refused(t, http.StatusNotFound, ""); !strings.HasSuffix(told, mount+path) {
				t.Errorf("%s%s: %s", mount, path, told)
			}
		}
	}
	for _, path := range []string{"/scim/v2/Me/.search", "/api/v2/printers", "/api/v2", "/api/v2/users/7/routingskills", "/desk/Users"} {
		a := o.Do(t, http.MethodGet, server.URL+path, nil).Want(t, http.StatusNotFound)
		if body := string(a.Body); strings.Contains(body, right) || !strings.Contains(body, `"code":"not.found"`) {
			t.Errorf("%s: %s", path, body)
		}
	}
}

func TestPaths_EmptySegmentsCountForNothing(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	o.Do(t, http.MethodGet, server.URL+"//api/v2//authorization//roles/", nil).Want(t, http.StatusOK)
	o.Do(t, http.MethodPost, server.URL+"//oauth//token", nil).Want(t, http.StatusBadRequest)
	o.Do(t, http.MethodPost, "/api/v2/users/search", map[string]any{}).Want(t, http.StatusNotFound)
	o.Do(t, http.MethodPost, "/api/v2/scim/users/search", map[string]any{}).Refused(t, http.StatusNotFound, "")
	ada := o.NewUser(t, "ada")
	answer := o.Do(t, http.MethodPost, "/Bulk", map[string]any{"Operations": []any{
		map[string]any{"method": "DELETE", "path": "//Users//" + ada + "/"},
	}}).Want(t, http.StatusOK)
	if !strings.Contains(string(answer.Body), `"status":"204"`) {
		t.Errorf("%s", answer.Body)
	}
}
