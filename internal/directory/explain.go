package directory

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// explainWrite is toSCIM for a write. For a missing reference it adds what an administrator
// asks next: whether the user was deleted, and which names are similar.
func (d *Directory) explainWrite(ctx context.Context, o org.ID, t *schema.Type, id string, err error) error {
	missing, lacks := errors.AsType[*MissingError](err)
	if !lacks || slices.ContainsFunc(missing.References, func(r Reference) bool { return r.Schema != nil }) {
		return toSCIM(t, id, err)
	}
	told := (*scim.Error)(nil)
	if err = toSCIM(t, id, err); !errors.As(err, &told) {
		return err
	}
	more := *told
	if first := missing.References[0]; first.Kind != 0 {
		more.Detail += d.nearNames(ctx, o, first)
	} else if deleted, err := d.store.Org(o).Deleted(ctx, first.User); err == nil && deleted {
		more.Detail += "; the user was deleted, and comes back when the userName is created again"
	}
	return &more
}

// nearNames lists entries whose names are similar to a missing one.
func (d *Directory) nearNames(ctx context.Context, o org.ID, missing Reference) string {
	if _, err := uuid.Parse(missing.Name); err == nil {
		return fmt.Sprintf(". It looks like the id of an app role: map the value of the app role, which is the name of the %s, and not its id", missing.Kind)
	}
	entries, _, err := d.store.Org(o).ListEntries(ctx, EntryQuery{Kind: missing.Kind, Names: true, Selection: Selection{Limit: math.MaxInt32}})
	if err != nil {
		return "" // it is a hint
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name
	}
	near := schema.Near(missing.Name, names)
	for i, name := range near {
		near[i] = fmt.Sprintf("%q", name)
	}
	if len(near) == 0 {
		return ""
	}
	return ". Near are " + strings.Join(near, ", ")
}
