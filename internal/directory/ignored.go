package directory

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/purescim/purescim/internal/org"
)

const (
	maxIgnored     = 20 // names in a line
	maxIgnoredName = 64 // bytes of a name
)

// ignored is the attributes of a body that are ignored, or of all bodies of a request. It
// keeps as many names as a line of the log should have.
type ignored struct {
	parts bool // of a request, whose line comes at its end

	mu    sync.Mutex
	names []string
	more  int
}

type ignoredKey struct{}

// GatherIgnored gathers what is ignored of all that is done with the context: tell writes
// one line of it. Otherwise each body has a line.
func (d *Directory) GatherIgnored(ctx context.Context, o org.ID) (gathering context.Context, tell func()) {
	all := &ignored{parts: true}
	return context.WithValue(ctx, ignoredKey{}, all), func() { all.write(d.log, o) }
}

func ignoredOf(ctx context.Context) *ignored {
	if all, ok := ctx.Value(ignoredKey{}).(*ignored); ok {
		return all
	}
	return new(ignored)
}

// add is told the path of one.
func (i *ignored) add(path string) {
	path = clipName(path)
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case slices.Contains(i.names, path):
	case len(i.names) < maxIgnored:
		i.names = append(i.names, path)
	default:
		i.more++
	}
}

// tell writes the line when a body has been read, unless it is part of more.
func (i *ignored) tell(log *slog.Logger, o org.ID) {
	if !i.parts {
		i.write(log, o)
	}
}

// write writes one line of them all, by their names, never with their values.
func (i *ignored) write(log *slog.Logger, o org.ID) {
	i.mu.Lock()
	defer i.mu.Unlock()
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
