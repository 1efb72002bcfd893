package postgres

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/searchtest"
	"github.com/purescim/purescim/internal/testdb"
)

// BenchmarkChangeMembers adds users one by one, with 16 writers: to many groups, where
// they do not meet, and to one.
func BenchmarkChangeMembers(b *testing.B) {
	for name, groups := range map[string]int{"many groups": 1000, "one group": 1} {
		b.Run(name, func(b *testing.B) {
			s, err := Open(b.Context(), testdb.New(b), Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			v := s.view(org.NewID())
			for _, fill := range []struct {
				sql  string
				args []any
			}{
				{makeUsers, []any{v.Org, b.N}},
				{makeGroups, []any{v.Org, groups, 0}},
				{"vacuum analyze users, groups, group_members", nil},
			} {
				if _, err := s.Own().Exec(b.Context(), fill.sql, fill.args...); err != nil {
					b.Fatal(err)
				}
			}
			var next atomic.Int64
			var all sync.WaitGroup
			b.ResetTimer()
			for range writers {
				all.Go(func() {
					for i := int(next.Add(1)) - 1; i < b.N; i = int(next.Add(1)) - 1 {
						m := directory.MemberChange{Add: []uuid.UUID{searchtest.Numbered(1, i)}}
						if _, err := v.ChangeMembers(b.Context(), searchtest.Numbered(2, i%groups), anyVersion, m); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			all.Wait()
		})
	}
}
