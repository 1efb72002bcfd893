package migrations

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// What stands in for Citus notes what it is told, and holds its rules: a foreign key leads
// to a table that is distributed already, and every unique key of a distributed table has
// the column by which it is.
const citusStandIn = `
create table pg_dist_partition (logicalrelid oid, colocated text);
create table noted (n bigserial, name text, kind text, colocated text);
create function create_reference_table(t regclass) returns void language plpgsql as $$ begin
  insert into noted (name, kind) values (t::text, 'reference');
  insert into pg_dist_partition values (t);
end $$;
create function create_distributed_table(t regclass, by text, colocate_with text) returns void language plpgsql as $$ begin
  if exists (select from pg_constraint c where c.conrelid = t and c.contype = 'f' and c.confrelid not in (select logicalrelid from pg_dist_partition)) then
    raise 'a foreign key of % leads to a table that is not distributed', t;
  end if;
  if exists (
    select from pg_index i
    where  i.indrelid = t and i.indisunique
    and    not exists (select from pg_attribute a where a.attrelid = t and a.attname = by and a.attnum = any(i.indkey))) then
    raise '% has a unique key without %', t, by;
  end if;
  insert into noted (name, kind, colocated) values (t::text, 'by ' || by, colocate_with);
  insert into pg_dist_partition values (t);
end $$`

// Without the extension nothing is done. With it every table of the database is distributed
// but that of the migrations: those that have an organisation by it, beside each other.
func TestDistribute_TakesEveryTable(t *testing.T) {
	t.Parallel()
	url := emptyDatabase(t)
	if err := Up(t.Context(), url, nil); err != nil {
		t.Fatal(err)
	}
	if n, err := Distribute(t.Context(), url, nil); !errors.Is(err, ErrNoCitus) || n != 0 {
		t.Errorf("without the extension: %d tables, %v", n, err)
	}
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	names := func(sql string) []string {
		t.Helper()
		rows, _ := c.Query(t.Context(), sql)
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	want := names(`
select r.relname::text from pg_class r
where  r.relkind in ('r', 'p') and not r.relispartition and r.relnamespace = 'public'::regnamespace and r.relname <> 'goose_db_version'
order  by 1`)
	if _, err := c.Exec(t.Context(), `begin; set local search_path = public; `+citusStandIn+`; commit`); err != nil {
		t.Fatal(err)
	}
	for _, first := range []bool{true, false} {
		n, err := distribute(t.Context(), c, nil)
		if err != nil || first && n != len(want) || !first && n != 0 {
			t.Fatalf("%d tables of %d, %v", n, len(want), err)
		}
	}
	got := names(`select name from noted order by name`)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tables (-database +distributed)\n%s", diff)
	}
	if apart := names(`select name from noted where kind <> 'reference' and name <> 'users' and colocated <> 'users'`); len(apart) > 0 {
		t.Errorf("not beside users: %v", apart)
	}
}

// On a database that has Citus the tables are distributed, and hold rows of organisations.
// CITUS_DATABASE_URL leads to one; its tables are made there and stay.
func TestDistribute_OnCitus(t *testing.T) {
	t.Parallel()
	url := os.Getenv("CITUS_DATABASE_URL")
	if url == "" {
		t.Log("not proved on Citus: CITUS_DATABASE_URL leads to no database")
		return
	}
	if err := Up(t.Context(), url, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := Distribute(t.Context(), url, nil); err != nil {
		t.Fatal(err)
	}
	if n, err := Distribute(t.Context(), url, nil); err != nil || n != 0 {
		t.Errorf("again: %d tables, %v", n, err)
	}
	execute(t, url, `insert into catalogue (org_id, kind, id, version, created_at, modified_at, name, name_key, description, detail)
		select n, 1, gen_random_uuid(), 1, now(), now(), 'x', 'x', '', '{}' from generate_series(1, 3) n`)
	if n := count(t, url, `select count(*) from catalogue where org_id = 2 and name = 'x'`); n != 1 {
		t.Errorf("%d rows", n)
	}
}
