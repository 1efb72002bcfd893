package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/scim"
)

// holds are what brakes hold in an organisation, and what was decided.
type holds struct {
	Sum           string
	Open, Decided []holdRow
}

// holdRow is one of them in words.
type holdRow struct {
	provisioning.Hold
	What, Why string
	State     badge
	Until     string
	// Group is the page of the group from which members are removed, Connection that of the
	// client, and Entries what the log has of it.
	Group, Connection, Entries string
	Open                       bool // nobody has decided
	// Releasable and Rejectable are what may be decided now.
	Releasable, Rejectable bool
}

func (v *visit) newHoldRow(h provisioning.Hold, now time.Time) holdRow {
	client := cmp.Or(h.ClientName, "a connection that is gone")
	row := holdRow{
		Hold: h, Open: h.Waits(now), Entries: v.logLink("result:held %s", term{"by", client}),
	}
	if h.ClientName != "" {
		row.Connection = v.home("/connections/", h.Client.String())
	}
	what := "deactivate or delete " + plural(int(h.Most), "person")
	if row.What = client + " deactivates or deletes people"; h.Group != uuid.Nil {
		row.What = client + " removes members from " + cmp.Or(h.GroupName, "a group that is gone")
		if h.GroupName != "" {
			row.Group = v.home("/groups/", h.Group.String())
		}
		what = "remove " + plural(int(h.Most), "member") + " from this group"
	}
	row.Why = fmt.Sprintf("It may %s within an hour, and had removed %s. It has tried %s to go on.", what, count(int(h.Removed)), times(h.Attempts))
	decided := h.Until.After(now)
	switch {
	case row.Open:
		row.State = badge{"amber", "warn", "held"}
	case decided && h.State == provisioning.Released:
		row.State, row.Until = badge{"green", "check", "released"}, "goes on freely until "+at(h.Until)
	case decided && h.State == provisioning.Rejected:
		row.State, row.Until = badge{"red", "cross", "rejected"}, "is refused until "+at(h.Until)
	default:
		row.State = badge{"", "minus", "over"}
	}
	row.Releasable = row.Open || decided && h.State == provisioning.Rejected
	row.Rejectable = row.Open || decided && h.State == provisioning.Released
	return row
}

func times(n int64) string {
	if n == 1 {
		return "once"
	}
	return count(int(n)) + " times"
}

// readHolds lists what is held, by one client or by any.
func (v *visit) readHolds(client uuid.UUID) (open, decided []holdRow, err error) {
	all, err := v.Provisioning.Holds(v.r.Context(), v.org.ID)
	now := v.OAuth.Now()
	for _, h := range all {
		row := v.newHoldRow(h, now)
		switch {
		case client != uuid.Nil && h.Client != client:
		case row.Open:
			open = append(open, row)
		default:
			decided = append(decided, row)
		}
	}
	return open, decided, err
}

func showHolds(v *visit) (err error) {
	h := holds{Sum: "Nothing is held"}
	if h.Open, h.Decided, err = v.readHolds(uuid.Nil); err != nil {
		return err
	}
	if n := len(h.Open); n > 0 {
		h.Sum = plural(n, "removal") + " " + are(n) + " held until somebody decides"
	}
	return v.show("holds", "overview", "What is held", h)
}

// hours is for how long a decision may count.
type hours struct {
	Count int
	Words string
	Usual bool
}

var decisionHours = []hours{{1, "1 hour", false}, {4, "4 hours", false}, {24, "24 hours", true}, {7 * 24, "7 days", false}, {30 * 24, "30 days", false}}

// findHold reads the hold of the path.
func (v *visit) findHold() (row holdRow, err error) {
	id, err := v.id()
	if err != nil {
		return row, err
	}
	all, err := v.Provisioning.Holds(v.r.Context(), v.org.ID)
	if err != nil {
		return row, err
	}
	at := slices.IndexFunc(all, func(h provisioning.Hold) bool { return h.ID == id })
	if at < 0 {
		return row, notHere(v.r)
	}
	return v.newHoldRow(all[at], v.OAuth.Now()), nil
}

func askRelease(v *visit) (question, error) {
	h, err := v.findHold()
	return question{
		Heading: "Let it go on?", Yes: "Release", Back: v.home("/holds"), Place: "overview", Hours: decisionHours,
		Text: []string{sentence(h.What) + " " + h.Why, "Until the time is over it may remove as much as it likes, and is not held. The product tries again by itself."},
	}, err
}

func askReject(v *visit) (question, error) {
	h, err := v.findHold()
	return question{
		Heading: "Refuse it?", Yes: "Reject", Back: v.home("/holds"), Place: "overview", Hours: decisionHours, Danger: true,
		Text: []string{sentence(h.What) + " " + h.Why, "Until the time is over each such removal is refused, and nothing is asked of you. Mend the assignment in the product meanwhile; a removal that is wrong there comes again."},
	}, err
}

// decide stores what was decided about a hold, for as long as the form says.
func decide(word string, how func(l *provisioning.Log, ctx context.Context, o org.ID, id uuid.UUID, lasting time.Duration) (provisioning.Hold, error)) func(v *visit) error {
	return func(v *visit) error {
		id, err := v.id()
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(v.field("hours"))
		if most := int(provisioning.MaxDecisionTime / time.Hour); err != nil || n < 1 || n > most {
			return scim.InvalidValue("%q is not a number of hours; one from 1 to %d is expected", v.field("hours"), most)
		}
		if _, err = how(v.Provisioning, v.r.Context(), v.org.ID, id, time.Duration(n)*time.Hour); errors.Is(err, provisioning.ErrNoHold) {
			return notHere(v.r)
		}
		if err != nil {
			return err
		}
		return v.to(v.home("/holds?done=", word))
	}
}
