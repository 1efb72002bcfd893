package httpapi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/org"
)

// site has both SCIM mounts and a platform endpoint.
func site() http.Handler {
	f := httpapi.New(httpapi.Options{Verify: verify})
	user := func(w http.ResponseWriter, r *http.Request) error {
		_, err := io.WriteString(w, "user "+chi.URLParam(r, "id"))
		return err
	}
	all := func(w http.ResponseWriter, _ *http.Request) error {
		_, err := io.WriteString(w, "users")
		return err
	}
	mount := func() chi.Router {
		r := f.Router(httpapi.SCIM)
		r.Use(httpapi.AnyCase("/Users", "/Groups"))
		f.Handle(r, "/Users", httpapi.Route{Methods: map[string]httpapi.Handler{http.MethodGet: all, http.MethodPost: all}, Access: everyone})
		f.Handle(r, "/Users/{id}", httpapi.Route{Methods: map[string]httpapi.Handler{http.MethodGet: user}, Access: everyone})
		f.Handle(r, "/Groups", httpapi.Route{Public: true, Methods: map[string]httpapi.Handler{http.MethodGet: all}})
		return r
	}
	root := f.Router(httpapi.Platform)
	root.Mount("/api/v2/scim/v2", mount())
	root.Mount("/api/v2/scim", mount())
	f.Handle(root, "/api/v2/groups", httpapi.Route{Protocol: httpapi.Platform, Methods: map[string]httpapi.Handler{http.MethodPost: all}, Access: everyone})
	return root
}

func TestRouting(t *testing.T) {
	t.Parallel()
	root := site()
	const scimType, platformType = "application/scim+json", "application/json"
	for _, test := range []struct {
		method, path string
		status       int
		contentType  string
		text, allow  string
	}{
		{"GET", "/api/v2/scim/v2/Users", 200, "", "users", ""},
		{"GET", "/api/v2/scim/Users", 200, "", "users", ""},
		{"GET", "/api/v2/scim/v2/users", 200, "", "users", ""},
		{"GET", "/api/v2/scim/uSERS/7", 200, "", "user 7", ""},
		{"GET", "/api/v2/scim/v2/USERS/Abc/", 200, "", "user Abc", ""},
		{"GET", "/api/v2/scim/v2/Users/", 200, "", "users", ""},
		{"GET", "/api/v2/scim/v2/%55sers/%41bc", 200, "", "user Abc", ""},
		{"GET", "/api/v2/scim/v2/Users%2FAbc", 404, scimType, "there is no endpoint", ""},
		{"GET", "/api/v2/scim/v2/Users%2FAbc/", 404, scimType, "there is no endpoint", ""},
		{"GET", "/api/v2/scim/v2//Users", 200, "", "users", ""},
		{"GET", "//api/v2//scim///Users//Abc//", 200, "", "user Abc", ""},
		{"POST", "//api/v2//groups", 200, "", "users", ""},
		{"POST", "/api/v2/scim/v2/Users/search", 404, scimType, "there is no endpoint /api/v2/scim/v2/Users/search", ""},
		{"POST", "/api/v2/scim/v2/Users/7", 405, scimType, "POST is not allowed here", "GET, HEAD, OPTIONS"},
		{"HEAD", "/api/v2/scim/v2/Users", 200, "", "users", ""},
		{"OPTIONS", "/api/v2/scim/v2/Users", 204, "", "", "GET, HEAD, OPTIONS, POST"},
		{"OPTIONS", "/api/v2/groups", 204, "", "", "OPTIONS, POST"},
		{"DELETE", "/api/v2/scim/v2/Users", 405, scimType, "DELETE is not allowed here: this endpoint serves only GET, HEAD, OPTIONS, POST", "GET, HEAD, OPTIONS, POST"},
		{"POST", "/api/v2/scim/v2/groups", 405, scimType, "POST is not allowed here: this endpoint serves only", "GET, HEAD, OPTIONS"},
		{"GET", "/api/v2/groups", 405, platformType, "method.not.allowed", "OPTIONS, POST"},
		{"HEAD", "/api/v2/groups", 405, platformType, "HEAD is not allowed", "OPTIONS, POST"},
		{"PURGE", "/api/v2/scim/v2/Users", 405, scimType, "PURGE is not allowed here", "GET, HEAD, OPTIONS, POST"},
		{"TRACE", "/api/v2/scim/v2/Users/7", 405, scimType, "TRACE is not allowed here", "GET, HEAD, OPTIONS"},
		{"PURGE", "/api/v2/groups", 405, platformType, "PURGE is not allowed here", "OPTIONS, POST"},
		{"PURGE", "/api/v2/scim/v2/Printers", 404, scimType, "there is no endpoint", ""},
		{"PURGE", "/api/v2/printers", 404, platformType, "not.found", ""},
		{"GET", "/api/v2/scim/v2/Printers", 404, scimType, "there is no endpoint /api/v2/scim/v2/Printers", ""},
		{"GET", "/api/v2/scim/v2", 404, scimType, "there is no endpoint", ""},
		{"GET", "/api/v2/scim/v3/Users", 404, scimType, "there is no endpoint", ""},
		{"GET", "/api/v2/scim/Users/7/x", 404, scimType, "there is no endpoint", ""},
		{"GET", "/api/v2/printers", 404, platformType, "not.found", ""},
		{"GET", "/", 404, platformType, "not.found", ""},
	} {
		t.Run(test.method+" "+test.path, func(t *testing.T) {
			t.Parallel()
			r := with(httptest.NewRequest(test.method, test.path, nil), "Authorization: Bearer good-1")
			if test.method == http.MethodOptions {
				r.Header.Del("Authorization")
			}
			w := httptest.NewRecorder()
			root.ServeHTTP(w, r)
			if w.Code != test.status || !strings.Contains(w.Body.String(), test.text) || w.Header().Get("Allow") != test.allow {
				t.Errorf("got %d, Allow %q, %s", w.Code, w.Header().Get("Allow"), w.Body)
			}
			if got := w.Header().Get("Content-Type"); test.contentType != "" && got != test.contentType {
				t.Errorf("Content-Type %q, want %q", got, test.contentType)
			}
		})
	}
}

// What an organisation does not have is refused like a method that is not served,
// whatever the client may do.
func TestRouting_MethodsOfSomeOrganisations(t *testing.T) {
	t.Parallel()
	for offered, want := range map[bool]struct {
		allow  string
		status int
	}{
		false: {"GET, HEAD, OPTIONS", 405},
		true:  {"GET, HEAD, OPTIONS, PUT", 403},
	} {
		route := guarded(httpapi.SCIM)
		delete(route.Methods, http.MethodPost)
		delete(route.Methods, http.MethodDelete)
		route.Refusal = "ask the administrator"
		route.Offered = func(method string, _ org.Settings) bool { return offered || method == http.MethodGet }
		for method, status := range map[string]int{"GET": 200, "PUT": want.status, "PATCH": 405} {
			r := request()
			r.Method = method
			w := serve(httpapi.Options{}, route, r)
			if allow := w.Header().Get("Allow"); w.Code != status || status == 405 && allow != want.allow {
				t.Errorf("%s: %d, Allow %q; want %d, %q", method, w.Code, allow, status, want.allow)
			}
			if told := strings.Contains(w.Body.String(), route.Refusal); told != (method == "PUT" && status == 405) {
				t.Errorf("%s: %s", method, w.Body)
			}
		}
		options := request("Authorization:")
		options.Method = http.MethodOptions
		if allow := serve(httpapi.Options{}, route, options).Header().Get("Allow"); allow != "GET, HEAD, OPTIONS, PUT" {
			t.Errorf("OPTIONS: Allow %q", allow)
		}
	}
}

func TestEveryRouteAsksForAToken(t *testing.T) {
	t.Parallel()
	root := site()
	for _, test := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/api/v2/scim/v2/Users", 401},
		{"HEAD", "/api/v2/scim/v2/Users", 401},
		{"PATCH", "/api/v2/scim/v2/Users", 401}, // a method that is not served
		{"POST", "/api/v2/groups", 401},
		{"GET", "/api/v2/scim/v2/Groups", 200}, // public
	} {
		w := httptest.NewRecorder()
		root.ServeHTTP(w, httptest.NewRequest(test.method, test.path, nil))
		if w.Code != test.status {
			t.Errorf("%s %s: %d, want %d", test.method, test.path, w.Code, test.status)
		}
	}
}
