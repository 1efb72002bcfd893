package periodic_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/purescim/purescim/internal/periodic"
)

// Of failures in a row the first is told, and the failure that comes of the end is not.
func TestEvery(t *testing.T) {
	t.Parallel()
	away := errors.New("away")
	outcomes := []error{away, away, nil, away, nil}
	var text bytes.Buffer
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := 0
	periodic.Every(ctx, time.Nanosecond, slog.New(slog.NewTextHandler(&text, nil)), "not done", func(context.Context) error {
		if done++; done > len(outcomes) {
			cancel()
			return context.Canceled
		}
		return outcomes[done-1]
	})
	if told := strings.Count(text.String(), `msg="not done" error=away`); told != 2 || strings.Count(text.String(), "\n") != told {
		t.Errorf("want two failures told:\n%s", &text)
	}
	if done != len(outcomes)+1 {
		t.Errorf("done %d times, want %d", done, len(outcomes)+1)
	}
}
