package logstore

import (
	"crypto/md5" //nolint:gosec // of what PostgreSQL makes ids of
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/testdb"
)

// Pages of a large log are read by the index that finds what is asked for, whatever the
// values are, and not by a walk through all of it.
func TestLogPage_IsReadByAnIndex(t *testing.T) {
	t.Parallel()
	opened, err := pool.Open(t.Context(), testdb.New(t), pool.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(opened.Close)
	o := tenant{opened, t, int64(org.NewID())}
	o.exec(`
		insert into provisioning_log (org_id, id, client_id, actor, correlation_id, operation, target_type, target_id, target_name, result, status, detail)
		select $1, ($2 || lpad(to_hex(i), 12, '0'))::uuid, md5((i % 5)::text)::uuid, 'Entra', md5(i::text), 'update', 'User', md5((i % 500)::text)::uuid,
		       'ada', case when i % 50 = 0 then 'refused' else 'success' end, 0, '{}'
		from   generate_series(1, 20000) i`, o.org, o.Clock.NewID().String()[:24])
	o.exec(`analyze provisioning_log`)
	for index, q := range map[string]provisioning.Query{
		"client_id":      {Client: uuid.New()},
		"target_id":      {TargetID: uuid.New()},
		"correlation_id": {CorrelationID: "none"},
		"result":         {Results: []provisioning.Result{provisioning.Held, provisioning.Refused}},
		"pkey":           {},
	} {
		q.Limit = 50
		sources, err := sourcesOf(t.Context(), o.Of(org.ID(o.org)), o.org, q)
		o.must(err)
		sql, args := logPage(o.org, sources, q)
		read := regexp.MustCompile(`using \S*_` + index + `\S* on ` + partitionOf(o.Clock.Now()))
		if plan := o.genericPlan(sql, args); !read.MatchString(plan) {
			t.Errorf("%s: the plan is\n%s", index, plan)
		}
	}
}

// Of what no index finds, a page looks at so many entries, and the next one goes on behind
// them: together they find what one that looks at all does.
func TestFloor_LeadsThroughTheWholeLog(t *testing.T) {
	t.Parallel()
	opened, err := pool.Open(t.Context(), testdb.New(t), pool.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(opened.Close)
	o := tenant{opened, t, int64(org.NewID())}
	o.exec(`
		insert into provisioning_log (org_id, id, client_id, actor, correlation_id, operation, target_type, target_name, result, status, detail)
		select $1, ($2 || lpad(to_hex(i), 12, '0'))::uuid, md5((i % 2)::text)::uuid, 'Entra', '', case when i % 40 = 0 then 'delete' else 'update' end, 'User',
		       'ada', case when i % 10 = 0 then 'refused' else 'success' end, 0, '{}'
		from   generate_series(1, 1000) i`, o.org, o.Clock.NewID().String()[:24])
	log := provisioning.New(New(opened, nil), nil)
	even := uuid.UUID(md5.Sum([]byte("0")))
	refused := []provisioning.Result{provisioning.Refused}
	for name, q := range map[string]provisioning.Query{
		"an operation":              {Operations: []provisioning.Operation{provisioning.Delete}},
		"a word":                    {Words: []string{"ADA"}},
		"nothing":                   {Words: []string{"none"}},
		"an operation of a client":  {Client: even, Operations: []provisioning.Operation{provisioning.Delete}},
		"refused, of a client":      {Client: even, Results: refused},
		"refused, of an operation":  {Operations: []provisioning.Operation{provisioning.Update}, Results: refused},
		"a client, which has index": {Client: even},
	} {
		var want, got []uuid.UUID
		for e, err := range log.All(t.Context(), org.ID(o.org), q) {
			o.must(err)
			want = append(want, e.ID)
		}
		q.Limit = 7
		for turns, stops := 0, 0; ; turns++ {
			entries, next, stopped, err := log.PageWithin(t.Context(), org.ID(o.org), q, 30)
			o.must(err)
			for _, e := range entries {
				got = append(got, e.ID)
			}
			if stopped {
				stops++
			}
			if q.Before = next; next == uuid.Nil {
				if name == "nothing" && stops < 1000/31 {
					t.Errorf("nothing is found in %d looks", stops)
				}
				break
			}
			if turns > 1000 {
				t.Fatalf("%s: there is no end", name)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %d entries in parts, %d at once", name, len(got), len(want))
		}
	}
}

// tenant is an organisation of a database.
type tenant struct {
	*pool.Pool
	t   *testing.T
	org int64
}

func (o *tenant) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *tenant) exec(sql string, args ...any) {
	o.t.Helper()
	_, err := o.Own().Exec(o.t.Context(), sql, args...)
	o.must(err)
}

// genericPlan is the plan of a statement for all values.
func (o *tenant) genericPlan(sql string, args []any) (plan string) {
	o.t.Helper()
	values := make([]string, len(args))
	for i, arg := range args {
		text := fmt.Sprint(arg)
		if id, ok := arg.(db.ID); ok {
			text = uuid.UUID(id).String()
		}
		values[i] = "'" + text + "'"
	}
	o.must(pgx.BeginFunc(o.t.Context(), o.Own(), func(tx pgx.Tx) error {
		for _, text := range []string{"set local plan_cache_mode = force_generic_plan", "prepare page as " + sql} {
			if _, err := tx.Exec(o.t.Context(), text, pgx.QueryExecModeSimpleProtocol); err != nil {
				return err
			}
		}
		rows, err := tx.Query(o.t.Context(), "explain execute page("+strings.Join(values, ", ")+")", pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			return err
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		plan = strings.Join(lines, "\n")
		_, _ = tx.Exec(o.t.Context(), "deallocate page", pgx.QueryExecModeSimpleProtocol)
		return err
	}))
	return plan
}
