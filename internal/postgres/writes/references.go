package writes

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/search"
	"github.com/purescim/purescim/internal/schema"
)

// lockReferenced finds what an edit refers to and keeps it from being deleted or
// renamed until the transaction ends.
var lockReferenced = db.New(`
with entries as (
  select c.kind, c.name_key, c.name
  from   catalogue c
  join   unnest(@kinds::smallint[], @keys::text[]) as r (kind, key) on r.kind = c.kind and r.key = c.name_key
  where  c.org_id = @org
  for    key share of c
), people as (
  select u.id
  from   users u
  where  u.org_id = @org and u.id = any(@people)
  for    key share of u
)
select kind, name_key, name, null::uuid from entries
union all
select 0::smallint, '', '', id from people`)

// reference is what a directory.Reference names, comparable.
type reference struct {
	search.Key
	user   uuid.UUID
	schema string // URN
}

func referenceOf(r directory.Reference) reference {
	switch {
	case r.Schema != nil:
		return reference{schema: r.Schema.ID}
	case r.Kind == 0:
		return reference{user: r.User}
	default:
		return reference{Key: search.Key{Kind: int16(r.Kind), Text: schema.FoldName(r.Name)}}
	}
}

// names are the references that were found, and how the catalogue writes those by name.
type names map[reference]string

// LockReferences is what referring does first, in a transaction that runs already.
func (h Hand) LockReferences(ctx context.Context, tx pgx.Tx, e directory.Edit) (directory.Edit, error) {
	found, err := h.findReferences(ctx, tx, e.References)
	if err != nil {
		return e, err
	}
	return found.spell(e)
}

// CheckReferences holds what is referred to, and tells what is missing.
func (h Hand) CheckReferences(ctx context.Context, tx pgx.Tx, references []directory.Reference) error {
	found, err := h.findReferences(ctx, tx, references)
	if err != nil {
		return err
	}
	return missing(references, found)
}

func (h Hand) findReferences(ctx context.Context, tx pgx.Tx, references []directory.Reference) (names, error) {
	if len(references) == 0 {
		return nil, nil
	}
	found := make(names, len(references))
	b := new(pgx.Batch)
	h.queueReferences(b, references, found)
	return found, tx.SendBatch(ctx, b).Close()
}

func (h Hand) queueReferences(b *pgx.Batch, references []directory.Reference, found names) {
	var names []search.Key
	var people db.IDs
	var schemas []*schema.Schema
	for _, r := range references {
		switch wanted := referenceOf(r); {
		case r.Schema != nil:
			schemas = append(schemas, r.Schema)
		case r.Kind == 0:
			people = append(people, wanted.user)
		default:
			names = append(names, wanted.Key)
		}
	}
	if len(schemas) > 0 {
		h.queueSchemas(b, schemas, func(urn string) { found[reference{schema: urn}] = "" })
	}
	if len(schemas) == len(references) {
		return
	}
	kinds, keys := search.ArraysOf(names)
	lockReferenced.With(db.Org(h.Org), db.Named("kinds", kinds), db.Named("keys", keys), db.Named("people", people)).Queue(b).Query(func(rows pgx.Rows) error {
		return db.ReadAll(rows, func(raw [][]byte) {
			if raw[3] != nil {
				found[reference{user: db.ReadID(raw[3])}] = ""
				return
			}
			found[reference{Key: search.Key{Kind: db.ReadShort(raw[0]), Text: string(raw[1])}}] = string(raw[2])
		})
	})
}

// spell gives an edit with its names as the catalogue writes them, so that whoever reads
// one finds it there.
func (found names) spell(e directory.Edit) (directory.Edit, error) {
	if err := missing(e.References, found); err != nil {
		return e, err
	}
	copied := false
	for _, r := range e.References {
		name := found[referenceOf(r)]
		if name == "" || name == r.Name {
			continue
		}
		if !copied {
			e.Doc, copied = e.Doc.Clone(), true
		}
		directory.Respell(r.Kind, e.Doc, r.Name, name)
	}
	return e, nil
}

func missing(references []directory.Reference, found names) error {
	lost := slices.DeleteFunc(slices.Clone(references), func(r directory.Reference) bool {
		_, ok := found[referenceOf(r)]
		return ok
	})
	if len(lost) == 0 {
		return nil
	}
	return &directory.MissingError{References: lost}
}

// lockDeclared holds schemas that are as a writer knows them.
var lockDeclared = db.New(`
select s.urn
from   schemas s
join   unnest(@urns::text[], @revisions::bigint[]) as r (urn, revision) on r.urn = s.urn and r.revision = s.revision
where  s.org_id = @org
for    key share of s`)

// queueSchemas holds custom schemas for who stores the first of their values, and
// tells which of them are declared as the writer knows them.
func (h Hand) queueSchemas(b *pgx.Batch, schemas []*schema.Schema, found func(urn string)) {
	urns, revisions := make([]string, len(schemas)), make([]int64, len(schemas))
	for i, s := range schemas {
		urns[i], revisions[i] = s.ID, s.Revision
	}
	lockDeclared.With(db.Org(h.Org), db.Named("urns", urns), db.Named("revisions", revisions)).Queue(b).Query(func(rows pgx.Rows) error {
		return db.ReadAll(rows, func(raw [][]byte) { found(string(raw[0])) })
	})
}
