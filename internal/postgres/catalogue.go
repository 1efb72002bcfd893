package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

const insertEntry = `
insert into catalogue (org_id, kind, id, version, created_at, modified_at, name, name_key, description, detail)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`

// CreateEntry implements directory.View.
func (v view) CreateEntry(ctx context.Context, e directory.Entry) (directory.Entry, error) {
	_, err := v.pool.Exec(ctx, insertEntry, v.newEntry(e)...)
	if violates(err, uniqueViolation, "catalogue_name") {
		err = scim.Conflict("the organisation already has a %s with the name %q; names are compared without regard to case", e.Kind, e.Name).Because(err)
	}
	return e, wrap("create "+e.Kind.String(), err)
}

// queueEntry adds an entry in a transaction.
func (v view) queueEntry(b *pgx.Batch, e directory.Entry) {
	b.Queue(insertEntry, v.newEntry(e)...)
}

func (v view) newEntry(e directory.Entry) []any {
	return []any{
		v.org, int16(e.Kind), uid(e.ID), e.Version, e.Created, e.Modified,
		e.Name, schema.Fold(e.Name), e.Description, e.Detail,
	}
}
