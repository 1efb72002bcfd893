package directory

import (
	"cmp"
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

// explainWrite is toSCIM for a write. Of what is missing it tells what an administrator
// asks next: whether the person was deleted, and which names are near.
func (d *Directory) explainWrite(ctx context.Context, o org.ID, t *schema.Type, id string, err error) error {
	missing := (*MissingError)(nil)
	if !errors.As(err, &missing) || slices.ContainsFunc(missing.References, func(r Reference) bool { return r.Schema != nil }) {
		return toSCIM(t, id, err)
	}
	told := (*scim.Error)(nil)
	if err = toSCIM(t, id, err); !errors.As(err, &told) {
		return err
	}
	more := *told
	switch first := missing.References[0]; {
	case first.Kind == 0:
		deleted, err := d.store.Org(o).Deleted(ctx, first.User)
		if err == nil && deleted {
			more.Detail += "; the user was deleted, and comes back when the userName is created again"
		}
	default:
		more.Detail += d.nearNames(ctx, o, first)
	}
	return &more
}

// nearNames tells of entries whose names are like one that is missing.
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
	near := Near(missing.Name, names)
	for i, name := range near {
		near[i] = fmt.Sprintf("%q", name)
	}
	if len(near) == 0 {
		return ""
	}
	return ". Near are " + strings.Join(near, ", ")
}

// Near gives up to three of the names that are like the one that is wanted, the nearest
// first: compared as names are, with few other characters, or one within the other.
func Near(wanted string, names []string) []string {
	const most = 64 // bytes of a name that is compared
	wanted = schema.FoldName(wanted)
	if wanted == "" || len(wanted) > most {
		return nil
	}
	type near struct {
		name     string
		distance int
	}
	var found []near
	for _, given := range names {
		name := schema.FoldName(given)
		n := distance(wanted, name)
		if len(name) <= most && (n <= max(2, len(wanted)/3) || strings.Contains(name, wanted) || strings.Contains(wanted, name)) {
			found = append(found, near{given, n})
		}
	}
	slices.SortStableFunc(found, func(a, b near) int { return cmp.Compare(a.distance, b.distance) })
	var nearest []string
	for _, n := range found[:min(len(found), 3)] {
		nearest = append(nearest, n.name)
	}
	return nearest
}

// distance is how many characters of a must be changed, added or left out to make b
// (Levenshtein). Texts whose lengths differ by much are not compared.
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	const much = 16
	if len(from)-len(to) > much || len(to)-len(from) > much {
		return max(len(from), len(to))
	}
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range from {
		before := row[0]
		row[0] = i + 1
		for j, y := range to {
			cost := before
			if x != y {
				cost++
			}
			before = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(to)]
}
