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

// ignored collects the ignored attributes of a body, or of all bodies of a request, up to
// the number of names that one line of the log should have.
type ignored struct {
	parts bool // of a request, whose line comes at its end

	mu    sync.Mutex
	names []string
	more  int
}

type ignoredKey struct{}

// GatherIgnored collects the ignored attributes of all writes with the context it returns:
// tell logs them in one line. Without it, each body has a line of its own.
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

// add notes the path of an ignored attribute.
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

// tell logs the attributes of a body, unless they are collected for its request.
func (i *ignored) tell(ctx context.Context, log *slog.Logger, o org.ID) {
	if !i.parts {
		i.write(ctx, log, o, uuid.Nil)
	}
}

// write logs the names of all, never their values, in one line; user is that of the body, if
// known.
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

// clipName shortens a client's name for the log.
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
