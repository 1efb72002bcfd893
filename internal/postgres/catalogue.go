package postgres

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

const insertEntry = `
insert into catalogue (org_id, kind, id, version, created_at, modified_at, name, name_key, description, detail)
select $1, $2::smallint, $3::uuid, $4::bigint, $5::timestamptz, $6::timestamptz, $7::text, $8::text, $9::text, $10::jsonb
where  (select count(*) from catalogue c where c.org_id = $1 and c.kind = $2) < $11`

// CreateEntry implements directory.Catalogue.
func (v view) CreateEntry(ctx context.Context, e directory.Entry) (directory.Entry, error) {
	tag, err := v.db.Exec(ctx, insertEntry, v.newEntry(e)...)
	if err == nil && tag.RowsAffected() == 0 {
		err = directory.ErrFull
	}
	return e, wrap("create "+e.Kind.String(), explainEntry(err, e))
}

// explainEntry turns the violation of a unique name into the error that the
// client is told.
func explainEntry(err error, e directory.Entry) error {
	if violates(err, uniqueViolation, "catalogue_name") {
		return scim.Conflict("name: the organisation already has a %s with the name %q; names are compared without regard to case", e.Kind, e.Name).Because(err)
	}
	return err
}

// queueEntry adds an entry in a transaction.
func (v view) queueEntry(b *pgx.Batch, e directory.Entry) {
	b.Queue(insertEntry, v.newEntry(e)...)
}

func (v view) newEntry(e directory.Entry) []any {
	return []any{
		v.org, int16(e.Kind), uid(e.ID), e.Version, e.Created, e.Modified,
		e.Name, schema.Fold(e.Name), e.Description, e.Detail, directory.MaxEntries,
	}
}

const (
	selectEntries = `
select c.id, c.version, c.created_at, c.modified_at, c.name, c.description, c.detail::text
from   catalogue c
where  c.org_id = $1 and c.kind = $2`
	selectEntry         = selectEntries + ` and c.id = $3`
	selectEntriesByName = selectEntries + ` and c.name_key = any($3)`

	selectNames = `
select c.id, c.version, c.created_at, c.modified_at, c.name, '', '{}'
from   catalogue c
where  c.org_id = $1 and c.kind = $2`
	listNames = selectNames + chosenEntries + ` order by c.name_key limit $5 offset $6`

	chosenEntries        = ` and starts_with(c.name_key, $3) and ($4::uuid[] is null or c.id = any($4))`
	listEntries          = selectEntries + chosenEntries + ` order by c.name_key limit $5 offset $6`
	listEntriesBackwards = selectEntries + chosenEntries + ` order by c.name_key desc limit $5 offset $6`
	countEntries         = `select count(*) from catalogue c where c.org_id = $1 and c.kind = $2` + chosenEntries
)

// Entry implements directory.Catalogue.
func (v view) Entry(ctx context.Context, kind directory.Kind, id uuid.UUID) (e directory.Entry, err error) {
	rows, err := v.db.Query(ctx, selectEntry, v.org, int16(kind), uid(id))
	if err == nil {
		err = readOne(rows, func(raw [][]byte) { e = readEntry(kind, raw) })
	}
	return e, wrap("get "+kind.String(), err)
}

// EntriesByName implements directory.Catalogue.
func (v view) EntriesByName(ctx context.Context, kind directory.Kind, names []string) (found []directory.Entry, err error) {
	rows, err := v.db.Query(ctx, selectEntriesByName, v.org, int16(kind), foldAll(names))
	if err == nil {
		err = readAll(rows, func(raw [][]byte) { found = append(found, readEntry(kind, raw)) })
	}
	return found, wrap("find "+kind.String(), err)
}

// ListEntries implements directory.Catalogue.
func (v view) ListEntries(ctx context.Context, q directory.EntryQuery) (found []directory.Entry, total int, err error) {
	sql := listEntries
	switch {
	case q.Names:
		sql = listNames
	case q.Descending:
		sql = listEntriesBackwards
	}
	left := room{left: directory.PlatformBytes, limited: true}
	chosen := []any{v.org, int16(q.Kind), schema.Fold(q.Prefix), chosenIDs(q.IDs)}
	b := new(pgx.Batch)
	queueTotal(b, &total, countEntries, chosen...)
	b.Queue(sql, append(slices.Clone(chosen), q.Limit, q.Offset)...).Query(func(rows pgx.Rows) error {
		return readAll(rows, func(raw [][]byte) {
			if left.takes(len(raw[5]) + len(raw[6])) {
				found = append(found, readEntry(q.Kind, raw))
			}
		})
	})
	err = v.db.SendBatch(ctx, b).Close()
	return found, total, wrap("list entries", err)
}

func readEntry(kind directory.Kind, raw [][]byte) directory.Entry {
	return directory.Entry{
		ID:          readID(raw[0]),
		Kind:        kind,
		Version:     readInt(raw[1]),
		Created:     readTime(raw[2]),
		Modified:    readTime(raw[3]),
		Name:        string(raw[4]),
		Description: string(raw[5]),
		Detail:      append([]byte(nil), raw[6]...),
	}
}

func foldAll(names []string) []string {
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = schema.Fold(name)
	}
	return keys
}

// chosenIDs is the argument for the ids of a selection: null chooses all.
func chosenIDs(ids []uuid.UUID) any {
	if ids == nil {
		return nil
	}
	return uids(ids)
}

// queueTotal reads a number.
func queueTotal(b *pgx.Batch, total *int, sql string, args ...any) {
	b.Queue(sql, args...).Query(func(rows pgx.Rows) error {
		return readOne(rows, func(raw [][]byte) { *total = int(readInt(raw[0])) })
	})
}
