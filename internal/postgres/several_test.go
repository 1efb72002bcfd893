package postgres

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// severalStatements counts those that a connection has prepared.
const severalStatements = `select count(*) from pg_prepared_statements where statement like '%with ordinality as e%' and statement not like '%pg_prepared%'`

// together has all users be changed at once, by a server that has one connection: those that
// wait for it are written together.
func (o *tenant) together(server *tenant, users []directory.Record, change func(n int, doc scim.Document)) []error {
	o.t.Helper()
	lock, err := server.Own().Acquire(o.t.Context())
	o.must(err)
	errs := make([]error, len(users))
	var all sync.WaitGroup
	for n, u := range users {
		all.Go(func() {
			_, errs[n] = server.UpdateUser(o.t.Context(), schema.User, u.ID, directory.Change{Links: n%2 == 0, Edit: func(old directory.Resource) (directory.Edit, error) {
				doc := old.Document.Clone()
				change(n, doc)
				return directory.Edit{Doc: doc}, nil
			}})
		})
	}
	lock.Release()
	all.Wait()
	return errs
}

// Users who are changed at once are changed by few statements, each of them as if alone: with
// an entry of the log, a row of modifications and an answer of its own.
func TestUpdateUser_SeveralAtOnce(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	server := tenantOf(o.besideWith(1).Store, org.ID(o.Tenant.Org), t)
	const n, rounds = 24, 12
	users := make([]directory.Record, n)
	for i := range users {
		users[i] = o.user(fmt.Sprint("user ", i))
	}
	o.group("Sales", users[0].ID, users[1].ID)
	for round := range rounds {
		for i, err := range o.together(server, users, func(i int, doc scim.Document) { schema.Title.Set(doc, fmt.Sprint("title ", round, " ", i)) }) {
			if err != nil {
				t.Fatalf("user %d: %v", i, err)
			}
		}
	}
	for i, u := range users {
		r := o.get(schema.User, u.ID, true)
		expect(t, "version", r.Version, u.Version+rounds)
		expect(t, "title", schema.Title.Text(loaded(t, r.Doc)), fmt.Sprint("title ", rounds-1, " ", i))
		expect(t, "entries", o.number(`select count(*) from provisioning_log where org_id = $1 and target_id = $2 and operation = 'update'`, o.Tenant.Org, db.ID(u.ID)), rounds)
	}
	expect(t, "statements for several", server.number(severalStatements+` and statement like '%update users%'`), 2)
	expect(t, "statements planned anew", server.number(severalStatements+` and custom_plans > 0`), 0)
	o.consistent()
}

// Of users who are changed at once one cannot be stored, and one is gone: the others are.
func TestUpdateUser_SeveralOfWhichOneIsRefused(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	server := tenantOf(o.besideWith(1).Store, org.ID(o.Tenant.Org), t)
	users := make([]directory.Record, 12)
	for i := range users {
		users[i] = o.user(fmt.Sprint("user ", i))
	}
	o.user("taken")
	users[7].ID = uuid.New()
	for i, err := range o.together(server, users, func(i int, doc scim.Document) {
		schema.DisplayName.Set(doc, fmt.Sprint("name ", i))
		if i == 3 {
			schema.UserName.Set(doc, "taken")
		}
	}) {
		switch i {
		case 3:
			expectRefusal(t, err, 409, scim.TypeUniqueness)
		case 7:
			expectNotFound(t, "user", err)
		default:
			o.must(err)
			expect(t, "name", schema.DisplayName.Text(loaded(t, o.get(schema.User, users[i].ID, false).Doc)), fmt.Sprint("name ", i))
		}
	}
	o.consistent()
}

// Users who are created at once are stored by few statements, each with the keys, counts and
// entry of its own; of those who want one name one gets it.
func TestCreateUser_SeveralAtOnce(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	server := tenantOf(o.besideWith(1).Store, org.ID(o.Tenant.Org), t)
	const n, rounds = 24, 12
	for round := range rounds {
		lock, err := server.Own().Acquire(t.Context())
		o.must(err)
		errs := make([]error, n)
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() {
				doc := userDoc(fmt.Sprint("user ", round, " ", max(i, 1))) // two of one name
				emails := make([]any, i%4)
				for e := range emails {
					emails[e] = map[string]any{"value": fmt.Sprint("e", e, "@", i, ".example"), "type": "work"}
				}
				if len(emails) > 0 {
					schema.Emails.Set(doc, emails)
				}
				schema.Active.Set(doc, i%3 > 0)
				_, errs[i] = server.CreateUser(t.Context(), schema.User, directory.Edit{Doc: doc})
			})
		}
		lock.Release()
		all.Wait()
		for i, err := range errs[2:] {
			if err != nil {
				t.Fatalf("user %d: %v", i+2, err)
			}
		}
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("of two of one name: %v, %v", errs[0], errs[1])
		}
	}
	expect(t, "entries", o.number(`select count(*) from provisioning_log where org_id = $1 and operation = 'create'`, o.Tenant.Org), rounds*(n-1))
	expect(t, "statements for several", server.number(severalStatements+` and statement like '%insert into users%'`), 1)
	expect(t, "statements planned anew", server.number(severalStatements+` and custom_plans > 0`), 0)
	o.consistent()
}

// Statements for several find each row by its key, and keep no plan that reads all that an
// organisation has: users before the first ANALYZE, too. Of modifications servers have one made
// when they are a thousand (upkeep.AnalyseGrown).
func TestSeveral_FindByKey(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	o.exec(makeUsers, o.Tenant.Org, 2000)
	o.exec(`insert into modifications (org_id, kind, modified_at, id) select org_id, 1, modified_at, id from users where org_id = $1`, o.Tenant.Org)
	o.exec(`analyze modifications`)
	conn, err := o.Own().Acquire(t.Context())
	o.must(err)
	defer conn.Release()
	_, err = conn.Exec(t.Context(), `set plan_cache_mode = force_generic_plan`)
	o.must(err)
	explained := 0
	for _, made := range db.All() {
		if !strings.Contains(made.String(), "with ordinality as e") || !strings.Contains(made.String(), "update users") {
			continue
		}
		explained++
		statement, err := conn.Conn().Prepare(t.Context(), fmt.Sprint("several ", explained), made.String())
		o.must(err)
		nulls := strings.TrimSuffix(strings.Repeat("null, ", len(statement.ParamOIDs)), ", ")
		rows, err := conn.Query(t.Context(), fmt.Sprintf(`explain execute %q(%s)`, statement.Name, nulls), pgx.QueryExecModeSimpleProtocol)
		o.must(err)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		o.must(err)
		plan := strings.Join(lines, "\n")
		for _, by := range []string{"Index Cond: ((org_id = $1) AND (id = ", "Index Cond: ((org_id = $1) AND (kind = 1) AND (modified_at = "} {
			if !strings.Contains(plan, by) {
				t.Errorf("%s:%d has no %s\n%s", made.File, made.Line, by, plan)
			}
		}
	}
	expect(t, "statements for several", explained, 4)
	_, err = conn.Exec(t.Context(), `reset plan_cache_mode`)
	o.must(err)
}
