package logstore

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/provisioning"
)

// The log has a partition for each month, and each of them all the indexes. To plan a
// statement that may read any month, PostgreSQL opens them all: on a new connection that takes
// ten times as long as the rest of it. So what lies in a few months is asked for there, with
// bounds that are written out: then a plan for all values leaves the other months out, too.

// since is the condition that e lies in the month of a time or later.
func since(at time.Time) db.Fragment {
	return db.SQL(fmt.Sprintf(" and e.id >= '%s'::uuid", provisioning.FirstID(monthOf(at.UTC(), 0))))
}

// until is the condition that e lies in the month of a time or earlier.
func until(at time.Time) db.Fragment { return before(monthOf(at.UTC(), 1)) }

// before is the condition that e lies before the first moment of a month.
func before(month time.Time) db.Fragment {
	return db.SQL(fmt.Sprintf(" and e.id < '%s'::uuid", provisioning.FirstID(month)))
}

// stretch is some months in which entries of a query are looked for.
type stretch struct {
	provisioning.Query
	months db.Fragment
}

// recentMonths is how many months are looked through first, the one that is not over
// among them.
const recentMonths = 2

// stretchesOf are the stretches of a query, in its order: the newest months, which a page
// seldom leaves, and all before. What is of one resource or one request is looked for in one:
// it is little, so that a page seldom ends before its beginning.
func stretchesOf(q provisioning.Query, now time.Time) []stretch {
	newest, end := now, db.Fragment{}
	if !q.To.IsZero() {
		newest, end = q.To, until(q.To)
	}
	if at := provisioning.TimeOf(q.Before); q.Before != uuid.Nil && (q.To.IsZero() || at.Before(q.To)) {
		newest, end = at, until(at)
	}
	oldest, begin := oldestOf(q), db.Fragment{}
	if !oldest.IsZero() {
		begin = since(oldest)
	}
	recent := monthOf(newest.UTC(), 1-recentMonths)
	little := q.TargetID != uuid.Nil || q.Target != "" || q.CorrelationID != ""
	if little || q.After != uuid.Nil || !oldest.Before(recent) {
		return []stretch{{q, db.Join("", begin, end)}}
	}
	return []stretch{{q, db.Join("", since(recent), end)}, {q, db.Join("", begin, before(recent))}}
}

// oldestOf is a time before which nothing is asked for, or zero: what has an id that tells
// when it was made has no entries before that, by clocks that differ by less than a day.
func oldestOf(q provisioning.Query) time.Time {
	oldest := q.From
	later := func(at time.Time) {
		if at.After(oldest) {
			oldest = at
		}
	}
	if q.After != uuid.Nil {
		later(provisioning.TimeOf(q.After))
	}
	if q.TargetID.Version() == 7 {
		later(provisioning.TimeOf(q.TargetID).Add(-24 * time.Hour))
	}
	return oldest
}
