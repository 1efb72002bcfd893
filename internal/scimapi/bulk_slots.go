package scimapi

import (
	"context"
	"errors"

	"github.com/purescim/purescim/internal/fairshare"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/scim"
)

// sideBySide is how many operations of bulk requests of one organisation are under way at once
// on a server: so many that commits share their flush, and so few that connections are left for
// everyone else. Of all organisations there are twice as many, so that one leaves others room,
// and who waits is let in by turns.
const sideBySide = 8

// Dry runs have places of their own, since each holds one as long as it takes.
const (
	rehearsalsAtOnce = 8
	rehearsalsOfOne  = 4
	mostRehearsals   = 64 // that wait, of one organisation
)

// newSlots makes the places of operations. Nobody is sent away: requests end by their time.
func newSlots() *fairshare.Gate[org.ID] {
	const everybody = 1 << 30
	return fairshare.New[org.ID](fairshare.Options{
		Slots: 2 * sideBySide, Share: sideBySide, Queue: everybody, MaxWait: httpapi.RequestTimeout + bulkTime,
	})
}

// enter takes the slot of an operation of the organisation, unless ctx ends before.
func (d *door) enter(ctx context.Context, o org.ID) (entered bool) {
	for ctx.Err() == nil {
		if err := d.slots.Enter(ctx, o); !errors.Is(err, fairshare.ErrWaited) {
			return err == nil
		}
	}
	return false
}

// enterRehearsal takes the place of a dry run.
func (d *door) enterRehearsal(ctx context.Context, o org.ID) error {
	err := d.rehearsals.Enter(ctx, o)
	switch {
	case errors.Is(err, fairshare.ErrFull):
		return scim.TooManyRequests("too many dry runs of bulk requests wait; try again in some seconds").Because(err)
	case errors.Is(err, fairshare.ErrWaited):
		return scim.Unavailable("other dry runs of bulk requests were under way for %g seconds; try again in some seconds", d.dryRunTime.Seconds()).Because(err)
	}
	return err
}
