package logstore

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/provisioning"
)

// The source of a target is who changed it last in this organisation, behind what was refused
// since, but not behind any number of refusals. The index of targets finds it.
func TestSources(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	store, prefix := New(o.Pool, nil), o.Clock.NewID().String()[:24]
	// Of 20,000 entries each tenth is of one of a few targets that somebody looks at.
	o.exec(`
		insert into provisioning_log (org_id, id, client_id, actor, correlation_id, operation, target_type, target_id, target_name, result, status, detail)
		select $1, ($2 || lpad(to_hex(i), 12, '0'))::uuid, md5('okta')::uuid, 'Okta', '', 'update', 'User', md5((i % 5000)::text)::uuid, 'ada', 'success', 0, '{}'
		from   generate_series(1, 20000) i`, o.org, prefix)
	last := 20000
	add := func(orgID int64, target, client, actor, result string, times int) {
		o.exec(`
			insert into provisioning_log (org_id, id, client_id, actor, correlation_id, operation, target_type, target_id, target_name, result, status, detail)
			select $1, ($2 || lpad(to_hex($3 + i), 12, '0'))::uuid, md5(nullif($4, ''))::uuid, $5, '', 'update', 'User', md5($6)::uuid, 'ada', $7, 0, '{}'
			from   generate_series(1, $8::bigint) i`, orgID, prefix, int64(last), client, actor, target, result, int64(times))
		last += times
	}
	add(o.org, "1", "entra", "Entra", "warning", 1)
	add(o.org, "1", "okta", "Okta", "refused", mostBehind-1)
	add(o.org, "2", "okta", "Okta", "held", mostBehind)
	add(o.org, "3", "", personPrefix+"ada@example.org", "success", 1)
	add(o.org+1, "3", "entra", "Entra", "success", 1)
	o.exec(`analyze provisioning_log`)
	asked := []uuid.UUID{hashed(o, "1"), hashed(o, "2"), hashed(o, "3"), hashed(o, "4"), uuid.New()}
	sources, err := store.Sources(t.Context(), org.ID(o.org), asked)
	o.must(err)
	got := map[uuid.UUID]provisioning.Actor{}
	for id, s := range sources {
		got[id] = s.Actor
		if e, err := store.Entry(t.Context(), org.ID(o.org), s.Entry); err != nil || e.Target.ID != id {
			t.Errorf("the source of %s is the entry %+v, %v", id, e, err)
		}
	}
	want := map[uuid.UUID]provisioning.Actor{
		asked[0]: {Type: provisioning.Client, ID: hashed(o, "entra"), Name: "Entra"},
		asked[2]: {Type: provisioning.Person, Name: "ada@example.org"},
		asked[3]: {Type: provisioning.Client, ID: hashed(o, "okta"), Name: "Okta"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
	plan := o.genericPlan(selectSources.String(), selectSources.Args(o.org, db.Named("targets", db.IDs(asked)), db.Named("most", mostBehind)))
	if !regexp.MustCompile(`using \S*_target_id_id\S* on ` + partitionOf(o.Clock.Now())).MatchString(plan) {
		t.Errorf("the plan is\n%s", plan)
	}
}
