package directory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/scim"
)

// MaxUndone is how many entries are taken back at once: all that they touch is held until
// all of them are.
const MaxUndone = 500

// UndoAll takes back what several entries of the provisioning log tell of, the newest
// first: all of them or, if one cannot be taken back, none. A dry run finds what the undo
// would, for each sees those before it. The error names the entry that stands in the way, of
// which the target is told, too.
func (d *Directory) UndoAll(ctx context.Context, o org.Org, entries []uuid.UUID, r Recovery) (done []Recovered, err error) {
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b uuid.UUID) int { return bytes.Compare(b[:], a[:]) })
	entries = slices.Compact(entries)
	if n := len(entries); n == 0 || n > MaxUndone {
		return nil, scim.InvalidValue("entries: from 1 to %d ids of entries are expected, and there are %d", MaxUndone, n)
	}
	if len(entries) == 1 {
		one, err := d.Undo(ctx, o, entries[0], r)
		return []Recovered{one}, err
	}
	err = d.store.Org(o.ID).Jointly(ctx, !r.DryRun, func(ctx context.Context) error {
		done, r.together = nil, nil
		for _, id := range entries {
			one, err := d.Undo(ctx, o, id, r)
			if err != nil {
				done = []Recovered{one}
				return inTheWay(id, err)
			}
			done = append(done, one)
			r.together = append(r.together, id)
			for _, e := range one.Entries {
				r.together = append(r.together, e.ID)
			}
		}
		return nil
	})
	return done, err
}

// inTheWay tells which of several entries could not be taken back, and why.
func inTheWay(id uuid.UUID, err error) error {
	told := (*scim.Error)(nil)
	if !errors.As(err, &told) {
		return err
	}
	named := told.Because(err)
	named.Detail = fmt.Sprintf("the entry %s stands in the way of all, of which none was taken back: %s", id, told.Detail)
	return named
}
