package console

import (
	"context"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/provisioning"
)

// difference is what a change would do, as far as a page has room for it.
type difference struct {
	Changes []changeRow
	Names   []nameList
	Others  []provisioning.Entry // what comes with it
}

// nameList are people or groups to whom the same would happen.
type nameList struct {
	Title string
	memberNames
}

// Nothing reports whether all would stay as it is.
func (d difference) Nothing() bool { return len(d.Changes)+len(d.Names)+len(d.Others) == 0 }

// name adds a list of names, if there are any.
func (d *difference) name(title string, names memberNames) {
	if len(names.Names) > 0 {
		d.Names = append(d.Names, nameList{title, names})
	}
}

// differenceOf is what the entries of a change tell.
func (v *visit) differenceOf(found directory.Recovered) (d difference, err error) {
	changes, members := found.Changes()
	for _, c := range changes {
		d.Changes = append(d.Changes, changeRow{c.Attribute, valueText(c.Before), valueText(c.After)})
	}
	added, err := v.memberNames(members.Added)
	if err != nil {
		return d, err
	}
	removed, err := v.memberNames(members.Removed)
	d.name("Would be added", added)
	d.name("Would be removed", removed)
	d.Others = found.Others()
	return d, err
}

// try carries a change of something out, takes it back, and tells what it would have changed.
func (v *visit) try(kind provisioning.TargetType, id uuid.UUID, change func(ctx context.Context) error) (difference, error) {
	attempt, origin := &provisioning.Attempt{DryRun: true}, provisioning.OriginOf(v.r.Context())
	if err := change(provisioning.WithAttempt(provisioning.WithOrigin(v.r.Context(), &origin), attempt)); err != nil {
		return difference{}, err
	}
	return v.differenceOf(directory.Recovered{DryRun: true, Target: provisioning.Target{Type: kind, ID: id}, Entries: attempt.Entries, Total: attempt.Total})
}
