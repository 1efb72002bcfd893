package directory

import (
	"context"
	"errors"
	"log/slog"
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
