package scimapi

import (
	"regexp"
	"strings"

	"github.com/purescim/purescim/internal/httpapi"
)

// base matches the beginning of a path that is like a mount, or a part of one: /scim/v2.
var base = regexp.MustCompile(`^(?i:/(api|scim2?|v[0-9]+|rest))*(/|$)`)

// rightPath gives the path under a mount that a path without an endpoint is meant for. It
// is "" where the path names nothing of SCIM.
func (d *door) rightPath(path string) string {
	path = httpapi.SkipEmpty(path)
	before := strings.TrimSuffix(base.FindString(path), "/")
	rest := path[len(before):]
	if rest == "" && strings.Contains(strings.ToLower(before), "/scim") {
		return mounts[0]
	}
	rest = httpapi.Spell(rest, d.endpoints())
	for _, endpoint := range d.endpoints() {
		if below, ok := strings.CutPrefix(rest, endpoint); ok && (below == "" || below[0] == '/') && strings.Count(below, "/") <= 1 {
			return mounts[0] + rest
		}
	}
	return ""
}
