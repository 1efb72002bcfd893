package httpapi_test

import (
	"log/slog"
	"net/http"
	"testing"

	"github.com/purescim/purescim/internal/httpapi"
)

// Allocations are counted of the whole program: no other test may run meanwhile.
func TestFrame_KeepsTheBudget(t *testing.T) {
	const most = 25 // two of them for the deadline, two because this writer has none, one of the principal of the test
	f := httpapi.New(httpapi.Options{Verify: verify, RateLimit: 1 << 30, Log: slog.New(slog.DiscardHandler)})
	router := f.Router(httpapi.SCIM)
	f.Handle(router, "/Users/{id}", get(httpapi.SCIM, hello))
	r := request("ININ-Correlation-Id:", "Accept: application/scim+json")
	r.URL.Path = "/Users/0198c0de-0000-7000-8000-000000000001"
	w := nowhere{make(http.Header)}
	if got := testing.AllocsPerRun(100, func() { router.ServeHTTP(w, r) }); got > most {
		t.Errorf("a request allocates %g times before and after its handler, at most %d are allowed", got, most)
	}
}
