package platformapi

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/provisioning"
)

const statusPath = "/api/v2/scim/status"

// MountStatus serves on r how provisioning goes in an organisation. Genesys Cloud has
// nothing of the kind; it is ours.
func MountStatus(r chi.Router, frame *httpapi.Frame, l *provisioning.Log) {
	handle(r, frame, statusPath, map[string]httpapi.Handler{http.MethodGet: func(w http.ResponseWriter, r *http.Request) error {
		status, err := l.Status(r.Context(), organisation(r).ID)
		if err != nil {
			return err
		}
		return write(w, status)
	}})
}
