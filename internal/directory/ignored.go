package directory

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

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
	return context.WithValue(ctx, ignoredKey{}, all), func() { all.write(ctx, d.log, o, uuid.Nil) }
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
func (i *ignored) tell(ctx context.Context, log *slog.Logger, o org.ID) {
	if !i.parts {
		i.write(ctx, log, o, uuid.Nil)
	}
}

// write writes one line of them all, by their names, never with their values; user is
// whose body it was, if that is known.
func (i *ignored) write(ctx context.Context, log *slog.Logger, o org.ID, user uuid.UUID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.names) == 0 {
		return
	}
	attributes := []any{"org", o, "attributes", i.names, "more", i.more}
	if user != uuid.Nil {
		attributes = append(attributes, "user", user)
	}
	log.WarnContext(ctx, "ignored unknown attributes", attributes...)
}

// clipName makes of a client's name one that a line of the log can hold.
func clipName(name string) string { return clip(name, maxIgnoredName) }

// clip cuts a text and replaces what cannot be printed.
func clip(text string, most int) string {
	cut := text[:min(len(text), most)]
	for len(cut) < len(text) && len(cut) > 0 && !utf8.ValidString(cut) {
		cut = cut[:len(cut)-1]
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, cut)
}
