package scimapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scimapi"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const base = "https://scim.example.org"

// door is the SCIM door without a store: for requests that never come so far.
func door() http.Handler {
	log := slog.New(slog.DiscardHandler)
	frame := httpapi.New(httpapi.Options{
		PublicURL: base,
		Verify: func(context.Context, string) (*oauth.Principal, error) {
			return &oauth.Principal{
				Org:         org.Org{ID: 1, Settings: org.DefaultSettings()},
				Permissions: oauth.NewPermissions("directory:group:edit"),
			}, nil
		},
		Log: log,
	})
	r := frame.Router(httpapi.Platform)
	scimapi.Mount(r, frame, directory.New(nil, schema.DefaultTypes, log), nil, scimapi.Options{})
	return r
}

func ask(method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	door().ServeHTTP(w, r)
	return w
}

const token = "Authorization: Bearer any"

// told is a SCIM error.
type told struct {
	Schemas  []string
	Status   string
	ScimType string
	Detail   string
}

func readError(t *testing.T, w *httptest.ResponseRecorder) told {
	t.Helper()
	var e told
	if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	if len(e.Schemas) != 1 || e.Schemas[0] != "urn:ietf:params:scim:api:messages:2.0:Error" ||
		e.Status != fmt.Sprint(w.Code) || e.Detail == "" || w.Header().Get("Content-Type") != "application/scim+json" {
		t.Errorf("%d %s is no SCIM error: %s", w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	return e
}

func TestMethods_OthersAre405WithAllow(t *testing.T) {
	t.Parallel()
	const id = "/00000000-0000-0000-0000-000000000000"
	for request, allow := range map[string]string{
		"PUT /Users":                 "GET, HEAD, OPTIONS, POST",
		"PATCH /Users":               "GET, HEAD, OPTIONS, POST",
		"DELETE /users/":             "GET, HEAD, OPTIONS, POST",
		"POST /Users" + id:           "DELETE, GET, HEAD, OPTIONS, PATCH, PUT",
		"POST /Groups":               "GET, HEAD, OPTIONS",
		"PATCH /Groups":              "GET, HEAD, OPTIONS",
		"DELETE /Groups" + id:        "GET, HEAD, OPTIONS, PATCH, PUT",
		"POST /groups" + id:          "GET, HEAD, OPTIONS, PATCH, PUT",
		"POST /Schemas":              "GET, HEAD, OPTIONS",
		"DELETE /ResourceTypes/User": "GET, HEAD, OPTIONS",
		"PUT /ServiceProviderConfig": "GET, HEAD, OPTIONS",
		"POST ":                      "GET, HEAD, OPTIONS",
		"GET /.search":               "OPTIONS, POST",
		"PUT /.SEARCH":               "OPTIONS, POST",
		"GET /users/.search":         "OPTIONS, POST",
		"DELETE /Groups/.search":     "OPTIONS, POST",
		"FOO /Users":                 "GET, HEAD, OPTIONS, POST",
		"TRACE /groups" + id:         "GET, HEAD, OPTIONS, PATCH, PUT",
		"PROPFIND /Schemas":          "GET, HEAD, OPTIONS",
	} {
		method, path, _ := strings.Cut(request, " ")
		for _, mount := range []string{"/api/v2/scim/v2", "/api/v2/scim"} {
			w := ask(method, mount+path, token)
			if w.Code != 405 || w.Header().Get("Allow") != allow {
				t.Errorf("%s: %d, Allow %q; want 405, %q", request, w.Code, w.Header().Get("Allow"), allow)
			}
			readError(t, w)
		}
	}
}

func TestGroups_RefusalTellsTheAdministratorWhatToDo(t *testing.T) {
	t.Parallel()
	for _, request := range []string{"POST /Groups", "DELETE /Groups/6b6c1a3e-0000-7000-8000-000000000000"} {
		method, path, _ := strings.Cut(request, " ")
		detail := readError(t, ask(method, "/api/v2/scim/v2"+path, token)).Detail
		for _, part := range []string{"POST /api/v2/groups", "purescim group create", "displayName", "Entra", "Okta"} {
			if !strings.Contains(detail, part) {
				t.Errorf("%s: the detail does not tell of %s: %s", request, part, detail)
			}
		}
	}
}

func TestEndpoints_UnknownAre404(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/Printers", "/Users/a/b", "/Schemas/a/b", "/v2/Users", "/UsersX", "/V2/Users"} {
		for _, mount := range []string{"/api/v2/scim/v2", "/api/v2/scim"} {
			if mount == "/api/v2/scim" && path == "/v2/Users" {
				continue // that is the other mount
			}
			w := ask("GET", mount+path, token)
			if w.Code != 404 {
				t.Errorf("%s: %d %s", mount+path, w.Code, w.Body)
				continue
			}
			readError(t, w)
		}
	}
}

func TestResources_NeedAToken(t *testing.T) {
	t.Parallel()
	for _, request := range []string{"GET /Users", "POST /Users", "GET /Groups/x", "PATCH /Groups/x", "POST /Groups", "GET /Me"} {
		method, path, _ := strings.Cut(request, " ")
		w := ask(method, "/api/v2/scim/v2"+path)
		if w.Code != 401 || w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d %s", request, w.Code, w.Body)
		}
		readError(t, w)
	}
}

func TestResources_MalformedIDsAre404(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"x", "00919288221112222", "6B6C1A3E-0000-7000-8000-000000000000", "%7B6b6c1a3e%7D", "a%2Fb", "100%25"} {
		for _, collection := range []string{"/Users/", "/Groups/"} {
			w := ask("GET", "/api/v2/scim/v2"+collection+id, token)
			if w.Code != 404 {
				t.Errorf("%s: %d %s", id, w.Code, w.Body)
			}
			readError(t, w)
		}
	}
}

func TestDiscovery_IsFoundInAnyCaseAndWithoutToken(t *testing.T) {
	t.Parallel()
	const core = "urn:ietf:params:scim:schemas:core:2.0:"
	for path, location := range map[string]string{
		"/ServiceProviderConfig":                                  "/ServiceProviderConfig",
		"/serviceproviderconfig/":                                 "/ServiceProviderConfig",
		"/SERVICEPROVIDERCONFIG?startIndex=1":                     "/ServiceProviderConfig",
		"/resourcetypes/user":                                     "/ResourceTypes/User",
		"/ResourceTypes/Group":                                    "/ResourceTypes/Group",
		"/Schemas/" + core + "User":                               "/Schemas/" + core + "User",
		"/schemas/" + strings.ToUpper(core) + "group":             "/Schemas/" + core + "Group",
		"/Schemas/urn%3Aietf:params:scim:schemas:core%3a2.0:User": "/Schemas/" + core + "User",
	} {
		for _, mount := range []string{"/api/v2/scim/v2", "/api/v2/scim"} {
			w := ask("GET", mount+path)
			var document struct{ Meta struct{ Location string } }
			if err := json.Unmarshal(w.Body.Bytes(), &document); err != nil {
				t.Fatalf("%s: %v: %s", path, err, w.Body)
			}
			if want := base + mount + location; w.Code != 200 || document.Meta.Location != want {
				t.Errorf("%s: %d with location %s, want %s", path, w.Code, document.Meta.Location, want)
			}
			if kind := w.Header().Get("Content-Type"); kind != "application/scim+json" {
				t.Errorf("%s: Content-Type %s", path, kind)
			}
		}
	}
}

func TestDiscovery_CannotBeFiltered(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"/Schemas?filter=name+eq+%22User%22", "/ResourceTypes?Filter=a+pr", "/ServiceProviderConfig?filter=a+pr",
		"/Schemas/urn:ietf:params:scim:schemas:core:2.0:User?filter=a+pr",
	} {
		w := ask("GET", "/api/v2/scim/v2"+path)
		if w.Code != 403 {
			t.Errorf("%s: %d", path, w.Code)
		}
		readError(t, w)
	}
}

func TestDiscovery_UnknownNamesAre404(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"/ResourceTypes/Printer", "/Schemas/urn:x", "/Schemas/urn:ietf:params:scim:api:messages:2.0:PatchOp", "/Schemas/User",
	} {
		w := ask("GET", "/api/v2/scim/v2"+path)
		if w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
		readError(t, w)
	}
}

func TestDiscovery_Golden(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ServiceProviderConfig", "ResourceTypes", "Schemas"} {
		var got bytes.Buffer
		if err := json.Indent(&got, ask("GET", "/api/v2/scim/v2/"+name).Body.Bytes(), "", "  "); err != nil {
			t.Fatal(err)
		}
		got.WriteByte('\n')
		file := "testdata/" + name + ".json"
		if *update {
			if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("%s (-want +got), go test -update accepts it:\n%s", file, diff)
		}
	}
}
