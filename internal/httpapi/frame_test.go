package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
)

var errLost = errors.New("connection to 10.1.2.3 lost")

var client = uuid.MustParse("0198c0de-0000-7000-8000-000000000001")

var permissions = oauth.NewPermissions("group:view", "group:wipe")

// verify knows the tokens "good-1", "good-2" and so on of one client, which may read
// groups and wipe them, "good-slow" of one that may make two requests a minute,
// "expired" and "unchecked"; any other is not valid.
func verify(_ context.Context, token string) (*oauth.Principal, error) {
	p := &oauth.Principal{
		Org: org.Org{ID: 42, Name: "acme"}, Client: client, Token: uuid.NewSHA1(client, []byte(token)),
		Permissions: permissions,
	}
	switch {
	case token == "good-slow":
		p.Client, p.RateLimit = p.Token, 2
		return p, nil
	case strings.HasPrefix(token, "good-"):
		return p, nil
	case token == "expired":
		return nil, fmt.Errorf("%w: since yesterday", oauth.ErrTokenExpired)
	case token == "unchecked":
		return nil, errLost
	default:
		return nil, fmt.Errorf("%w: unknown signing key", oauth.ErrTokenInvalid)
	}
}

// everyone lets every client make the calls that the tests have.
var everyone = httpapi.Access{AnyOf: map[string][]string{
	"GET /":               httpapi.TokenOnly,
	"POST /":              httpapi.TokenOnly,
	"GET /Users":          httpapi.TokenOnly,
	"POST /Users":         httpapi.TokenOnly,
	"GET /Users/{id}":     httpapi.TokenOnly,
	"POST /api/v2/groups": httpapi.TokenOnly,
}}

// serve runs one request against one route at "/", open to every client unless it says.
func serve(o httpapi.Options, route httpapi.Route, r *http.Request) *httptest.ResponseRecorder {
	o.Verify = verify
	if route.Access.AnyOf == nil {
		route.Access = everyone
	}
	f := httpapi.New(o)
	router := f.Router(route.Protocol)
	f.Handle(router, "/", route)
	w := httptest.NewRecorder()
	router.ServeHTTP(w, r)
	return w
}

// get is a route that answers GET with h.
func get(p httpapi.Protocol, h httpapi.Handler) httpapi.Route {
	return httpapi.Route{Protocol: p, Methods: map[string]httpapi.Handler{http.MethodGet: h}, Access: everyone}
}

// fails is a handler that returns err.
func fails(err error) httpapi.Handler {
	return func(http.ResponseWriter, *http.Request) error { return err }
}

func hello(w http.ResponseWriter, _ *http.Request) error {
	httpapi.WriteJSON(w, http.StatusOK, "application/json", []byte(`"hello"`))
	return nil
}

// request is a GET of a good client, with header lines "Name: value" in
// addition; "Name:" takes the header away.
func request(lines ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	return with(r, append([]string{"Authorization: Bearer good-1", "ININ-Correlation-Id: id-1"}, lines...)...)
}

func with(r *http.Request, lines ...string) *http.Request {
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		if value = strings.TrimSpace(value); value == "" {
			r.Header.Del(name)
		} else {
			r.Header.Set(name, value)
		}
	}
	return r
}

// logTo makes a log of JSON lines.
func logTo(b *bytes.Buffer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// lines are the records of a log with the message.
func lines(t *testing.T, b *bytes.Buffer, message string) []map[string]any {
	t.Helper()
	var found []map[string]any
	for line := range strings.Lines(b.String()) {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatal(err)
		}
		if record["msg"] == message {
			found = append(found, record)
		}
	}
	return found
}
