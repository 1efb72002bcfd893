package logstore

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
)

// Pages of what is rare end after a while and go on with the next: together they give all
// that is asked for, once and in order, from either end, whatever walks lead to it.
func TestEntries_GoOnPastWhatIsNotAskedFor(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	store := New(o.Pool, nil)
	prefix := o.Clock.NewID().String()[:24]
	// Needles lie far apart; a third of them was refused, and others were held.
	o.exec(`
		insert into provisioning_log (org_id, id, client_id, actor, correlation_id, operation, target_type, target_id, target_name, result, status, detail)
		select $1, ($2 || lpad(to_hex(i), 12, '0'))::uuid, md5((i % 3)::text)::uuid, 'Entra', md5(i::text), 'update', 'User', md5((i % 2)::text)::uuid,
		       case when i % 6007 = 3 then 'needle' else 'hay' end,
		       case when i % 3 = 0 then 'refused' when i % 7 = 0 then 'held' else 'success' end, 0, '{}'
		from   generate_series(1, 30000) i`, o.org, prefix)
	refused := []provisioning.Result{provisioning.Held, provisioning.Refused}
	for _, c := range []struct {
		name  string
		where string
		q     provisioning.Query
	}{
		{"all", "true", provisioning.Query{}},
		{"of a client", "e.client_id = md5('1')::uuid", provisioning.Query{Client: hashed(o, "1")}},
		{"of a target", "e.target_id = md5('1')::uuid", provisioning.Query{TargetID: hashed(o, "1")}},
		{"what went wrong", "e.result in ('held', 'refused')", provisioning.Query{Results: refused}},
		{"nothing", "false", provisioning.Query{Words: []string{"nobody"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := &tenant{o.Pool, t, o.org}
			c.q.Words, c.q.Limit = append(c.q.Words, "NEEDLE"), 2
			want := o.ids(`select e.id from provisioning_log e where e.org_id = $1 and e.target_name = 'needle' and `+c.where+` order by e.id`, o.org)
			oldest := o.walked(store, c.q, func(q *provisioning.Query, next uuid.UUID) { q.Before = next }, uuid.Nil)
			slices.Reverse(oldest)
			if diff := cmp.Diff(want, oldest); diff != "" {
				t.Errorf("from the newest on (-want +got):\n%s", diff)
			}
			newest := o.walked(store, c.q, func(q *provisioning.Query, next uuid.UUID) { q.After = next }, uuid.UUID{15: 1})
			if diff := cmp.Diff(want, newest); diff != "" {
				t.Errorf("from the oldest on (-want +got):\n%s", diff)
			}
		})
	}
}

func hashed(o *tenant, text string) uuid.UUID {
	return o.ids(`select md5($1::text)::uuid`, text)[0]
}

func (o *tenant) ids(sql string, args ...any) (ids []uuid.UUID) {
	o.t.Helper()
	rows, err := o.Own().Query(o.t.Context(), sql, args...)
	o.must(err)
	for rows.Next() {
		var id uuid.UUID
		o.must(rows.Scan(&id))
		ids = append(ids, id)
	}
	o.must(rows.Err())
	return ids
}

// walked are the ids of all pages of a query, of which some must be short.
func (o *tenant) walked(store *Store, q provisioning.Query, on func(q *provisioning.Query, next uuid.UUID), start uuid.UUID) (ids []uuid.UUID) {
	o.t.Helper()
	short := 0
	for next := start; ; {
		on(&q, next)
		entries, further, err := store.Entries(o.t.Context(), org.ID(o.org), q)
		o.must(err)
		for _, e := range entries {
			ids = append(ids, e.ID)
		}
		if further == uuid.Nil {
			break
		}
		if next = further; len(entries) < q.Limit {
			short++
		}
	}
	if short == 0 {
		o.t.Errorf("no page is short")
	}
	return ids
}
