package oauth

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestCheckURL(t *testing.T) {
	t.Parallel()
	r := newRemoteKeys(nil, slog.New(slog.DiscardHandler))
	for _, good := range []string{
		"https://login.example/keys", "https://login.example:8443/keys?v=1", "https://8.8.8.8/keys", "https://[2001:4860::8888]/keys",
		"https://adfs.corp/adfs/discovery/keys",
	} {
		if err := r.checkURL("jwks_url", good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "keys", "http://login.example/keys", "ftp://login.example", "https:///keys", "https://", "https://user@login.example/",
		"https://login.example/#keys", "https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://0/",
		"https://localhost/", "https://LOCALHOST./", "https://a.localhost:8443/", "https://10.1.2.3/", "https://172.16.0.1/", "https://192.168.1.1/",
		"https://169.254.169.254/latest", "https://0.0.0.0/", "https://[::1]/", "https://[::]/", "https://[fe80::1]/", "https://[fd00::1]/",
		"https://[::ffff:127.0.0.1]/", "https://[::ffff:10.0.0.1]/", "https://224.0.0.1/", "https://255.255.255.255/",
		"https://login.example/" + strings.Repeat("x", maxPin),
	} {
		var problem *InvalidError
		if err := r.checkURL("jwks_url", bad); !errors.As(err, &problem) || problem.Field != "jwks_url" {
			t.Errorf("%q: %v, want an InvalidError", bad, err)
		}
	}
}

// A name that leads to the own machine is seen only when it is connected to.
func TestOutward_ReachesNoOwnAddress(t *testing.T) {
	t.Parallel()
	own := httptest.NewTLSServer(http.NotFoundHandler())
	defer own.Close()
	_, err := newRemoteKeys(nil, slog.New(slog.DiscardHandler)).read(t.Context(), own.URL)
	if err == nil || !strings.Contains(err.Error(), "address of the own machine") {
		t.Errorf("error %v, want that it is the own machine", err)
	}
	for address, refused := range map[string]bool{
		"127.0.0.1:443": true, "[::1]:443": true, "169.254.169.254:80": true, "[fe80::1%eth0]:443": true, "0.0.0.0:443": true,
		"[::ffff:127.0.0.1]:443": true, "10.0.0.1:443": false, "8.8.8.8:443": false, "[2001:4860::8888]:443": false,
	} {
		if err := refuseOwn("tcp", address, nil); (err != nil) != refused {
			t.Errorf("%s: %v", address, err)
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
	r := newRemoteKeys(server.Client(), slog.New(slog.DiscardHandler))
	for path, want := range map[string]string{
		"/keys": "", "/moved": "", "/missing": "404", "/large": "longer than", "/round": "too many redirects",
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
	if _, err := newRemoteKeys(new(http.Client), slog.New(slog.DiscardHandler)).read(t.Context(), server.URL+"/keys"); err == nil {
		t.Error("a certificate of nobody is accepted")
	}
}
