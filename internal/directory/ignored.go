package directory

import (
	"log/slog"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/purescim/purescim/internal/org"
)

const (
	maxIgnored     = 20 // names in a line
	maxIgnoredName = 64 // bytes of a name
)

// ignored is the attributes of a body that are ignored. It keeps as many names as a line
// of the log should have.
type ignored struct {
	names []string
	more  int
}

// add is told the path of one.
func (i *ignored) add(path string) {
	path = clipName(path)
	switch {
	case slices.Contains(i.names, path):
	case len(i.names) < maxIgnored:
		i.names = append(i.names, path)
	default:
		i.more++
	}
}

// tell writes one line of them all, by their names, never with their values.
func (i *ignored) tell(log *slog.Logger, o org.ID) {
	if len(i.names) > 0 {
		log.Warn("ignored unknown attributes", "org", o, "attributes", i.names, "more", i.more)
	}
}

// clipName makes of a client's name one that a line of the log can hold.
func clipName(name string) string {
	cut := name[:min(len(name), maxIgnoredName)]
	for len(cut) < len(name) && len(cut) > 0 && !utf8.ValidString(cut) {
		cut = cut[:len(cut)-1]
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, cut)
}
