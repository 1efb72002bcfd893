package directory

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"slices"
	"testing"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// A PATCH of many operations waits for its turn, when its organisation computes as much
// as it may; one of few does not, and neither do those of others.
func TestCompile_TakesTurns(t *testing.T) {
	t.Parallel()
	d := New(nil, schema.DefaultTypes, slog.New(slog.DiscardHandler))
	for d.computing.TryEnter(1) {
		defer d.computing.Leave(1)
	}
	compile := func(o org.ID, n int) error {
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // who waits learns it at once
		_, err := d.compile(ctx, org.Org{ID: o}, schema.Group, slices.Repeat([]scim.PatchOp{{Op: "remove", Path: `members[display co "x"]`}}, n), nil)
		return err
	}
	if err := compile(1, manyOperations); !errors.Is(err, context.Canceled) {
		t.Errorf("many operations beside others of the organisation: %v", err)
	}
	if err := compile(1, manyOperations-1); err != nil {
		t.Errorf("few operations: %v", err)
	}
	if err := compile(2, manyOperations); err != nil {
		t.Errorf("many operations of another organisation: %v", err)
	}
}

// So does an edit that looks at members.
func TestEdit_TakesTurns(t *testing.T) {
	t.Parallel()
	d := New(nil, schema.DefaultTypes, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	edits := 0
	edit := d.inTurn(ctx, 1, func(Resource) (Edit, error) { edits++; return Edit{}, nil })
	if _, err := edit(Resource{}); err != nil || edits != 1 {
		t.Errorf("%d edits: %v", edits, err)
	}
	for d.computing.TryEnter(1) {
		defer d.computing.Leave(1)
	}
	if _, err := edit(Resource{}); !errors.Is(err, context.Canceled) || edits != 1 {
		t.Errorf("%d edits beside others of the organisation: %v", edits, err)
	}
}

// Passwords are hashed by turns of their organisations, and nobody goes on waiting whose
// request has ended.
func TestHash_TakesTurns(t *testing.T) {
	t.Parallel()
	d := New(nil, schema.DefaultTypes, slog.New(slog.DiscardHandler))
	entered := 0
	for d.hashing.TryEnter(1) {
		entered++
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.hash(gone, 1)("", "correct horse"); !errors.Is(err, context.Canceled) {
		t.Errorf("who has gone is told %v", err)
	}
	if hash, err := d.hash(gone, 1)("", ""); err != nil || hash != "" {
		t.Errorf("without a password: %q, %v", hash, err)
	}
	ended := make(chan org.ID, 20)
	waits := func(o org.ID) {
		before := d.hashing.Waiting()
		go func() {
			if _, err := d.hash(t.Context(), o)("", "correct horse"); err != nil {
				t.Errorf("organisation %d: %v", o, err)
			}
			ended <- o
		}()
		for d.hashing.Waiting() == before {
			runtime.Gosched()
		}
	}
	for range 10 {
		waits(1)
	}
	waits(2)
	d.hashing.Leave(1)
	for n := range 11 {
		if <-ended == 2 && n > 2 {
			t.Errorf("another organisation waited for %d passwords", n)
		}
	}
	for range entered - 1 {
		d.hashing.Leave(1)
	}
}
