package upkeep

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
)

// PostgreSQL plans by statistics that autovacuum gathers in the end; a table that is filled
// all at once has none until then, or those of when it was small.
const (
	// analyseTurn lets one server at a time look.
	analyseTurn = `select pg_try_advisory_xact_lock(7207103217)`

	// selectGrown finds tables of which nine rows of ten have come, or changed, since their
	// statistics were gathered.
	selectGrown = `
select s.schemaname::text, s.relname::text
from   pg_stat_user_tables s
where  s.n_live_tup >= 1000 and s.n_mod_since_analyze * 10 >= s.n_live_tup * 9
order  by s.relname`
)

// AnalyseGrown gathers the statistics of tables that have grown tenfold since that was done
// last.
func AnalyseGrown(ctx context.Context, p *pool.Pool) error {
	err := p.Own().InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		mine := false
		if err := tx.QueryRow(ctx, analyseTurn).Scan(&mine); err != nil || !mine {
			return err
		}
		rows, err := tx.Query(ctx, selectGrown)
		if err != nil {
			return err
		}
		grown, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (name pgx.Identifier, err error) {
			name = make(pgx.Identifier, 2)
			return name, row.Scan(&name[0], &name[1])
		})
		for _, table := range grown {
			if err == nil {
				_, err = tx.Exec(ctx, "analyze "+table.Sanitize())
			}
		}
		return err
	})
	return pgerr.Wrap("analyse tables that have grown", err)
}
