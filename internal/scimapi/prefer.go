package scimapi

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxWait is how long a request waits at most for what it would rather be
// answered: proxies give up after a minute.
const maxWait = 50 * time.Second

// preferences are those of a request that the server knows (RFC 7240 section 4).
type preferences struct {
	async bool          // respond-async
	wait  time.Duration // before an answer is given without waiting on
	// dryRun is handling=dry-run, which is ours: tell what would be stored, and store
	// nothing.
	dryRun bool
}

// readPreferences reads the header Prefer. What it does not know, or cannot read,
// it ignores, as it must; of a preference that is there twice the first counts.
func readPreferences(h http.Header) (p preferences) {
	seen := make(map[string]bool)
	for _, list := range h["Prefer"] {
		for item := range strings.SplitSeq(list, ",") {
			item, _, _ = strings.Cut(item, ";")
			name, value, _ := strings.Cut(item, "=")
			name = strings.ToLower(strings.TrimSpace(name))
			if seen[name] {
				continue
			}
			seen[name] = true
			switch name {
			case "respond-async":
				p.async = true
			case "handling":
				p.dryRun = strings.EqualFold(strings.Trim(strings.TrimSpace(value), `"`), dryRunHandling)
			case "wait":
				seconds, _ := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 16)
				p.wait = min(time.Duration(seconds)*time.Second, maxWait)
			}
		}
	}
	return p
}
