package httpapi_test

import (
	"log/slog"
	"net/http"
	"testing"

	"github.com/purescim/purescim/internal/httpapi"
)

// nowhere is a writer whose own cost does not count.
type nowhere struct{ header http.Header }

func (n nowhere) Header() http.Header         { return n.header }
func (n nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n nowhere) WriteHeader(int)             {}

// BenchmarkFrame is what a request costs before and after its handler.
func BenchmarkFrame(b *testing.B) {
	f := httpapi.New(httpapi.Options{Verify: verify, RateLimit: 1 << 30, Log: slog.New(slog.DiscardHandler)})
	router := f.Router(httpapi.SCIM)
	f.Handle(router, "/Users/{id}", get(httpapi.SCIM, hello))
	r := request("ININ-Correlation-Id:", "Accept: application/scim+json")
	r.URL.Path = "/Users/0198c0de-0000-7000-8000-000000000001"
	w := nowhere{make(http.Header)}
	b.ReportAllocs()
	for b.Loop() {
		router.ServeHTTP(w, r)
	}
}
