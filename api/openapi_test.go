// Package api_test holds the API's description against the server: every route
// is described, and the recorded traffic of clients keeps to the description.
package api_test

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/scimtest"
	"github.com/purescim/purescim/internal/servertest"
)

func init() {
	openapi3filter.RegisterBodyDecoder("application/scim+json", openapi3filter.JSONBodyDecoder)
}

func load(t *testing.T) *openapi3.T {
	t.Helper()
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var options []openapi3.ValidationOption
	if *update {
		text, options = withoutExamples(text), append(options, openapi3.DisableExamplesValidation())
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatalf("%v; examples are written by 'go test ./api -update'", err)
	}
	if err := doc.Validate(t.Context(), options...); err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestRoutes compares the routes of the server, with the methods that each says
// it allows, with those that are described.
func TestRoutes(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	served := map[string]bool{}
	walk := func(_, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if strings.HasPrefix(route, "/console") {
			return nil // pages for people
		}
		for method := range strings.SplitSeq(o.Do(t, http.MethodOptions, route, nil).Header.Get("Allow"), ", ") {
			if method != http.MethodOptions && method != http.MethodHead {
				served[method+" "+anyParameter(route)] = true
			}
		}
		return nil
	}
	if err := chi.Walk(server.Handler.(chi.Routes), walk); err != nil {
		t.Fatal(err)
	}
	delete(served, "GET /api/v2/users/me") // always refused, as that of {id} says
	delete(served, "GET /docs")            // a page for people, with its files
	delete(served, "GET /docs/{}")
	maps.DeleteFunc(served, func(call string, _ bool) bool { return strings.Contains(call, " /console") }) // pages for people
	delete(served, "GET /")                                                                                // the page about the server; here the path is the root of the mounts of SCIM
	described := map[string]bool{}
	for path, item := range load(t).Paths.Map() {
		mounts := []string{""}
		if len(item.Servers) > 0 {
			mounts = nil
			for _, server := range item.Servers {
				mounts = append(mounts, server.URL)
			}
		}
		for method := range item.Operations() {
			for _, mount := range mounts {
				described[method+" "+anyParameter(mount+path)] = true
			}
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(described)), slices.Sorted(maps.Keys(served))); diff != "" {
		t.Errorf("described (-) and served (+) differ:\n%s", diff)
	}
}

// TestPermissions asks for each operation with a client that has no role: it is
// refused exactly where permissions are described, for want of those.
func TestPermissions(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t, func(s *org.Settings) { s.GroupLifecycle = true })
	var all []string
	for path, item := range load(t).Paths.Map() {
		if len(item.Servers) > 0 {
			path = item.Servers[0].URL + path
		}
		for method, operation := range item.Operations() {
			var described []string
			if list, ok := operation.Extensions["x-permissions"].([]any); ok {
				for _, name := range list {
					described = append(described, name.(string))
				}
			}
			client := o.As(t)
			if strings.HasSuffix(path, "/Me") {
				client = o.AsUser(t, o.NewUser(t, uuid.NewString()))
			}
			answer := client.Do(t, method, parameter.ReplaceAllString(path, uuid.NewString()), "{}")
			var needed []string
			if answer.Status == http.StatusForbidden {
				var refusal struct{ Detail, Message string } // SCIM, platform
				answer.Decode(t, &refusal)
				needed = permission.FindAllString(refusal.Detail+refusal.Message, -1)
			}
			if diff := cmp.Diff(described, needed); diff != "" {
				t.Errorf("%s: described (-) and needed (+) permissions differ, status %d:\n%s", operation.OperationID, answer.Status, diff)
			}
			all = append(all, described...)
		}
	}
	// A role may name each of them: the list of all permissions has it.
	o.Do(t, "POST", "/api/v2/authorization/roles", map[string]any{"name": "All", "permissions": all}).Want(t, 200)
}

var permission = regexp.MustCompile(`[a-z]+:[a-zA-Z]+:[a-zA-Z]+`)

var parameter = regexp.MustCompile(`\{[^}]*\}`)

func anyParameter(path string) string { return parameter.ReplaceAllString(path, "{}") }

// TestTraffic replays the recorded scenarios and validates each answer, and each
// request that the server accepted.
func TestTraffic(t *testing.T) {
	t.Parallel()
	router, err := gorillamux.NewRouter(load(t))
	if err != nil {
		t.Fatal(err)
	}
	server := servertest.New(t)
	for _, scenario := range scimtest.LoadScenarios(t) {
		t.Run(scenario.File, func(t *testing.T) {
			t.Parallel()
			scenario.Run(t, scimtest.Target{
				BaseURL: server.URL,
				Token:   server.NewOrg(t).Token,
				Observe: func(r *http.Request, body []byte, response *http.Response, answer []byte) {
					validate(t, router, r, body, response, answer)
				},
			})
		})
	}
}

func validate(t *testing.T, router routers.Router, r *http.Request, body []byte, response *http.Response, answer []byte) {
	t.Helper()
	described := r.Clone(context.Background())
	described.URL.Path = canonical(r.URL.Path)
	described.Body = io.NopCloser(bytes.NewReader(body))
	route, params, err := router.FindRoute(described)
	if err != nil {
		if response.StatusCode < 400 {
			t.Errorf("%s %s is served and not described: %v", r.Method, r.URL.Path, err)
		}
		return
	}
	recorded.record(t, route.Operation.OperationID, r, body, response.StatusCode, answer)
	input := &openapi3filter.RequestValidationInput{
		Request: described, PathParams: params, Route: route,
		Options: &openapi3filter.Options{
			AuthenticationFunc:    openapi3filter.NoopAuthenticationFunc,
			IncludeResponseStatus: true,
		},
	}
	if response.StatusCode < 400 {
		if err := openapi3filter.ValidateRequest(t.Context(), input); err != nil {
			t.Errorf("%s %s was accepted and is not as described: %v", r.Method, r.URL, err)
		}
	}
	err = openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input,
		Status:                 response.StatusCode,
		Header:                 response.Header,
		Body:                   io.NopCloser(bytes.NewReader(answer)),
		Options:                input.Options,
	})
	if err != nil {
		t.Errorf("the answer %d to %s %s is not as described: %v", response.StatusCode, r.Method, r.URL, err)
	}
}

// canonical gives the name of a SCIM endpoint its described spelling and takes empty
// segments away: the server takes any case, a description has one.
func canonical(path string) string {
	path = httpapi.SkipEmpty(path)
	if !strings.HasPrefix(path, "/api/v2/scim") {
		return path
	}
	if path == "/api/v2/scim/v2" || path == "/api/v2/scim" {
		return path + "/" // of all resources
	}
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		for _, name := range []string{"Users", "Groups", "Me", "Roles", "GroupMembers", "Schemas", "ResourceTypes", "ServiceProviderConfig"} {
			if strings.EqualFold(segment, name) {
				segments[i] = name
			}
		}
	}
	return strings.Join(segments, "/")
}
