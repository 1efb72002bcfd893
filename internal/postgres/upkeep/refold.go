package upkeep

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/postgres/search"
	"github.com/purescim/purescim/internal/postgres/users"
	"github.com/purescim/purescim/internal/schema"
)

var raiseFoldVersion = db.New(`
update orgs
set    fold_version = @fold
where  org_id = @org and fold_version < @fold`)

// foldedAtOnce is how many documents are in memory.
const foldedAtOnce = 500

// FoldAgain folds again what is stored folded of an organisation, as directory.Store has it.
//
// A row is written where it differs, if its version is still the one that was read. One
// that changes meanwhile is left to whoever changes it, or to the next time.
func FoldAgain(ctx context.Context, p *pool.Pool, o org.Org, types schema.Types, report func(collision string)) error {
	t := p.Tenant(o.ID)
	f := folding{v: &t, report: report}
	for _, t := range types {
		if err := f.resources(ctx, t); err != nil {
			return pgerr.Wrap("fold again", err)
		}
	}
	for _, fold := range []func(context.Context) error{f.staleKeys, f.deletedUsers, f.catalogue, func(ctx context.Context) error { return f.orgName(ctx, o.Name) }} {
		if err := fold(ctx); err != nil {
			return pgerr.Wrap("fold again", err)
		}
	}
	if f.again {
		return nil
	}
	_, err := raiseFoldVersion.With(db.Org(o.ID), db.Named("fold", schema.FoldVersion)).Exec(ctx, p.Own())
	return pgerr.Wrap("fold again", err)
}

// folding folds one organisation again.
type folding struct {
	v      *pool.Tenant
	report func(collision string)
	again  bool // rows were left out
}

// Resources with what is stored folded beside their documents. Of the keys nothing is
// read: they are in the folded copy too.
var (
	foldedUsers = db.New(`
select u.id, u.version, u.doc, u.folded::text, [columns]
from   users u
where  u.org_id = @org and u.id > @after
order  by u.id
limit  @most`, search.Users.ReadAs("u"))

	foldedGroups = db.New(`
select g.id, g.version, g.doc, g.folded::text, [columns]
from   groups g
where  g.org_id = @org and g.id > @after
order  by g.id
limit  @most`, search.Groups.ReadAs("g"))
)

// A version that is no more the one that was read changes nothing.
var (
	refoldUser = db.New(`
with changed as (
  update users u
  set    folded = @folded,
         [columns]
  where  u.org_id = @org and u.id = @id and u.version = @version
  returning u.id
), `+users.ReplacedKeys+`
select count(*) from changed`, search.Users.Assigned())

	refoldGroup = db.New(`
with changed as (
  update groups
  set    folded = @folded,
         [columns]
  where  org_id = @org and id = @id and version = @version
  returning id
)
select count(*) from changed`, search.Groups.Assigned())
)

// foldedResource is a row as it is stored.
type foldedResource struct {
	id      uuid.UUID
	version int64
	doc     []byte
	folded  []byte
	columns []any // of the table; nil is null
}

func (f *folding) resources(ctx context.Context, t *schema.Type) error {
	sql := foldedGroups
	if search.TableOf(t) == search.Users {
		sql = foldedUsers
	}
	after := uuid.Nil
	for {
		page, err := f.read(ctx, sql, after)
		if err != nil {
			return err
		}
		for _, r := range page {
			if err := f.resource(ctx, t, r); err != nil {
				return err
			}
		}
		if len(page) < foldedAtOnce {
			return nil
		}
		after = page[len(page)-1].id
	}
}

func (f *folding) read(ctx context.Context, sql db.Statement, after uuid.UUID) ([]foldedResource, error) {
	next := sql.With(db.Org(f.v.Org), db.Named("after", db.ID(after)), db.Named("most", foldedAtOnce))
	return db.Collect(ctx, f.v.Own(), next, func(row pgx.CollectableRow) (r foldedResource, err error) {
		r.columns = make([]any, len(row.FieldDescriptions())-4)
		targets := []any{&r.id, &r.version, &r.doc, &r.folded}
		for i := range r.columns {
			targets = append(targets, &r.columns[i])
		}
		return r, row.Scan(targets...)
	})
}

// resource folds one resource again, if it differs.
func (f *folding) resource(ctx context.Context, t *schema.Type, stored foldedResource) error {
	doc, err := t.Load(stored.doc)
	if err != nil {
		f.again = true
		return nil //nolint:nilerr // it is of a schema that was declared a moment ago
	}
	found := search.RowOf(t, doc)
	if slices.Equal(found.Columns, stored.columns) && len(search.DiffFolded(stored.folded, found.Folded)) == 0 {
		return nil
	}
	sql := refoldGroup
	args := []db.Arg{db.Named("id", db.ID(stored.id)), db.Named("version", stored.version), db.Named("folded", found.Folded)}
	if search.TableOf(t) == search.Users {
		sql = refoldUser
		gone, added := search.ChangedKeys(keysIn(stored.folded), found.Keys)
		goneKinds, goneKeys := search.ArraysOf(gone)
		kinds, keys := search.ArraysOf(added)
		args = append(args, db.Named("gone_kinds", goneKinds), db.Named("gone_keys", goneKeys), db.Named("kinds", kinds), db.Named("keys", keys))
	}
	store := func(found search.Row) error {
		return f.store(ctx, sql, search.TableOf(t).Arguments(args, found.Columns))
	}
	err = store(found)
	if pgerr.Violates(err, pgerr.UniqueViolation, "users_name") || pgerr.Violates(err, pgerr.UniqueViolation, "groups_name") {
		// Somebody has to choose.
		f.report(fmt.Sprintf("%s %s: its name is by now that of another; rename one of them", t.Name, stored.id))
		found.Columns = found.WithoutName(t, doc)
		err = store(found)
	}
	return err
}

// store writes a row, unless it has changed since it was read.
func (f *folding) store(ctx context.Context, s db.Statement, args []db.Arg) error {
	changed := int64(0)
	err := pgerr.Retry(ctx, func() error {
		return s.With(append(args, db.Org(f.v.Org))...).ReadOne(ctx, f.v.Own(), func(raw [][]byte) { changed = db.ReadInt(raw[0]) })
	})
	f.again = f.again || err == nil && changed == 0
	return err
}

// keysIn are the keys that go with a folded copy.
func keysIn(folded []byte) []search.Key {
	doc, err := schema.User.Read(folded)
	if err != nil {
		return nil
	}
	return search.Users.KeysWith(doc, func(_ *schema.Attribute, text string) string { return text })
}

var (
	foldedKeys = db.New(`
select distinct k.kind, k.key
from   user_keys k
where  k.org_id = @org`)

	dropKeys = db.New(`
delete from user_keys k
using  unnest(@kinds::smallint[], @keys::text[]) as old (kind, key)
where  k.org_id = @org and k.kind = old.kind and k.key = old.key`)
)

// staleKeys drops keys that no filter finds any more: those of users who were changed
// between the beginning of this release and their turn here.
func (f *folding) staleKeys(ctx context.Context) error {
	var stale []search.Key
	err := foldedKeys.With(db.Org(f.v.Org)).ReadAll(ctx, f.v.Own(), func(raw [][]byte) {
		if k := (search.Key{Kind: db.ReadShort(raw[0]), Text: string(raw[1])}); search.Users.IsStale(k) {
			stale = append(stale, k)
		}
	})
	if err == nil && len(stale) > 0 {
		kinds, keys := search.ArraysOf(stale)
		_, err = dropKeys.With(db.Org(f.v.Org), db.Named("kinds", kinds), db.Named("keys", keys)).Exec(ctx, f.v.Own())
	}
	return err
}

var (
	foldedDeleted = db.New(`
select d.user_name_key, d.id, d.doc
from   deleted_users d
where  d.org_id = @org and (d.user_name_key, d.id) > (@after_key, @after)
order  by d.user_name_key, d.id
limit  @limit`)

	refoldDeleted = db.New(`
update deleted_users
set    user_name_key = @key
where  org_id = @org and user_name_key = @old_key and id = @id`)
)

// deletedUsers folds the names by which deleted users come back.
func (f *folding) deletedUsers(ctx context.Context) error {
	type deleted struct {
		name string
		id   uuid.UUID
		doc  []byte
	}
	last := deleted{}
	for {
		var page []deleted
		err := foldedDeleted.With(
			db.Org(f.v.Org), db.Named("after_key", last.name), db.Named("after", db.ID(last.id)), db.Named("limit", foldedAtOnce),
		).ReadAll(ctx, f.v.Own(), func(raw [][]byte) {
			page = append(page, deleted{string(raw[0]), db.ReadID(raw[1]), bytes.Clone(raw[2])})
		})
		if err != nil {
			return err
		}
		for _, d := range page {
			doc, err := schema.User.Read(d.doc)
			if err != nil {
				return err
			}
			name := schema.UserName.Fold(schema.UserName.Text(doc))
			if name == d.name || name == "" {
				continue
			}
			if _, err := refoldDeleted.With(
				db.Org(f.v.Org), db.Named("old_key", d.name), db.Named("id", db.ID(d.id)), db.Named("key", name),
			).Exec(ctx, f.v.Own()); err != nil {
				return err
			}
		}
		if len(page) < foldedAtOnce {
			return nil
		}
		last = page[len(page)-1]
	}
}

var (
	foldedEntries = db.New(`
select c.kind, c.id, c.name, c.name_key
from   catalogue c
where  c.org_id = @org`)

	refoldEntry = db.New(`
update catalogue
set    name_key = @key
where  org_id = @org and kind = @kind and id = @id and name = @name`)

	refoldOrg = db.New(`
update orgs
set    name_key = @key
where  org_id = @org and name_key <> @key`)
)

func (f *folding) catalogue(ctx context.Context) error {
	var stale []directory.Entry
	err := foldedEntries.With(db.Org(f.v.Org)).ReadAll(ctx, f.v.Own(), func(raw [][]byte) {
		e := directory.Entry{Kind: directory.Kind(db.ReadShort(raw[0])), ID: db.ReadID(raw[1]), Name: string(raw[2])}
		if schema.FoldName(e.Name) != string(raw[3]) {
			stale = append(stale, e)
		}
	})
	for _, e := range stale {
		if err != nil {
			break
		}
		_, err = refoldEntry.With(
			db.Org(f.v.Org), db.Named("kind", int16(e.Kind)), db.Named("id", db.ID(e.ID)), db.Named("key", schema.FoldName(e.Name)), db.Named("name", e.Name),
		).Exec(ctx, f.v.Own())
		if pgerr.Violates(err, pgerr.UniqueViolation, "catalogue_name") {
			f.report(fmt.Sprintf("the %s %q (%s) has by now the name of another; rename one of them", e.Kind, e.Name, e.ID))
			err = nil
		}
	}
	return err
}

func (f *folding) orgName(ctx context.Context, name string) error {
	_, err := refoldOrg.With(db.Org(f.v.Org), db.Named("key", schema.FoldName(name))).Exec(ctx, f.v.Own())
	if pgerr.Violates(err, pgerr.UniqueViolation, "orgs_name") {
		f.report(fmt.Sprintf("the organisation %q has by now the name of another", name))
		return nil
	}
	return err
}
