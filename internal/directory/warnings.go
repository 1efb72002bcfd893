package directory

import (
	"context"
	"log/slog"
	"regexp"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
)

// Warning is what a write has done otherwise than it was asked, or has taken with doubt.
// Text tells what, and never the value: it may be a person's number.
type Warning struct{ Attribute, Text string }

// Warnings are those of the write of one user. Whoever stores the user may read them
// (WarningsOf) from when the edit is made.
type Warnings struct {
	decoded []Warning // of the request
	edited  []Warning // of the last edit: an edit may be made again
	ignored *ignored  // attributes that the type does not have
}

type warningsKey struct{}

// WarningsOf are the warnings of the write that is done with the context.
func WarningsOf(ctx context.Context) []Warning {
	if w, ok := ctx.Value(warningsKey{}).(*Warnings); ok {
		return w.all()
	}
	return nil
}

func (w *Warnings) all() []Warning {
	return append(append([]Warning(nil), w.decoded...), w.edited...)
}

// warning is ctx for a write whose warnings are gathered.
func (l *tolerance) warning(ctx context.Context) context.Context {
	if l == nil {
		return ctx
	}
	return context.WithValue(ctx, warningsKey{}, &l.Warnings)
}

// tell writes one line of what a user was stored with, and one of the attributes that were
// ignored, stored or not. The log's handler adds the request and the client.
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

// withoutValues takes the quoted values out of an error's text.
func withoutValues(text string) string {
	const most = 300
	text = quoted.ReplaceAllString(text, `"..."`)
	return clip(text, most)
}
