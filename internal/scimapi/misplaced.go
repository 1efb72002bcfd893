package scimapi

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/purescim/purescim/internal/httpapi"
)

// base matches the beginning of a path that is like a mount, or a part of one: /scim/v2.
var base = regexp.MustCompile(`^(?i:/(api|scim2?|v[0-9]+|rest))*(/|$)`)

// rightPath gives the path under a mount that a path without an endpoint is meant for. It
// is "" where there is no endpoint for it under a mount either.
func (d *door) rightPath(path string) string {
	path = httpapi.SkipEmpty(path)
	before := strings.TrimSuffix(base.FindString(path), "/")
	rest := path[len(before):]
	if rest == "" && strings.Contains(strings.ToLower(before), "/scim") {
		return mounts[0]
	}
	rest = httpapi.Spell(rest, d.endpoints())
	known := len(rest) > 1 && d.routes.Match(chi.NewRouteContext(), http.MethodGet, rest)
	if !known || mounts[0]+rest == path {
		return ""
	}
	return mounts[0] + rest
}
