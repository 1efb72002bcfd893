package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/httpapi"
)

// guarded is a route whose methods ask for different permissions.
func guarded(p httpapi.Protocol) httpapi.Route {
	return httpapi.Route{
		Protocol: p,
		Methods: map[string]httpapi.Handler{
			http.MethodGet: hello, http.MethodPost: hello, http.MethodPut: hello, http.MethodDelete: hello,
		},
		Access: httpapi.Access{Role: "Keeper", AnyOf: map[string][]string{
			"GET /":    {"group:edit", "group:view"},
			"POST /":   httpapi.TokenOnly,
			"PUT /":    {"group:edit", "group:add"},
			"DELETE /": {"group:delete"},
		}},
	}
}

func TestAuthorization(t *testing.T) {
	t.Parallel()
	for method, want := range map[string]int{
		"GET": 200, "HEAD": 200, "POST": 200, "PUT": 403, "DELETE": 403,
		"PATCH": 405, "OPTIONS": 204,
	} {
		r := request()
		r.Method = method
		if w := serve(httpapi.Options{}, guarded(httpapi.SCIM), r); w.Code != want {
			t.Errorf("%s: %d, want %d: %s", method, w.Code, want, w.Body)
		}
	}
}

// An unauthenticated request learns nothing of permissions.
func TestAuthorization_ComesAfterAuthentication(t *testing.T) {
	t.Parallel()
	r := request("Authorization:")
	r.Method = http.MethodDelete
	w := serve(httpapi.Options{}, guarded(httpapi.SCIM), r)
	if w.Code != http.StatusUnauthorized || strings.Contains(w.Body.String(), "group:") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// The handler must not have run when the refusal is written.
func TestAuthorization_KeepsFromTheHandler(t *testing.T) {
	t.Parallel()
	route := guarded(httpapi.SCIM)
	route.Methods[http.MethodDelete] = func(http.ResponseWriter, *http.Request) error {
		t.Error("the handler was called")
		return nil
	}
	r := request()
	r.Method = http.MethodDelete
	serve(httpapi.Options{}, route, r)
}

func TestRefusalNamesThePermissions(t *testing.T) {
	t.Parallel()
	for p, test := range map[httpapi.Protocol]struct{ contentType, body string }{
		httpapi.SCIM: {
			"application/scim+json",
			`{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"403","detail":"the client has none of the permissions that allow this: group:edit, group:add; the role \"Keeper\" carries them: give it to the client, or use a client that has it"}`,
		},
		httpapi.Platform: {
			"application/json",
			`{"message":"Unable to perform the requested action. You must have at least one of the following permissions assigned: [group:edit, group:add]","code":"missing.any.permissions","status":403,"contextId":"id-1","details":[],"errors":[]}`,
		},
	} {
		r := request()
		r.Method = http.MethodPut
		w := serve(httpapi.Options{}, guarded(p), r)
		checkAnswer(t, w, http.StatusForbidden, test.contentType, test.body)
		if got := w.Header().Get("WWW-Authenticate"); !strings.HasPrefix(got, `Bearer realm="purescim", error="insufficient_scope", error_description="`) {
			t.Errorf("WWW-Authenticate: %s", got)
		}
	}
}

func TestPublicRouteAsksForNoPermission(t *testing.T) {
	t.Parallel()
	route := guarded(httpapi.SCIM)
	route.Public = true
	r := httptest.NewRequest(http.MethodDelete, "/", nil)
	if w := serve(httpapi.Options{}, route, r); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// A call that nobody has decided about would be open to every client.
func TestUndecidedCallIsNotServed(t *testing.T) {
	t.Parallel()
	route := guarded(httpapi.SCIM)
	delete(route.Access.AnyOf, "PUT /")
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, "PUT /") {
			t.Errorf("panic %q, want one that names PUT /", text)
		}
	}()
	serve(httpapi.Options{}, route, request())
}
