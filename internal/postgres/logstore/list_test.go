package logstore

import (
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
	o := newTenant(t)
	o.exec(`
		insert into provisioning_log (org_id, id, client_id, actor, correlation_id, operation, target_type, target_id, target_name, result, status, detail)
		select $1, ($2 || lpad(to_hex(i), 12, '0'))::uuid, md5((i % 5)::text)::uuid, 'Entra', md5(i::text), 'update', 'User', md5((i % 500)::text)::uuid,
		       'ada', case when i % 50 = 0 then 'refused' else 'success' end, 0, '{}'
		from   generate_series(1, 20000) i`, o.org, o.Clock.NewID().String()[:24])
	o.exec(`analyze provisioning_log`)
	o.exec(`insert into oauth_clients (client_id, org_id, name, secret_hash, validity_seconds, state, created_at, modified_at) values (md5('1')::uuid, $1, 'Entra', '', 1, 'active', now(), now())`, o.org)
	refused := []provisioning.Result{provisioning.Held, provisioning.Refused}
	for _, c := range []struct {
		index string
		q     provisioning.Query
	}{
		{"client_id", provisioning.Query{Client: uuid.New()}},
		{"client_id", provisioning.Query{Client: uuid.New(), Words: []string{"ada"}}},
		{"client_id", provisioning.Query{Actor: "Entra"}},
		{"client_id", provisioning.Query{Actor: "Entra", After: uuid.UUID{15: 1}, Words: []string{"ada"}}},
		{"target_id", provisioning.Query{TargetID: uuid.New()}},
		{"target_id", provisioning.Query{TargetID: uuid.New(), Operations: []provisioning.Operation{provisioning.Delete}, Results: refused}},
		{"correlation_id", provisioning.Query{CorrelationID: "none"}},
		{"correlation_id", provisioning.Query{CorrelationID: "none", Type: provisioning.Role}},
		{"result", provisioning.Query{Results: refused}},
		{"result", provisioning.Query{Results: refused, Client: uuid.New(), Operations: []provisioning.Operation{provisioning.Create}}},
		{"target_type", provisioning.Query{Type: provisioning.Role}},
		{"target_type", provisioning.Query{Type: provisioning.Role, Operations: []provisioning.Operation{provisioning.Update}}},
		{"operation", provisioning.Query{Operations: []provisioning.Operation{provisioning.Erase, provisioning.Delete}}},
		{"operation", provisioning.Query{Operations: []provisioning.Operation{provisioning.Create}, Type: provisioning.Group, Client: uuid.New()}},
		{"pkey", provisioning.Query{Actor: "somebody"}},
		{"pkey", provisioning.Query{}},
		{"pkey", provisioning.Query{Words: []string{"ada"}}},
		{"pkey", provisioning.Query{Type: provisioning.Group, Operations: []provisioning.Operation{provisioning.Update}}},
	} {
		c.q.Limit = 50
		walks, err := walksOf(t.Context(), o.Of(org.ID(o.org)), o.org, c.q)
		o.must(err)
		read := regexp.MustCompile(`using \S*_` + c.index + `\S* on ` + partitionOf(o.Clock.Now()))
		sql, args := logPage(o.org, walks, stretch{Query: c.q})
		if plan := o.genericPlan(sql, args); len(read.FindAllString(plan, -1)) < len(walks) {
			t.Errorf("%s, %+v: the plan is\n%s", c.index, c.q, plan)
		}
		if slices.ContainsFunc(walks, walk.ends) {
			sql, args := logReach(o.org, walks, stretch{Query: c.q})
			if plan := o.genericPlan(sql, args); !read.MatchString(plan) {
				t.Errorf("%s, %+v: the plan of its end is\n%s", c.index, c.q, plan)
			}
		}
	}
	sql := groupsSince.String()
	plan := o.genericPlan(sql, groupsSince.Args(o.org, db.Named("id", db.NewID()), db.Named("after", db.ID(uuid.Nil))))
	if n := len(regexp.MustCompile(`using \S*_member_id\S* on `+partitionOf(o.Clock.Now())).FindAllString(plan, -1)); n != 2 {
		t.Errorf("the plan of memberships uses the index of members %d times, want it for those of one and of several:\n%s", n, plan)
	}
}

// tenant is an organisation of a database.
type tenant struct {
	*pool.Pool
	t   *testing.T
	org int64
}

// newTenant makes an organisation of a database of the test.
func newTenant(t *testing.T) *tenant {
	t.Helper()
	opened, err := pool.Open(t.Context(), testdb.New(t), pool.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(opened.Close)
	return &tenant{opened, t, int64(org.NewID())}
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
		switch arg := arg.(type) {
		case db.ID:
			text = uuid.UUID(arg).String()
		case db.IDs:
			ids := make([]string, len(arg))
			for i, id := range arg {
				ids[i] = id.String()
			}
			text = "{" + strings.Join(ids, ",") + "}"
		case []string:
			text = "{" + strings.Join(arg, ",") + "}"
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
