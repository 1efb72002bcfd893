package logstore

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/testdb"
)

// What is kept no longer goes, of refusals sooner than of changes, and a month of which
// nothing is kept goes as a whole. What is kept stays.
func TestKeep_ForgetsWhatIsOld(t *testing.T) {
	t.Parallel()
	opened, err := pool.Open(t.Context(), testdb.New(t), pool.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(opened.Close)
	o := org.Org{ID: org.NewID(), Settings: org.DefaultSettings()}
	l := New(opened, func(context.Context) ([]org.Org, error) { return []org.Org{o}, nil })
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	expect := func(what string, sql string, arg any, want int) {
		t.Helper()
		var n int
		must(opened.Own().QueryRow(t.Context(), sql, arg).Scan(&n))
		if n != want {
			t.Errorf("%s: %d, want %d", what, n, want)
		}
	}
	now := opened.Clock.Now()
	must(l.keepPartitions(t.Context(), now.AddDate(-2, 0, 0), time.Time{})) // as if made two years ago
	want := map[string]bool{}
	for name, test := range map[string]struct {
		days   int
		result provisioning.Result
		stays  bool
	}{
		"a change of today":             {0, provisioning.Success, true},
		"a change of last year":         {399, provisioning.Success, true},
		"a change before that":          {401, provisioning.Success, false},
		"a change of a month that goes": {725, provisioning.Success, false},
		"a refusal of this month":       {29, provisioning.Refused, true},
		"a refusal before that":         {31, provisioning.Refused, false},
		"what was held before that":     {31, provisioning.Held, false},
	} {
		id := provisioning.FirstID(now.AddDate(0, 0, -test.days))
		id[15] = byte(len(want) + 1)
		must(l.Record(t.Context(), o.ID, []provisioning.Entry{{ID: id, CorrelationID: name, Operation: provisioning.Update, Result: test.result}}))
		want[name] = test.stays
	}

	must(l.Keep(t.Context()))
	for name, stays := range want {
		expect(name, `select count(*) from provisioning_log where correlation_id = $1`, name, map[bool]int{true: 1}[stays])
	}
	partition := func(what string, month time.Time, want int) {
		t.Helper()
		expect("partition of "+what, `select count(*) from pg_class where relname = $1`, partitionOf(monthOf(month, 0)), want)
	}
	partition("two years ago", now.AddDate(-2, 0, 0), 0)
	partition("this month", now, 1)
	partition("the last month that is made ahead", monthOf(now, monthsAhead), 1)
	expect("entries beside the months", `select count(*) from provisioning_log_default where id >= $1`, uuid.UUID(provisioning.FirstID(monthOf(now, 0))), 0)
	must(l.Keep(t.Context())) // again, which finds all done
}
