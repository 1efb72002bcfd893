package postgres

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
)

// A client that sends filters of ever other shapes does not fill PostgreSQL's memory: a
// connection keeps few of their statements.
func TestList_ManyShapesTakeLittleMemory(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	s, err := Open(t.Context(), o.Own().Config().ConnString(), Options{MaxConns: 1})
	o.must(err)
	t.Cleanup(s.Close)
	one := s.view(org.ID(o.Tenant.Org))
	tests := []string{`userName eq "a"`, `title co "b"`, `emails.value sw "c"`, `roles.value eq "d"`, `active eq true`, `displayName ge "e"`, `groups.display eq "f"`, `name.familyName pr`, `meta.created gt "2026-01-01T00:00:00Z"`}
	for shape := range 256 {
		var words []string
		for i, test := range tests {
			if shape>>i&1 == 1 {
				words = append(words, test)
			}
		}
		if len(words) == 0 {
			continue
		}
		for len(words) < 20 {
			words = append(words, words[0])
		}
		q := directory.Query{Start: 1, Count: 5, Filter: parsed(t, schema.User, strings.Join(words, [2]string{" or ", " and "}[shape%2]))}
		_, err := one.List(t.Context(), schema.User, q)
		o.must(err)
	}
	rows, err := s.Own().Query(t.Context(), `select count(*), (select sum(total_bytes) from pg_backend_memory_contexts)::bigint from pg_prepared_statements`)
	o.must(err)
	type held struct{ statements, bytes int64 }
	got, err := pgx.CollectExactlyOneRow(rows, func(r pgx.CollectableRow) (h held, err error) {
		return h, r.Scan(&h.statements, &h.bytes)
	})
	o.must(err)
	if got.statements > 128+1 || got.bytes > 20<<20 { // the one that asks is the last
		t.Errorf("%d statements, and %d MB in all", got.statements, got.bytes>>20)
	}
}
