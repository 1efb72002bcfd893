package pool

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/org"
)

// Tenant is what one organisation has of the database: its id, which is the first argument
// of each statement, and its share of the connections.
type Tenant struct {
	*Pool
	DB  Share
	Org int64
	// Elsewhere is told of an error of a standby, and gives the tenant of the primary if that
	// is to be asked; nil on the primary.
	Elsewhere func(ctx context.Context, err error) *Tenant
}

// Tenant gives what an organisation has. Whether it exists is not checked: one that does
// not has no data.
func (p *Pool) Tenant(o org.ID) Tenant { return Tenant{Pool: p, DB: p.Of(o), Org: int64(o)} }

// LookUp is that of the share.
func (t *Tenant) LookUp(ctx context.Context, read func(rows pgx.Rows) error, sql string, args ...any) error {
	return t.DB.LookUp(ctx, read, sql, args...)
}

// Instead gives the tenant that does again what has failed with err, or nil. Who reads on, be
// it chunk by chunk, stays with it: it is never older.
func (t *Tenant) Instead(ctx context.Context, err error) *Tenant {
	if err == nil || t.Elsewhere == nil {
		return nil
	}
	return t.Elsewhere(ctx, err)
}
