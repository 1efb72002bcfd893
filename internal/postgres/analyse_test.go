package postgres

import "testing"

// A table that has grown tenfold has statistics again, and one that has not is left alone.
func TestAnalyseGrown(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	for _, table := range []string{"users", "groups", "group_members"} {
		o.exec(`alter table ` + table + ` set (autovacuum_enabled = off)`)
	}
	fill := func(users, groups int) {
		t.Helper()
		c, err := o.Own().Acquire(t.Context())
		o.must(err)
		defer c.Release()
		for sql, args := range map[string][]any{makeUsers: {o.Tenant.Org, users}, makeGroups: {o.Tenant.Org, groups, 0}} {
			_, err = c.Exec(t.Context(), sql, args...)
			o.must(err)
		}
		_, err = c.Exec(t.Context(), `select pg_stat_force_next_flush()`)
		o.must(err)
	}
	analysed := func(table string) int {
		o.must(o.analyseGrown(t.Context()))
		return o.number(`select least(count(*), 1) from pg_statistic where starelid = $1::text::regclass`, table)
	}
	fill(2000, 50)
	expect(t, "users, of which all are new", analysed("users"), 1)
	expect(t, "groups, which are few", analysed("groups"), 0)
	many := func() int { return o.number(`select reltuples::bigint from pg_class where relname = 'users'`) }
	expect(t, "users that are known", many(), 2000)
	o.Tenant.Org++
	fill(3000, 0)
	o.must(o.analyseGrown(t.Context()))
	expect(t, "users that are known though there are more", many(), 2000)
	o.Tenant.Org++
	fill(60_000, 0)
	o.must(o.analyseGrown(t.Context()))
	if n := many(); n < 50_000 {
		t.Errorf("%d users are known", n)
	}
}
