package postgres

import (
	"bytes"
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
)

// selectSchemas has a row without a schema for an organisation that has none.
const selectSchemas = `
select o.schema_version, s.urn, s.resource, s.revision, s.definition, s.created_at, s.modified_at
from   orgs o
left   join schemas s on s.org_id = $1
where  o.org_id = $1
order  by s.created_at, s.urn`

// Schemas implements directory.Schemas.
func (v view) Schemas(ctx context.Context) ([]directory.CustomSchema, int64, error) {
	all, version, err := v.schemas(ctx, v.db)
	return all, version, wrap("list schemas", err)
}

func (v view) schemas(ctx context.Context, q querier) (all []directory.CustomSchema, version int64, err error) {
	rows, err := q.Query(ctx, selectSchemas, v.org)
	if err != nil {
		return nil, 0, err
	}
	err = readAll(rows, func(raw [][]byte) {
		version = readInt(raw[0])
		if raw[1] != nil {
			all = append(all, directory.CustomSchema{
				URN: string(raw[1]), Resource: string(raw[2]), Revision: readInt(raw[3]),
				Definition: bytes.Clone(raw[4]), Created: readTime(raw[5]), Modified: readTime(raw[6]),
			})
		}
	})
	return all, version, err
}

// lockDeclared holds schemas that are as a writer knows them.
const lockDeclared = `
select s.urn
from   schemas s
join   unnest($2::text[], $3::bigint[]) as r (urn, revision) on r.urn = s.urn and r.revision = s.revision
where  s.org_id = $1
for    key share of s`

// queueSchemas holds custom schemas for who stores the first of their values, and
// tells which of them are declared as the writer knows them.
func (v view) queueSchemas(b *pgx.Batch, schemas []*schema.Schema, found func(urn string)) {
	urns, revisions := make([]string, len(schemas)), make([]int64, len(schemas))
	for i, s := range schemas {
		urns[i], revisions[i] = s.ID, s.Revision
	}
	b.Queue(lockDeclared, v.org, urns, revisions).Query(func(rows pgx.Rows) error {
		return readAll(rows, func(raw [][]byte) { found(string(raw[0])) })
	})
}

// countSchemaChange lets one change of the organisation's schemas wait for another.
const countSchemaChange = `
update orgs o
set    schema_version = o.schema_version + 1
where  o.org_id = $1
returning o.schema_version`

// lookAgain has all servers read the organisation again for the tokens that they
// remember, and so notice within a second that its schemas have changed.
const lookAgain = `
insert into revocations (recorded_at, id)
select $2, c.client_id
from   oauth_clients c
where  c.org_id = $1
on     conflict do nothing`

const (
	insertSchema = `
insert into schemas (org_id, urn, resource, revision, definition, created_at, modified_at)
values ($1, $2, $3, $4, $5, $6, $6)`

	// lockSchema waits for those who store the first values of the schema.
	lockSchema = `select s.urn from schemas s where s.org_id = $1 and s.urn = $2 for update of s`

	updateSchema = `
update schemas s
set    revision = $3, definition = $4, modified_at = $5
where  s.org_id = $1 and s.urn = $2`

	deleteSchema = `delete from schemas s where s.org_id = $1 and s.urn = $2`
)

// errNothing rolls a change back that changes nothing.
var errNothing = errors.New("nothing to change")

// changingSchemas runs a change in a transaction in which no other schema of the
// organisation changes.
func (v view) changingSchemas(ctx context.Context, change func(tx pgx.Tx, all []directory.CustomSchema, revision int64) error) error {
	err := v.inRetriedTx(ctx, func(tx pgx.Tx) error {
		// Looking at each user may take longer than any request is given.
		if _, err := tx.Exec(ctx, `set local statement_timeout = 0`); err != nil {
			return err
		}
		var revision int64
		rows, err := tx.Query(ctx, countSchemaChange, v.org)
		if err == nil {
			err = readOne(rows, func(raw [][]byte) { revision = readInt(raw[0]) })
		}
		if err != nil {
			return err
		}
		all, _, err := v.schemas(ctx, tx)
		if err != nil {
			return err
		}
		if err := change(tx, all, revision); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, lookAgain, v.org, v.clock.stamp())
		return err
	})
	if errors.Is(err, errNothing) {
		return nil
	}
	return err
}

// CreateSchema implements directory.Schemas.
func (v view) CreateSchema(ctx context.Context, s directory.CustomSchema, allow func(all []directory.CustomSchema) error) (directory.CustomSchema, error) {
	err := v.changingSchemas(ctx, func(tx pgx.Tx, all []directory.CustomSchema, revision int64) error {
		if err := allow(all); err != nil {
			return err
		}
		s.Revision, s.Created = revision, v.clock.now()
		s.Modified = s.Created
		_, err := tx.Exec(ctx, insertSchema, v.org, s.URN, s.Resource, s.Revision, string(s.Definition), s.Created)
		return err
	})
	return s, wrap("create schema", err)
}

// UpdateSchema implements directory.Schemas.
func (v view) UpdateSchema(ctx context.Context, urn string, definition []byte, allow func(old directory.CustomSchema, carriers int) error) (s directory.CustomSchema, err error) {
	err = v.changingSchemas(ctx, func(tx pgx.Tx, all []directory.CustomSchema, revision int64) error {
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
		s.Definition, s.Revision, s.Modified = definition, revision, v.clock.since(old.Modified)
		_, err = tx.Exec(ctx, updateSchema, v.org, urn, s.Revision, string(definition), s.Modified)
		return err
	})
	return s, wrap("update schema", err)
}

// DeleteSchema implements directory.Schemas.
func (v view) DeleteSchema(ctx context.Context, types schema.Types, urn string, allow func(old directory.CustomSchema, carriers int) error) error {
	v, err := v.recording(ctx)
	if err != nil {
		return err
	}
	err = v.changingSchemas(ctx, func(tx pgx.Tx, all []directory.CustomSchema, _ int64) error {
		old, carriers, err := v.holdSchema(ctx, tx, all, urn)
		if err != nil {
			return err
		}
		if err := allow(old, carriers); err != nil {
			return err
		}
		if carriers > 0 {
			if err := v.dropValues(ctx, tx, typeNamed(types, old.Resource), urn); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, deleteSchema, v.org, urn)
		return err
	})
	return wrap("delete schema", err)
}

// holdSchema waits for those who store the first values of a schema, lets nobody
// begin to, and counts the resources that hold some.
func (v view) holdSchema(ctx context.Context, tx pgx.Tx, all []directory.CustomSchema, urn string) (s directory.CustomSchema, carriers int, err error) {
	for _, one := range all {
		if one.URN == urn {
			s = one
		}
	}
	rows, err := tx.Query(ctx, lockSchema, v.org, urn)
	if err == nil {
		err = readOne(rows, func([][]byte) {})
	}
	if err != nil {
		return s, 0, err
	}
	sql := countCarryingUsers
	if s.Resource == schema.Group.Name {
		sql = countCarryingGroups
	}
	if rows, err = tx.Query(ctx, sql, v.org, urn); err == nil {
		err = readOne(rows, func(raw [][]byte) { carriers = int(readInt(raw[0])) })
	}
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
