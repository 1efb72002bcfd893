package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/testdb"
)

// What is read in pages that end early is listed to its end.
func TestLists_OfLargeThingsAreWhole(t *testing.T) {
	t.Parallel()
	database := testdb.New(t)
	command := func(args ...string) []byte {
		var out bytes.Buffer
		if status := run(t.Context(), append(args, "--database-url="+database), console{out: &out, err: &out}); status != 0 {
			t.Fatalf("%v: %s", args, out.String())
		}
		return out.Bytes()
	}
	command("org", "create", "acme")
	db, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	for _, sql := range []string{
		`insert into catalogue (org_id, kind, id, version, created_at, modified_at, name, name_key, description, detail)
		 select o.org_id, c.kind, gen_random_uuid(), 1, now(), now(), 'large ' || i, 'large ' || i, '',
		        jsonb_build_object('permissions', jsonb_build_array('a:b:' || repeat('x', 60000)))
		 from   orgs o, generate_series(1, 45) i, (select kind from catalogue where name = 'SCIM Integration' limit 1) c`,
		`insert into events (org_id, id, seq, made_at, queued_at, dead_at, claims)
		 select o.org_id, gen_random_uuid(), i, now(), now(), now(), '{"x":"' || repeat('x', 240000) || '"}'
		 from   orgs o, generate_series(1, 30) i`,
	} {
		if _, err := db.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	for _, list := range []struct {
		args []string
		want int
	}{
		{[]string{"role", "list", "--prefix", "large"}, 45},
		{[]string{"events", "dead"}, 30},
	} {
		var all []struct{ ID string }
		if err := json.Unmarshal(command(append(list.args, "--org", "acme", "-o", "json")...), &all); err != nil {
			t.Fatal(err)
		}
		different := map[string]bool{}
		for _, one := range all {
			different[one.ID] = true
		}
		if len(all) != list.want || len(different) != list.want {
			t.Errorf("%v: %d, %d of them different, want %d", list.args, len(all), len(different), list.want)
		}
	}
}
