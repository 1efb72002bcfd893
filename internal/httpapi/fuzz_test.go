package httpapi

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/purescim/purescim/internal/scim"
)

// FuzzHeaders reads what a request says beside its body: it is refused with the status of
// the header, or what is read of it can go into answers, logs and the database.
func FuzzHeaders(f *testing.F) {
	f.Add("scim.example.com:8443", "a.example, b.example", "https, http", "10.0.0.1, ::1", "application/json;q=0, */*;q=0.5", "filter=userName+eq+%22a%22", "id-1")
	f.Add("[::1]:80", "[fe80::1%25eth0]", "HTTPS", "192.0.2.1:99", "text/*;Q=1;q", "a=%zz&b;c", "\x7f")
	f.Add("", "evil.example/path?x#y", "", "unknown", ", ,*;q=0.000", "a=%00&%ff=1", strings.Repeat("a", 65))
	frame := New(Options{TrustProxy: true})
	f.Fuzz(func(t *testing.T, host, forwarded, scheme, address, accept, query, id string) {
		r := &http.Request{Host: host, RemoteAddr: "192.0.2.1:1", URL: &url.URL{RawQuery: query}, Header: http.Header{
			"X-Forwarded-Host": {forwarded}, "X-Forwarded-Proto": {scheme}, "X-Forwarded-For": {address},
			"Accept": {accept}, "Content-Type": {accept}, "Content-Encoding": {scheme},
		}}
		if base := frame.BaseURL(r); !IsBaseURL(base) {
			t.Errorf("the base is %q", base)
		}
		if _, err := netip.ParseAddr(frame.ClientAddress(r)); err != nil {
			t.Error(err)
		}
		wantRefusal(t, acceptable(r), http.StatusNotAcceptable)
		wantRefusal(t, checkMediaType(r.Header), http.StatusUnsupportedMediaType)
		values, err := Query(r.URL.RawQuery)
		wantRefusal(t, err, http.StatusBadRequest)
		for name, list := range values {
			for _, text := range append(slices.Clone(list), name) {
				if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
					t.Errorf("the query has %q", text)
				}
			}
		}
		if plainToken(id) && strings.ContainsFunc(id, func(c rune) bool { return c <= ' ' || c > '~' || c == '"' }) {
			t.Errorf("a correlation id is %q", id)
		}
	})
}

// wantRefusal wants no error, or one that tells the client why with the status.
func wantRefusal(t *testing.T, err error, status int) {
	t.Helper()
	if err == nil {
		return
	}
	if told := (*scim.Error)(nil); !errors.As(err, &told) || told.Status != status || told.Detail == "" {
		t.Errorf("error %v; want one with status %d", err, status)
	}
}
