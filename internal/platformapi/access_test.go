package platformapi

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/httpapi"
)

// A line for a call that is not served would be a promise that nobody keeps.
func TestAccess_HasNoCallThatIsNotServed(t *testing.T) {
	t.Parallel()
	frame := httpapi.New(httpapi.Options{})
	r := frame.Router(httpapi.Platform)
	Mount(r, frame, nil)
	MountOAuth(r, frame, nil)
	MountEvents(r, frame, nil, nil)
	MountAccepted(r, frame, nil, nil)
	MountProvisioningLog(r, frame, nil, nil)
	MountStatus(r, frame, nil)
	MountHolds(r, frame, nil)
	for call := range access.AnyOf {
		method, path, _ := strings.Cut(call, " ")
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest("OPTIONS", path, nil))
		if !slices.Contains(strings.Split(w.Header().Get("Allow"), ", "), method) {
			t.Errorf("%s is not served: %d, Allow %q", call, w.Code, w.Header().Get("Allow"))
		}
	}
}
