package directory

import (
	"context"
	"log/slog"
	"regexp"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
)

// Warning is something that a write did differently from what was asked, or accepted with
// doubt. Text says what, and never contains the value, which may be personal.
type Warning struct{ Attribute, Text string }

// Warnings are the warnings of the write of one user. The store may read them (WarningsOf)
// once the edit is made.
type Warnings struct {
	decoded []Warning // of the request
	edited  []Warning // of the last edit: an edit may be made again
	ignored *ignored  // attributes that the type does not have
}

type warningsKey struct{}

// WarningsOf returns the warnings of the write of ctx.
func WarningsOf(ctx context.Context) []Warning {
	if w, ok := ctx.Value(warningsKey{}).(*Warnings); ok {
		return w.all()
	}
	return nil
}

func (w *Warnings) all() []Warning {
	return append(append([]Warning(nil), w.decoded...), w.edited...)
}

// warning is ctx for a write whose warnings are collected.
func (l *tolerance) warning(ctx context.Context) context.Context {
	if l == nil {
		return ctx
	}
	return context.WithValue(ctx, warningsKey{}, &l.Warnings)
}

// tell logs the warnings with which a user was stored, in one line, and the ignored
// attributes in another, whether or not the user was stored. The log's handler adds the
// request and the client.
func (l *tolerance) tell(ctx context.Context, log *slog.Logger, o org.ID, user uuid.UUID, err error) {
	if l == nil || provisioning.IsDryRun(ctx) {
		return
	}
	if l.ignored != nil && !l.ignored.parts {
		l.ignored.write(ctx, log, o, user)
	}
	all := l.all()
	if err != nil || len(all) == 0 {
		return
	}
	shown := all[:min(len(all), maxIgnored)]
	attributes, texts := make([]string, len(shown)), make([]string, len(shown))
	for i, w := range shown {
		attributes[i], texts[i] = w.Attribute, w.Text
	}
	log.WarnContext(ctx, "stored a user with warnings", "org", o, "user", user, "attributes", attributes,
		"warnings", texts, "more", len(all)-len(shown))
}

var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// withoutValues removes the quoted values from an error's text.
func withoutValues(text string) string {
	const most = 300
	text = quoted.ReplaceAllString(text, `"..."`)
	return clip(text, most)
}
