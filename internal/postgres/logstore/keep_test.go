package logstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

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
	expect("entries beside the months", `select count(*) from provisioning_log_default where id >= $1`, provisioning.FirstID(monthOf(now, 0)), 0)
	must(l.Keep(t.Context())) // again, which finds all done
}

// Each organisation keeps what it has asked for, and a month goes as a whole when the last
// one that keeps it does not any more.
func TestKeep_IsOfEachOrganisation(t *testing.T) {
	t.Parallel()
	opened, err := pool.Open(t.Context(), testdb.New(t), pool.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(opened.Close)
	brief, long := org.Org{ID: org.NewID(), Settings: org.DefaultSettings()}, org.Org{ID: org.NewID(), Settings: org.DefaultSettings()}
	brief.Settings.ChangeLogDays, brief.Settings.RefusalLogDays = 20, 5
	long.Settings.ChangeLogDays, long.Settings.RefusalLogDays = 800, 800
	l := New(opened, func(context.Context) ([]org.Org, error) { return []org.Org{brief, long}, nil })
	now := opened.Clock.Now()
	if err := l.keepPartitions(t.Context(), now.AddDate(0, 0, -700), time.Time{}); err != nil { // as if made then
		t.Fatal(err)
	}
	for _, o := range []org.ID{brief.ID, long.ID} {
		for i, age := range []int{3, 10, 30, 700} {
			for _, result := range []provisioning.Result{provisioning.Success, provisioning.Refused} {
				id := provisioning.FirstID(now.AddDate(0, 0, -age))
				id[14], id[15] = byte(i), result[0]
				e := provisioning.Entry{ID: id, CorrelationID: fmt.Sprint(age, " ", result), Operation: provisioning.Update, Result: result}
				if err := l.Record(t.Context(), o, []provisioning.Entry{e}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	kept := func(o org.ID, want ...string) {
		t.Helper()
		rows, err := opened.Own().Query(t.Context(), `select correlation_id from provisioning_log where org_id = $1 order by id desc`, int64(o))
		if err != nil {
			t.Fatal(err)
		}
		found, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil || !slices.Equal(found, want) {
			t.Errorf("kept: %q, want %q: %v", found, want, err)
		}
	}
	keep := func(months int) {
		t.Helper()
		var n int
		name := partitionOf(monthOf(now.AddDate(0, 0, -700), 0))
		if err := errors.Join(l.Keep(t.Context()), opened.Own().QueryRow(t.Context(), `select count(*) from pg_class where relname = $1`, name).Scan(&n)); err != nil || n != months {
			t.Errorf("%d months of long ago, want %d: %v", n, months, err)
		}
	}
	keep(1)
	kept(brief.ID, "3 success", "3 refused", "10 success")
	kept(long.ID, "3 success", "3 refused", "10 success", "10 refused", "30 success", "30 refused", "700 success", "700 refused")
	long.Settings = brief.Settings
	keep(0)
	kept(long.ID, "3 success", "3 refused", "10 success")
}
