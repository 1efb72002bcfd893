package catalogue

import (
	"bytes"
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/postgres/authstore"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/postgres/writes"
	"github.com/purescim/purescim/internal/schema"
)

// selectSchemas has a row without a schema for an organisation that has none.
var selectSchemas = db.New(`
select o.schema_version, s.urn, s.resource, s.revision, s.definition, s.created_at, s.modified_at
from   orgs o
left   join schemas s on s.org_id = @org
where  o.org_id = @org
order  by s.created_at, s.urn`)

// Schemas implements directory.Schemas.
func (v Catalogue) Schemas(ctx context.Context) ([]directory.CustomSchema, int64, error) {
	all, version, err := v.schemas(ctx, v.DB)
	return all, version, pgerr.Wrap("list schemas", err)
}

func (v Catalogue) schemas(ctx context.Context, q pool.Querier) (all []directory.CustomSchema, version int64, err error) {
	err = selectSchemas.With(db.Org(v.Org)).ReadAll(ctx, q, func(raw [][]byte) {
		version = db.ReadInt(raw[0])
		if raw[1] != nil {
			all = append(all, directory.CustomSchema{
				URN: string(raw[1]), Resource: string(raw[2]), Revision: db.ReadInt(raw[3]),
				Definition: bytes.Clone(raw[4]), Created: db.ReadTime(raw[5]), Modified: db.ReadTime(raw[6]),
			})
		}
	})
	return all, version, err
}

// countSchemaChange lets one change of the organisation's schemas wait for another.
var countSchemaChange = db.New(`
update orgs o
set    schema_version = o.schema_version + 1
where  o.org_id = @org
returning o.schema_version`)

// lockSchema waits for transactions that store the first values of the schema.
var lockSchema = db.New(`select s.urn from schemas s where s.org_id = @org and s.urn = @urn for update of s`)

// A schema has no id but its URN.
var (
	insertSchema = writes.NewStatement(`
with changed as (
  insert into schemas (org_id, urn, resource, revision, definition, created_at, modified_at)
  values (@org, @urn, @resource, @revision, @definition, @at, @at)
  returning revision as version
)[outbox]
select changed.version
from   changed`)

	updateSchema = writes.NewStatement(`
with changed as (
  update schemas s
  set    revision = @revision, definition = @definition, modified_at = @at
  where  s.org_id = @org and s.urn = @urn
  returning s.revision as version
)[outbox]
select changed.version
from   changed`)

	deleteSchema = writes.NewStatement(`
with changed as (
  delete from schemas s
  where  s.org_id = @org and s.urn = @urn
  returning s.revision as version
)[outbox]
select changed.version
from   changed`)
)

// errNothing rolls a change back that changes nothing.
var errNothing = errors.New("nothing to change")

// changingSchemas runs a change in a transaction in which no other schema of the
// organisation changes.
func (v Catalogue) changingSchemas(ctx context.Context, doing string, change func(w *writes.Write, tx pgx.Tx, all []directory.CustomSchema, revision int64) error) error {
	return v.Write(ctx, doing, func(w *writes.Write) error {
		err := w.InTx(ctx, pool.Nothing, func(w *writes.Write, tx pgx.Tx) error {
			all, revision, err := v.lockSchemas(ctx, tx)
			if err != nil {
				return err
			}
			if err := change(w, tx, all, revision); err != nil {
				return err
			}
			_, err = authstore.LookAgain.With(db.Org(w.Org), db.Named("at", w.Clock.Stamp())).Exec(ctx, tx)
			return err
		})
		if errors.Is(err, errNothing) {
			return nil
		}
		return err
	})
}

// lockSchemas counts a change of the organisation's schemas, so that another waits for
// it, and reads them.
func (v Catalogue) lockSchemas(ctx context.Context, tx pgx.Tx) (all []directory.CustomSchema, revision int64, err error) {
	// Looking at each user may take longer than any request is given.
	if _, err := tx.Exec(ctx, `set local statement_timeout = 0`); err != nil {
		return nil, 0, err
	}
	err = countSchemaChange.With(db.Org(v.Org)).ReadOne(ctx, tx, func(raw [][]byte) { revision = db.ReadInt(raw[0]) })
	if err != nil {
		return nil, 0, err
	}
	all, _, err = v.schemas(ctx, tx)
	return all, revision, err
}

// CreateSchema implements directory.Schemas.
func (v Catalogue) CreateSchema(ctx context.Context, s directory.CustomSchema, allow func(all []directory.CustomSchema) error) (directory.CustomSchema, error) {
	err := v.changingSchemas(ctx, "create schema", func(w *writes.Write, _ pgx.Tx, all []directory.CustomSchema, revision int64) error {
		if err := allow(all); err != nil {
			return err
		}
		s.Revision, s.Created = revision, w.Clock.Now()
		s.Modified = s.Created
		return w.Store(ctx, insertSchema, writes.OfSchema(events.Created, s.URN, nil, s.Definition), func([][]byte) {}, schemaArguments(s)...)
	})
	return s, err
}

// UpdateSchema implements directory.Schemas.
func (v Catalogue) UpdateSchema(ctx context.Context, urn string, definition []byte, allow func(old directory.CustomSchema, carriers int) error) (s directory.CustomSchema, err error) {
	err = v.changingSchemas(ctx, "update schema", func(w *writes.Write, tx pgx.Tx, all []directory.CustomSchema, revision int64) error {
		old, carriers, err := v.holdSchema(ctx, tx, all, urn)
		if err != nil {
			return err
		}
		if err := allow(old, carriers); err != nil {
			return err
		}
		if s = old; bytes.Equal(definition, old.Definition) {
			return errNothing
		}
		s.Definition, s.Revision, s.Modified = definition, revision, w.Clock.Since(old.Modified)
		return w.Store(ctx, updateSchema, writes.OfSchema(events.Patched, urn, old.Definition, definition), func([][]byte) {}, schemaArguments(s)...)
	})
	return s, err
}

// DeleteSchema implements directory.Schemas.
func (v Catalogue) DeleteSchema(ctx context.Context, types schema.Types, urn string, allow func(old directory.CustomSchema, carriers int) error) error {
	return v.changingSchemas(ctx, "delete schema", func(w *writes.Write, tx pgx.Tx, all []directory.CustomSchema, _ int64) error {
		old, carriers, err := v.holdSchema(ctx, tx, all, urn)
		if err != nil {
			return err
		}
		if err := allow(old, carriers); err != nil {
			return err
		}
		if carriers > 0 {
			if err := v.dropValues(ctx, w, tx, typeNamed(types, old.Resource), urn); err != nil {
				return err
			}
		}
		return w.Store(ctx, deleteSchema, writes.OfSchema(events.Deleted, urn, old.Definition, nil), func([][]byte) {}, schemaArguments(old)...)
	})
}

// schemaArguments are those of the statements that write schemas.
func schemaArguments(s directory.CustomSchema) []db.Arg {
	return []db.Arg{
		db.Named("urn", s.URN), db.Named("resource", s.Resource), db.Named("revision", s.Revision),
		db.Named("definition", string(s.Definition)), db.Named("at", s.Modified),
	}
}

// holdSchema waits for transactions that store the first values of a schema, keeps others from
// starting, and counts the resources that have values.
func (v Catalogue) holdSchema(ctx context.Context, tx pgx.Tx, all []directory.CustomSchema, urn string) (s directory.CustomSchema, carriers int, err error) {
	for _, one := range all {
		if one.URN == urn {
			s = one
		}
	}
	err = lockSchema.With(db.Org(v.Org), db.Named("urn", urn)).ReadOne(ctx, tx, func([][]byte) {})
	if err != nil {
		return s, 0, err
	}
	count := countCarryingUsers
	if s.Resource == schema.Group.Name {
		count = countCarryingGroups
	}
	err = count.With(db.Org(v.Org), db.Named("urn", urn)).ReadOne(ctx, tx, func(raw [][]byte) { carriers = int(db.ReadInt(raw[0])) })
	return s, carriers, err
}

func typeNamed(types schema.Types, name string) *schema.Type {
	for _, t := range types {
		if t.Name == name {
			return t
		}
	}
	return nil
}
