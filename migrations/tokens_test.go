package migrations

import (
	"context"
	"fmt"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
)

// TestTokens_UpgradesWhatExists brings a database of the first schema up to date:
// built-in roles permit what they permit in a new organisation, clients go on to
// do everything, and one of the signing keys signs.
func TestTokens_UpgradesWhatExists(t *testing.T) {
	t.Parallel()
	url := emptyDatabase(t)
	first, err := fs.ReadFile(Files, "00001_init.sql")
	if err != nil {
		t.Fatal(err)
	}
	if err := up(t.Context(), url, fstest.MapFS{"00001_init.sql": {Data: first}}, nil); err != nil {
		t.Fatal(err)
	}
	role := func(org, n int, name, detail string) string {
		return fmt.Sprintf(`insert into catalogue values (%d, 1, '00000000-0000-7000-8000-00000000000%d', 1, now(), now(), '%s', lower('%s'), '', '%s')`, org, n, name, name, detail)
	}
	execute(t, url,
		`insert into orgs select n, 'org ' || n, 'org ' || n, 'US', 1000, false, now() from generate_series(1, 2) n`,
		role(1, 1, "employee", "{}"), role(1, 2, "admin", "{}"), role(1, 3, "SCIM Integration", "{}"), role(1, 4, "clerk", "{}"),
		role(2, 1, "admin", `{"permissions": ["my:own:word"]}`), role(2, 5, "SCIM Reader", "{}"),
		`insert into oauth_clients select gen_random_uuid(), n, 'entra', '\x00', 3600, 'active', now() from generate_series(1, 2) n`,
		`insert into signing_keys values ('old', '\x00', now() - interval '1 day'), ('new', '\x00', now())`,
	)
	if err := Up(t.Context(), url, nil); err != nil {
		t.Fatal(err)
	}
	for sql, want := range map[string]int{
		`select count(*) from catalogue where name = 'admin' and detail->'permissions' = '["*"]'`:                                                                                                                 1,
		`select count(*) from catalogue where org_id = 2 and detail->'permissions' = '["my:own:word"]'`:                                                                                                           1,
		`select count(*) from catalogue where name = 'employee' and detail->'permissions' = '[]'`:                                                                                                                 1,
		`select jsonb_array_length(detail->'permissions') from catalogue where name = 'SCIM Integration'`:                                                                                                         10,
		`select count(*) from catalogue where name = 'clerk' and detail = '{}'`:                                                                                                                                   1,
		`select count(*) from catalogue where name = 'SCIM Reader'`:                                                                                                                                               2,
		`select count(*) from catalogue where name = 'SCIM Reader' and substr(id::text, 15, 1) = '7' and substr(id::text, 20, 1) in ('8', '9', 'a', 'b') and detail->'permissions' = '["directory:group:view"]'`:  1,
		`select abs(extract(epoch from now()) - ('x' || lpad(replace(substr(id::text, 1, 13), '-', ''), 16, '0'))::bit(64)::bigint / 1000.0)::int / 600 from catalogue where name = 'SCIM Reader' and org_id = 1`: 0,
		`select count(*) from oauth_clients c join catalogue r on r.org_id = c.org_id and r.name = 'admin' where c.roles = jsonb_build_array(jsonb_build_object('role', r.id, 'division', '*'))`:                  2,
		`select count(*) from signing_keys where kid = 'new' and retired_at is null`:                                                                                                                              1,
		`select count(*) from signing_keys where kid = 'old' and retired_at is not null`:                                                                                                                          1,
		`select count(*) from signing_keys where verify_until > now() + interval '450 days'`:                                                                                                                      2,
		`select count(*) from orgs where rate_limit = 0`:                                                                                                                                                          2,
	} {
		if n := count(t, url, sql); n != want {
			t.Errorf("%s: %d, want %d", sql, n, want)
		}
	}
}

func execute(t *testing.T, url string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, sql := range statements {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}
