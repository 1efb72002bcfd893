package migrations

import (
	"context"
	"io/fs"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
)

// The table is filled with what is there, and with what a server was still writing
// when the migration began.
func TestModifications_AreFilled(t *testing.T) {
	t.Parallel()
	url := emptyDatabase(t)
	if err := up(t.Context(), url, before(t, "00010"), nil); err != nil {
		t.Fatal(err)
	}
	execute(
		t, url,
		`insert into users (org_id, id, version, created_at, modified_at, active, user_name_key, display_name, doc, folded)
		 select org, gen_random_uuid(), 1, now(), now() - n * interval '1 minute', true, n::text, '', '{}', '{}' from generate_series(1, 2) org, generate_series(1, 50) n`,
		`insert into groups (org_id, id, version, created_at, modified_at, display_name, display_name_key, type, visibility, rules_visible, doc, folded)
		 select 1, gen_random_uuid(), 1, now(), now() - n * interval '1 minute', '', n::text, '', '', true, '{}', '{}' from generate_series(1, 20) n`,
	)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	migrated := make(chan error, 1)
	err = pgx.BeginFunc(t.Context(), conn, func(tx pgx.Tx) error {
		for _, sql := range []string{
			`update groups set modified_at = now() + interval '1 hour' where display_name_key = '7'`,
			`update users set modified_at = now() + interval '1 hour' where user_name_key = '7'`,
		} {
			if _, err := tx.Exec(t.Context(), sql); err != nil {
				return err
			}
		}
		go func() { migrated <- Up(t.Context(), url, nil) }()
		for count(t, url, `select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%lock table%'`) == 0 {
			time.Sleep(10 * time.Millisecond)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-migrated; err != nil {
		t.Fatal(err)
	}
	for sql, want := range map[string]int{
		`select count(*) from modifications`:                           120,
		`select count(*) from modifications where modified_at > now()`: 3,
		`select count(*) from users r join modifications t on t.kind = 1 and t.org_id = r.org_id and t.id = r.id and t.modified_at = r.modified_at`:  100,
		`select count(*) from groups r join modifications t on t.kind = 2 and t.org_id = r.org_id and t.id = r.id and t.modified_at = r.modified_at`: 20,
	} {
		if n := count(t, url, sql); n != want {
			t.Errorf("%s: %d, want %d", sql, n, want)
		}
	}
}

// before are the migrations whose names come before one.
func before(t *testing.T, name string) fs.FS {
	t.Helper()
	files := fstest.MapFS{}
	names, err := fs.Glob(Files, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, earlier := range names {
		if earlier >= name {
			continue
		}
		text, err := fs.ReadFile(Files, earlier)
		if err != nil {
			t.Fatal(err)
		}
		files[earlier] = &fstest.MapFile{Data: text}
	}
	return files
}
