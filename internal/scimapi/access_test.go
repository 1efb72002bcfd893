package scimapi

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/schema"
)

// A line for a call that is not served would be a promise that nobody keeps.
func TestAccess_HasNoCallThatIsNotServed(t *testing.T) {
	t.Parallel()
	frame := httpapi.New(httpapi.Options{})
	r := frame.Router(httpapi.SCIM)
	Mount(r, frame, directory.New(nil, schema.DefaultTypes, nil), nil, Options{})
	for call := range access.AnyOf {
		method, path, _ := strings.Cut(call, " ")
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest("OPTIONS", mounts[0]+path, nil))
		if !slices.Contains(strings.Split(w.Header().Get("Allow"), ", "), method) {
			t.Errorf("%s is not served: %d, Allow %q", call, w.Code, w.Header().Get("Allow"))
		}
	}
}
