package postgres

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
)

// lockReferenced finds what an edit refers to and keeps it from being deleted or
// renamed until the transaction ends.
const lockReferenced = `
with entries as (
  select c.kind, c.name_key
  from   catalogue c
  join   unnest($2::smallint[], $3::text[]) as r (kind, key) on r.kind = c.kind and r.key = c.name_key
  where  c.org_id = $1
  for    key share of c
), people as (
  select u.id
  from   users u
  where  u.org_id = $1 and u.id = any($4)
  for    key share of u
)
select kind, name_key, null::uuid from entries
union all
select 0::smallint, '', id from people`

// reference is what a directory.Reference names, comparable.
type reference struct {
	key
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
		return reference{key: key{int16(r.Kind), schema.Fold(r.Name)}}
	}
}

// referring runs a write: with references in a transaction that locks them
// first, else as it is. References that do not exist are a *directory.MissingError.
func (v view) referring(ctx context.Context, references []directory.Reference, write func(query queryFunc) error) error {
	if len(references) == 0 {
		return v.alone(ctx, write)
	}
	found := make(map[reference]bool, len(references))
	lock := func(b *pgx.Batch) { v.queueReferences(b, references, found) }
	return v.inTx(ctx, lock, func(tx pgx.Tx) error {
		if err := missing(references, found); err != nil {
			return err
		}
		return write(through(tx))
	})
}

// lockReferences is what referring does first, in a transaction that runs already.
func (v view) lockReferences(ctx context.Context, tx pgx.Tx, references []directory.Reference) error {
	if len(references) == 0 {
		return nil
	}
	found := make(map[reference]bool, len(references))
	b := new(pgx.Batch)
	v.queueReferences(b, references, found)
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return err
	}
	return missing(references, found)
}

func (v view) queueReferences(b *pgx.Batch, references []directory.Reference, found map[reference]bool) {
	var names []key
	var people uids
	var schemas []*schema.Schema
	for _, r := range references {
		switch wanted := referenceOf(r); {
		case r.Schema != nil:
			schemas = append(schemas, r.Schema)
		case r.Kind == 0:
			people = append(people, wanted.user)
		default:
			names = append(names, wanted.key)
		}
	}
	if len(schemas) > 0 {
		v.queueSchemas(b, schemas, func(urn string) { found[reference{schema: urn}] = true })
	}
	if len(schemas) == len(references) {
		return
	}
	args := append(appendKeys([]any{v.org}, names), people)
	b.Queue(lockReferenced, args...).Query(func(rows pgx.Rows) error {
		return readAll(rows, func(raw [][]byte) {
			if raw[2] != nil {
				found[reference{user: readID(raw[2])}] = true
				return
			}
			found[reference{key: key{readShort(raw[0]), string(raw[1])}}] = true
		})
	})
}

func missing(references []directory.Reference, found map[reference]bool) error {
	lost := slices.DeleteFunc(slices.Clone(references), func(r directory.Reference) bool {
		return found[referenceOf(r)]
	})
	if len(lost) == 0 {
		return nil
	}
	return &directory.MissingError{References: lost}
}
