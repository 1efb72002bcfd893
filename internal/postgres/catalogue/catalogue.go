// Package catalogue keeps what users refer to by name (roles, divisions, skills, languages) and
// the schemas of an organisation's own, and rewrites the users and groups that hold what is
// renamed or removed.
//
// How a user or group is stored is left to their packages.
package catalogue

import (
	"context"
	"errors"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/writes"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Catalogue keeps what an organisation's users refer to, and the schemas of its own.
type Catalogue struct{ writes.Hand }

// New gives the catalogue of the organisation of h.
func New(h writes.Hand) Catalogue { return Catalogue{h} }

var insertEntry = writes.NewStatement(`
with changed as (
  insert into catalogue (org_id, kind, id, version, created_at, modified_at, name, name_key, description, detail)
  select @org, @kind::smallint, @id::uuid, @version::bigint, @created::timestamptz, @modified::timestamptz,
         @name::text, @name_key::text, @description::text, @detail::jsonb
  where  (select count(*) from catalogue c where c.org_id = @org and c.kind = @kind) < @most
  returning id, version
)[outbox]
select changed.version
from   changed`)

// CreateEntry implements directory.Catalogue.
func (v Catalogue) CreateEntry(ctx context.Context, e directory.Entry) (directory.Entry, error) {
	err := v.Write(ctx, "create "+e.Kind.String(), func(w *writes.Write) error {
		err := w.Referring(ctx, directory.Edit{}, nil, func(w *writes.Write, _ directory.Edit) error {
			return w.Store(ctx, insertEntry, writes.OfEntry(events.Created, e), func([][]byte) {}, newEntry(e)...)
		})
		if errors.Is(err, directory.ErrNotFound) {
			err = directory.ErrFull
		}
		return entryUniqueness(err, e)
	})
	return e, err
}

// entryUniqueness turns the violation of a unique name into the error that the
// client is told.
func entryUniqueness(err error, e directory.Entry) error {
	if pgerr.Violates(err, pgerr.UniqueViolation, "catalogue_name") {
		return scim.Conflict("name: the organisation already has a %s with the name %q; names are compared without regard to case", e.Kind, e.Name).Because(err)
	}
	return err
}

func newEntry(e directory.Entry) []db.Arg {
	return []db.Arg{
		db.Named("kind", int16(e.Kind)), db.Named("id", db.ID(e.ID)), db.Named("version", e.Version), db.Named("created", e.Created),
		db.Named("modified", e.Modified), db.Named("name", e.Name), db.Named("name_key", schema.FoldName(e.Name)),
		db.Named("description", e.Description), db.Named("detail", e.Detail), db.Named("most", directory.MaxEntries),
	}
}

const (
	selectEntries = `
select c.id, c.version, c.created_at, c.modified_at, c.name, c.description, c.detail::text
from   catalogue c
where  c.org_id = @org and c.kind = @kind`
	selectNames = `
select c.id, c.version, c.created_at, c.modified_at, c.name, '', '{}'
from   catalogue c
where  c.org_id = @org and c.kind = @kind`
	chosenEntries = ` and starts_with(c.name_key, @prefix) and (@ids::uuid[] is null or c.id = any(@ids))`
)

var (
	selectEntry         = db.New(selectEntries + ` and c.id = @id`)
	selectEntriesByName = db.New(selectEntries + ` and c.name_key = any(@keys)`)

	listNames = db.New(selectNames + chosenEntries + ` order by c.name_key limit @limit offset @offset`)

	listEntries          = db.New(selectEntries + chosenEntries + ` order by c.name_key limit @limit offset @offset`)
	listEntriesBackwards = db.New(selectEntries + chosenEntries + ` order by c.name_key desc limit @limit offset @offset`)
	countEntries         = db.New(`select count(*) from catalogue c where c.org_id = @org and c.kind = @kind` + chosenEntries)
)

// Entry implements directory.Catalogue.
func (v Catalogue) Entry(ctx context.Context, kind directory.Kind, id uuid.UUID) (e directory.Entry, err error) {
	err = selectEntry.With(db.Org(v.Org), db.Named("kind", int16(kind)), db.Named("id", db.ID(id))).
		ReadOne(ctx, v.DB, func(raw [][]byte) { e = readEntry(kind, raw) })
	return e, pgerr.Wrap("get "+kind.String(), err)
}

// EntriesByName implements directory.Catalogue.
func (v Catalogue) EntriesByName(ctx context.Context, kind directory.Kind, names []string) (found []directory.Entry, err error) {
	err = selectEntriesByName.With(db.Org(v.Org), db.Named("kind", int16(kind)), db.Named("keys", schema.FoldNames(names))).
		ReadAll(ctx, v.DB, func(raw [][]byte) { found = append(found, readEntry(kind, raw)) })
	return found, pgerr.Wrap("find "+kind.String(), err)
}

// ListEntries implements directory.Catalogue.
func (v Catalogue) ListEntries(ctx context.Context, q directory.EntryQuery) (found []directory.Entry, total int, err error) {
	page := listEntries
	switch {
	case q.Names:
		page = listNames
	case q.Descending:
		page = listEntriesBackwards
	}
	left := db.NewRoom(directory.PlatformBytes)
	chosen := []db.Arg{
		db.Org(v.Org), db.Named("kind", int16(q.Kind)), db.Named("prefix", strings.TrimLeft(schema.FoldNamePart(q.Prefix), " ")),
		db.Named("ids", db.ChosenIDs(q.IDs)), db.Named("limit", q.Limit), db.Named("offset", q.Offset),
	}
	b := new(pgx.Batch)
	db.QueueTotal(b, &total, countEntries.With(chosen...))
	page.With(chosen...).Queue(b).Query(func(rows pgx.Rows) error {
		return db.ReadAll(rows, func(raw [][]byte) {
			if left.Takes(len(raw[5]) + len(raw[6])) {
				found = append(found, readEntry(q.Kind, raw))
			}
		})
	})
	err = v.DB.SendBatch(ctx, b).Close()
	return found, total, pgerr.Wrap("list entries", err)
}

func readEntry(kind directory.Kind, raw [][]byte) directory.Entry {
	return directory.Entry{
		ID:          db.ReadID(raw[0]),
		Kind:        kind,
		Version:     db.ReadInt(raw[1]),
		Created:     db.ReadTime(raw[2]),
		Modified:    db.ReadTime(raw[3]),
		Name:        string(raw[4]),
		Description: string(raw[5]),
		Detail:      append([]byte(nil), raw[6]...),
	}
}
