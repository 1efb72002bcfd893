package metrics_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/metrics"
)

// There are as many names as there are kinds of statements and tables.
func TestStatements_AreNamedByKindAndTable(t *testing.T) {
	t.Parallel()
	s := metrics.NewStatements()
	ask := func(sql string) {
		s.TraceQueryEnd(s.TraceQueryStart(context.Background(), nil, pgx.TraceQueryStartData{SQL: sql}), nil, pgx.TraceQueryEndData{})
	}
	ask("select u.doc from users u where u.org_id = $1 and u.id = $2")
	ask("with found as (select u.id from users u where u.org_id = $1) select from found")
	ask("\nwith changed as (\n  update users u set doc = $2 returning u.id) delete from user_keys")
	ask("insert into counts as c (org_id) select $1 from gone on conflict (org_id) do update set n = 1")
	ask("delete from groups where org_id = $1")
	ask("begin")
	b := new(pgx.Batch)
	b.Queue("insert into users (org_id) values ($1)")
	b.Queue("select 1 from groups")
	s.TraceBatchEnd(s.TraceBatchStart(context.Background(), nil, pgx.TraceBatchStartData{Batch: b}), nil, pgx.TraceBatchEndData{})
	s.TraceQueryEnd(context.Background(), nil, pgx.TraceQueryEndData{}) // that began before anybody asked
	body := read(metrics.New(metrics.Sources{Statements: s}))
	for name, n := range map[string]string{"select users": "2", "update users": "1", "insert counts": "1", "delete groups": "1", "other": "1", "insert users": "1"} {
		if line := `purescim_database_statement_duration_seconds_count{statement="` + name + `"} ` + n; !strings.Contains(body, "\n"+line+"\n") {
			t.Errorf("no line %s in:\n%s", line, body)
		}
	}
}
