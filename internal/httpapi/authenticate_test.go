package httpapi_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/httpapi"
)

func TestAuthentication(t *testing.T) {
	t.Parallel()
	const (
		scheme  = `Bearer realm="purescim"`
		where   = `, resource_metadata="http://example.com/.well-known/oauth-protected-resource"`
		realm   = scheme + where
		invalid = scheme + `, error="invalid_token", error_description="the access token is not valid"` + where
		expired = scheme + `, error="invalid_token", error_description="the access token has expired"` + where
	)
	for _, test := range []struct {
		name          string
		authorization []string
		target        string
		status        int
		challenge     string
		code          string
		detail        string
	}{
		{name: "good", authorization: []string{"Bearer good-1"}, status: 200},
		{name: "scheme in lower case", authorization: []string{"bearer good-1"}, status: 200},
		{name: "two blanks", authorization: []string{"BEARER  good-1"}, status: 200},
		{name: "none", status: 401, challenge: realm, code: "authentication.required", detail: "an access token is needed"},
		{name: "in the query", target: "/?access_token=good-1", status: 401, challenge: realm, code: "authentication.required", detail: "Authorization: Bearer TOKEN"},
		{name: "Basic", authorization: []string{"Basic Z29vZC0xOng="}, status: 401, challenge: realm, code: "authentication.required", detail: "no bearer token"},
		{name: "no token", authorization: []string{"Bearer "}, status: 401, challenge: realm, code: "authentication.required", detail: "no bearer token"},
		{name: "no scheme", authorization: []string{"good-1"}, status: 401, challenge: realm, code: "authentication.required", detail: "no bearer token"},
		{name: "bad", authorization: []string{"Bearer bad"}, status: 401, challenge: invalid, code: "bad.credentials", detail: "the access token is not valid"},
		{name: "expired", authorization: []string{"Bearer expired"}, status: 401, challenge: expired, code: "credentials.expired", detail: "the access token has expired"},
		{name: "twice", authorization: []string{"Bearer good-1", "Bearer good-2"}, status: 400, challenge: scheme + `, error="invalid_request", error_description="more than one Authorization header"` + where, code: "invalid.value", detail: "more than one Authorization"},
		{name: "cannot be checked", authorization: []string{"Bearer unchecked"}, status: 500, code: "internal.server.error", detail: "correlation id"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, p := range []httpapi.Protocol{httpapi.SCIM, httpapi.Platform} {
				if test.target == "" {
					test.target = "/"
				}
				r := httptest.NewRequest(http.MethodGet, test.target, nil)
				r.Header["Authorization"] = test.authorization
				w := serve(httpapi.Options{}, get(p, hello), r)
				if w.Code != test.status || w.Header().Get("WWW-Authenticate") != test.challenge {
					t.Errorf("status %d, want %d; challenge %q, want %q", w.Code, test.status, w.Header().Get("WWW-Authenticate"), test.challenge)
				}
				if test.status == http.StatusOK {
					continue
				}
				var body struct{ Code, Message, Detail string }
				if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
					t.Fatal(err)
				}
				if !strings.Contains(body.Message+body.Detail, test.detail) || (p == httpapi.Platform && body.Code != test.code) {
					t.Errorf("body %s, want code %q and text %q", w.Body, test.code, test.detail)
				}
			}
		})
	}
}

func TestPrincipal(t *testing.T) {
	t.Parallel()
	serve(httpapi.Options{}, get(httpapi.SCIM, func(_ http.ResponseWriter, r *http.Request) error {
		if p := httpapi.Principal(r.Context()); p.Org.ID != 42 || p.Client != client {
			t.Errorf("principal %+v", p)
		}
		return nil
	}), request())
}

// A handler that wants to know for whom it acts must not be reachable without a token.
func TestPrincipalOfPublicRoute(t *testing.T) {
	t.Parallel()
	route := get(httpapi.SCIM, func(_ http.ResponseWriter, r *http.Request) error {
		httpapi.Principal(r.Context())
		return nil
	})
	route.Public = true
	if w := serve(httpapi.Options{}, route, request()); w.Code != http.StatusInternalServerError {
		t.Errorf("status %d", w.Code)
	}
}

func TestRefusedTokenIsExplainedInTheLog(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	serve(httpapi.Options{Log: logTo(&log)}, get(httpapi.SCIM, hello), request("Authorization: Bearer s3cr3t"))
	if records := lines(t, &log, "request failed"); len(records) != 1 || records[0]["level"] != "INFO" || !strings.Contains(log.String(), "unknown signing key") {
		t.Errorf("log: %s", &log)
	}
	if strings.Contains(log.String(), "s3cr3t") {
		t.Error("the log holds the token")
	}
}
