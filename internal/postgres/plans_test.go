package postgres

import (
	"testing"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
)

// Pages with groups, and those far from the beginning, are planned once for a connection, and
// not for each page: that costs more than to read one.
func TestList_PagesArePlannedOnce(t *testing.T) {
	t.Parallel()
	o := newTenant(t).besideWith(1)
	o.group("Sales", o.users(4)...)
	const pages = 8
	for _, most := range []int{o.Most, 0} {
		o.Most = most
		for range pages {
			o.ForgetBookmarks()
			o.list(schema.User, directory.Query{Start: 2, Count: 2, Links: true})
		}
	}
	const statements = `from pg_prepared_statements where statement like '%from users r%'`
	expect(t, "statements planned anew", o.number(`select count(*) `+statements+` and custom_plans > 0`), 0)
	expect(t, "statements planned once", o.number(`select count(*) `+statements+` and generic_plans >= $1`, pages), 3)
	expect(t, "of later statements", o.number(`select count(*) from pg_settings where name = 'plan_cache_mode' and setting = 'auto'`), 1)
}
