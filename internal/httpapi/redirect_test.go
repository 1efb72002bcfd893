package httpapi_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/httpapi"
)

func TestRedirect(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, public string
		port         int
		host, target string
		want         string // empty: refused
	}{
		{"the host that is named", "", 443, "scim.example.org", "/Users?filter=a%20b", "https://scim.example.org/Users?filter=a%20b"},
		{"its port is not that of TLS", "", 443, "scim.example.org:80", "/", "https://scim.example.org/"},
		{"another port", "", 8443, "scim.example.org:8080", "/", "https://scim.example.org:8443/"},
		{"an address", "", 443, "[2001:db8::1]:80", "/", "https://[2001:db8::1]/"},
		{"an address, another port", "", 8443, "[2001:db8::1]", "/", "https://[2001:db8::1]:8443/"},
		{"the public URL", "https://scim.example.org/", 8443, "10.0.0.1", "//evil.example/x", "https://scim.example.org//evil.example/x"},
		{"no host", "", 443, "", "/", ""},
		{"what is none", "", 443, "evil.example/x?", "/", ""},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("{}"))
		r.Host, r.URL.Path, r.RequestURI = test.host, "", test.target
		r.URL.Path, r.URL.RawQuery, _ = strings.Cut(test.target, "?")
		w := httptest.NewRecorder()
		httpapi.Redirect(test.public, test.port, slog.New(slog.DiscardHandler)).ServeHTTP(w, r)
		if got := w.Header().Get("Location"); got != test.want || (w.Code == http.StatusPermanentRedirect) != (test.want != "") {
			t.Errorf("%s: %d %q, want %q", test.name, w.Code, got, test.want)
		}
	}
}

// Who sends a token in the clear is told of in the log, without the token, and not each time.
func TestRedirect_TellsOfTokensInTheClear(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	h := httpapi.Redirect("", 443, slog.New(slog.NewTextHandler(&log, nil)))
	for range 3 {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Header.Set("Authorization", "Bearer secret-token")
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	if text := log.String(); strings.Count(text, "without TLS") != 1 || strings.Contains(text, "secret-token") {
		t.Errorf("log: %s", text)
	}
}
