package groups

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/postgres/counts"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/records"
	"github.com/purescim/purescim/internal/postgres/writes"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

const selectGroups = `
select g.id, g.version, g.created_at, g.modified_at, g.doc, g.member_count,
       g.display_name, g.description, g.type, g.visibility, g.rules_visible
from   groups g
where  g.org_id = @org`

var (
	selectGroup     = db.New(selectGroups + ` and g.id = @id`)
	lockWholeGroup  = db.New(selectGroups + ` and g.id = @id for no key update of g`)
	groupsByName    = db.New(selectGroups + chosenGroups + ` order by g.display_name_key limit @limit offset @offset`)
	groupsBackwards = db.New(selectGroups + chosenGroups + ` order by g.display_name_key desc limit @limit offset @offset`)
	countSomeGroups = db.New(`select count(*) from groups g where g.org_id = @org and g.id = any(@ids)`)
)

const chosenGroups = ` and (@ids::uuid[] is null or g.id = any(@ids))`

// Group implements directory.Platform.
func (v Groups) Group(ctx context.Context, id uuid.UUID) (g directory.GroupRecord, err error) {
	err = selectGroup.With(db.Org(v.Org), db.Named("id", db.ID(id))).ReadOne(ctx, v.DB, func(raw [][]byte) { g = readWholeGroup(raw) })
	return g, pgerr.Wrap("get group", err)
}

// ListGroups implements directory.Platform.
func (v Groups) ListGroups(ctx context.Context, s directory.Selection) (found []directory.GroupRecord, total int, err error) {
	page, count := groupsByName, countSomeGroups
	if s.Descending {
		page = groupsBackwards
	}
	if s.IDs == nil {
		count = counts.TotalGroups
	}
	b := new(pgx.Batch)
	chosen := []db.Arg{db.Org(v.Org), db.Named("ids", db.ChosenIDs(s.IDs)), db.Named("limit", s.Limit), db.Named("offset", s.Offset)}
	db.QueueTotal(b, &total, count.With(chosen...))
	page.With(chosen...).Queue(b).Query(func(rows pgx.Rows) error {
		left := db.NewRoom(directory.PlatformBytes)
		return db.ReadAll(rows, func(raw [][]byte) {
			if left.Takes(len(raw[4]) + len(raw[7])) {
				found = append(found, readWholeGroup(raw))
			}
		})
	})
	err = v.DB.SendBatch(ctx, b).Close()
	return found, total, pgerr.Wrap("list groups", err)
}

func readWholeGroup(raw [][]byte) directory.GroupRecord {
	return directory.GroupRecord{
		Record: records.ReadGroup(raw[:records.GroupWidth]),
		Name:   string(raw[6]),
		Group: directory.Group{
			Description:  string(raw[7]),
			Type:         string(raw[8]),
			Visibility:   string(raw[9]),
			RulesVisible: raw[10][0] != 0,
		},
	}
}

// ChangeGroup implements directory.Platform.
func (v Groups) ChangeGroup(ctx context.Context, t *schema.Type, id uuid.UUID, edit func(version scim.Version, g *directory.Group, doc scim.Document) error) (r directory.GroupRecord, err error) {
	err = v.Write(ctx, "change group", func(w *writes.Write) error {
		lock := func(b *pgx.Batch) {
			lockWholeGroup.With(db.Org(w.Org), db.Named("id", db.ID(id))).Queue(b).Query(db.One(func(raw [][]byte) { r = readWholeGroup(raw) }))
		}
		return w.InTx(ctx, lock, func(w *writes.Write, _ pgx.Tx) error {
			r, err = v.changeLockedGroup(ctx, w, t, r, edit)
			return err
		})
	})
	return r, err
}

func (v Groups) changeLockedGroup(ctx context.Context, w *writes.Write, t *schema.Type, old directory.GroupRecord, edit func(version scim.Version, g *directory.Group, doc scim.Document) error) (directory.GroupRecord, error) {
	before, err := t.Load(old.Doc)
	if err != nil {
		return old, err
	}
	r, doc := old, before.Clone()
	if err := edit(old.Version, &r.Group, doc); err != nil {
		return old, err
	}
	if r.Group == old.Group && doc.Equal(before) {
		return old, nil
	}
	r.Name, r.Version = schema.GroupName.Text(doc), old.Version+1
	args, err := groupUpdate(make([]db.Arg, 0, db.MaxArguments), w, t, &r.Record, before, doc)
	if err != nil {
		return old, err
	}
	args = append(args, besideGroup(r.Group)...)
	c := writes.OfGroup(events.Patched, t, directory.Resource{Record: old.Record, Document: before}, doc).Besides(writes.GroupChanges(old.Group, r.Group))
	return r, uniqueness(w.Store(ctx, updateWholeGroup, c, func([][]byte) {}, args...), doc)
}

// deleteGroup takes the memberships with it, by their foreign key.
var deleteGroup = writes.NewStatement(`
with changed as (
  delete from groups
  where  org_id = @org and id = @id
  returning id, version, modified_at
), forgotten as (
  delete from modifications t
  using  changed
  where  t.org_id = @org and t.kind = 2 and t.id = changed.id
  and    t.modified_at = any(array[(select g.modified_at from groups g where g.org_id = @org and g.id = @id), changed.modified_at])
), counted as (
  insert into count_changes (org_id, kind, id, n, resource_id)
  select @org, 3, @count_id::uuid, -1, changed.id
  from   changed
)[outbox]
select changed.version
from   changed`)

// DeleteGroup implements directory.Platform.
func (v Groups) DeleteGroup(ctx context.Context, id uuid.UUID, match scim.Condition) error {
	return v.Write(ctx, "delete group", func(w *writes.Write) error {
		var old directory.GroupRecord
		lock := func(b *pgx.Batch) {
			lockWholeGroup.With(db.Org(w.Org), db.Named("id", db.ID(id))).Queue(b).Query(db.One(func(raw [][]byte) { old = readWholeGroup(raw) }))
		}
		return w.InTx(ctx, lock, func(w *writes.Write, tx pgx.Tx) error {
			if err := match.CheckMatch(old.Version); err != nil {
				return err
			}
			return v.deleteGroup(ctx, w, tx, old)
		})
	})
}

// deleteGroup deletes a group that is locked. Its members stand in the log.
func (v Groups) deleteGroup(ctx context.Context, w *writes.Write, tx pgx.Tx, old directory.GroupRecord) error {
	members, err := memberIDs(ctx, w, tx, old.ID, 0)
	if err != nil {
		return err
	}
	c := writes.OfGroup(events.Deleted, schema.Group, directory.Resource{Record: old.Record}, nil).
		Losing(old.Record, members).Besides(writes.GroupChanges(old.Group, directory.PlainGroup))
	return w.Store(ctx, deleteGroup, c, func([][]byte) {}, db.Named("id", db.ID(old.ID)), db.Named("count_id", db.NewID()))
}
