package oauth

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/purescim/purescim/internal/egress"
)

func TestCheckURL(t *testing.T) {
	t.Parallel()
	r := newRemoteKeys(nil, egress.Public, slog.New(slog.DiscardHandler))
	if err := r.checkURL("jwks_url", "https://login.example/keys"); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{
		"", "http://login.example/keys", "https://127.0.0.1/",
		"https://login.example/" + strings.Repeat("x", maxPin),
	} {
		var problem *InvalidError
		if err := r.checkURL("jwks_url", bad); !errors.As(err, &problem) || problem.Field != "jwks_url" {
			t.Errorf("%q: %v, want an InvalidError", bad, err)
		}
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	server := httptest.NewTLSServer(mux)
	defer server.Close()
	other := httptest.NewTLSServer(http.NotFoundHandler())
	defer other.Close()
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) })
	mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, maxDocument+1)) })
	mux.Handle("/moved", http.RedirectHandler("/keys", http.StatusFound))
	mux.Handle("/round", http.RedirectHandler("/round", http.StatusFound))
	mux.Handle("/away", http.RedirectHandler(other.URL+"/keys", http.StatusFound))
	mux.Handle("/plain", http.RedirectHandler(strings.Replace(server.URL, "https", "http", 1)+"/keys", http.StatusFound))
	r := newRemoteKeys(server.Client(), egress.Public, slog.New(slog.DiscardHandler))
	for path, want := range map[string]string{
		"/keys": "", "/moved": "", "/missing": "404", "/large": "longer than", "/round": "redirects too often",
		"/away": "another host", "/plain": "another host",
	} {
		text, err := r.read(t.Context(), server.URL+path)
		switch {
		case want == "" && (err != nil || string(text) != "{}"):
			t.Errorf("%s: %q, %v", path, text, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: error %v, want one that says %q", path, err, want)
		}
	}
	if _, err := newRemoteKeys(new(http.Client), egress.Public, slog.New(slog.DiscardHandler)).read(t.Context(), server.URL+"/keys"); err == nil {
		t.Error("a certificate of nobody is accepted")
	}
}

// FuzzParseDiscovery reads any discovery document: what is found stands there under
// its exact name, once.
func FuzzParseDiscovery(f *testing.F) {
	f.Add([]byte(`{"issuer": "https://a.example", "jwks_uri": "https://a.example/keys", "other": [1]}`))
	f.Add([]byte(`{"issuer": "a", "ISSUER": "b", "i\u017f\u017fuer": "c"}`))
	f.Add([]byte(`{"jwks_uri": "a", "jwks_uri": "b"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		found, err := parseDiscovery(text)
		if err != nil {
			return
		}
		var all map[string]any
		if json.Unmarshal(text, &all) != nil || !jsontext.Value(text).IsValid() {
			t.Fatalf("%q is read", text)
		}
		for name, got := range map[string]string{"issuer": found.Issuer, "jwks_uri": found.Keys} {
			if want, _ := all[name].(string); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
	})
}
