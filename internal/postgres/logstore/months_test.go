package logstore

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/provisioning"
)

// A log of a year is read as a whole, from either end and from the middle, though a page
// looks in the newest months first; and the first statement is planned for those alone.
func TestEntries_LeaveOutMonths(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	store, now := New(o.Pool, nil), o.Clock.Now()
	for n := -12; n <= 0; n++ {
		for _, sql := range addPartition(partitionOf(monthOf(now, n)), monthOf(now, n), monthOf(now, n+1)) {
			if n < 0 { // this month has one
				o.exec(sql)
			}
		}
	}
	var want []uuid.UUID
	for day := range 360 {
		id := provisioning.FirstID(now.AddDate(0, 0, day-359))
		id[15] = byte(day)
		result := provisioning.Success
		if day%40 == 0 {
			result = provisioning.Refused
		}
		o.exec(`
			insert into provisioning_log (org_id, id, actor, correlation_id, operation, target_type, target_id, target_name, result, status, detail)
			values ($1, $2, 'Entra', 'x', 'update', 'User', md5('ada')::uuid, 'ada', $3, 0, '{}')`, o.org, id.String(), string(result))
		want = append(want, id)
	}
	slices.Reverse(want)
	for _, c := range []struct {
		name     string
		q        provisioning.Query
		selected func(day int) bool // of all days, the last one first
	}{
		{"all", provisioning.Query{Limit: 50}, func(int) bool { return true }},
		{"one at a time", provisioning.Query{Limit: 1, From: now.AddDate(0, 0, -100)}, func(day int) bool { return day <= 100 }},
		{"until the middle", provisioning.Query{Limit: 7, To: now.AddDate(0, 0, -150)}, func(day int) bool { return day > 150 }},
		{"what is rare", provisioning.Query{Limit: 4, Results: []provisioning.Result{provisioning.Refused}}, func(day int) bool { return (359-day)%40 == 0 }},
		{"of one target", provisioning.Query{Limit: 20, TargetID: hashed(o, "ada")}, func(int) bool { return true }},
		{"of a month", provisioning.Query{Limit: 20, From: now.AddDate(0, 0, -200), To: now.AddDate(0, 0, -170)}, func(day int) bool { return day > 170 && day <= 200 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var expected []uuid.UUID
			for day, id := range want {
				if c.selected(day) {
					expected = append(expected, id)
				}
			}
			back := turned(t, store, o.org, c.q, func(q *provisioning.Query, next uuid.UUID) { q.Before = next })
			if diff := cmp.Diff(expected, back); diff != "" {
				t.Errorf("from the newest on (-want +got):\n%s", diff)
			}
			c.q.After = uuid.UUID{15: 1}
			onward := turned(t, store, o.org, c.q, func(q *provisioning.Query, next uuid.UUID) { q.After = next })
			if slices.Reverse(expected); !slices.Equal(expected, onward) {
				t.Errorf("from the oldest on (-want +got):\n%s", cmp.Diff(expected, onward))
			}
		})
	}
	q := provisioning.Query{Limit: 50}
	walks, err := walksOf(t.Context(), o.Of(org.ID(o.org)), o.org, q)
	o.must(err)
	sql, args := logPage(o.org, walks, stretchesOf(q, now)[0])
	plan := o.genericPlan(sql, args)
	for n := -12; n <= 0; n++ {
		name := partitionOf(monthOf(now, n))
		if read := regexp.MustCompile(`on ` + name).MatchString(plan); read != (n > -recentMonths) {
			t.Errorf("the plan reads %s: %v\n%s", name, read, plan)
		}
	}
}

// turned are the ids of all pages of a query.
func turned(t *testing.T, store *Store, o int64, q provisioning.Query, on func(q *provisioning.Query, next uuid.UUID)) (ids []uuid.UUID) {
	t.Helper()
	for {
		entries, next, err := store.Entries(t.Context(), org.ID(o), q)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) > q.Limit {
			t.Fatalf("a page of %d has %d entries", q.Limit, len(entries))
		}
		for _, e := range entries {
			ids = append(ids, e.ID)
		}
		if next == uuid.Nil {
			return ids
		}
		on(&q, next)
	}
}

// The entries of what has an id that tells its time are looked for since then, with a day
// for clocks that differ.
func TestStretches_OfWhatIsYoung(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	made := func(at time.Time) uuid.UUID {
		id := provisioning.FirstID(at)
		id[6], id[8] = 7<<4, 8<<4
		return id
	}
	text := func(months db.Fragment) string {
		sql, _ := db.NewTemplate("[months]").Fill(1, db.In("months", months))
		return sql
	}
	month := func(at time.Time) string { return text(since(at)) }
	for _, c := range []struct {
		target uuid.UUID
		want   string
	}{
		{made(now), month(now)},
		{made(time.Date(2026, 11, 1, 6, 0, 0, 0, time.UTC)), month(time.Date(2026, 10, 31, 0, 0, 0, 0, time.UTC))},
		{uuid.New(), ""},
	} {
		stretches := stretchesOf(provisioning.Query{TargetID: c.target}, now)
		if got := fmt.Sprint(len(stretches), text(stretches[0].months)); got != fmt.Sprint(1, c.want) {
			t.Errorf("%s is looked for in %s, want %s", c.target, got, c.want)
		}
	}
}
