package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

const (
	selectGroups = `
select g.id, g.version, g.created_at, g.modified_at, g.doc, g.member_count,
       g.display_name, g.description, g.type, g.visibility, g.rules_visible
from   groups g
where  g.org_id = $1`
	selectGroup     = selectGroups + ` and g.id = $2`
	lockWholeGroup  = selectGroup + ` for no key update of g`
	chosenGroups    = ` and ($2::uuid[] is null or g.id = any($2))`
	groupsByName    = selectGroups + chosenGroups + ` order by g.display_name_key limit $3 offset $4`
	groupsBackwards = selectGroups + chosenGroups + ` order by g.display_name_key desc limit $3 offset $4`
	countSomeGroups = countGroups + ` and g.id = any($2)`
)

// Group implements directory.Roster.
func (v view) Group(ctx context.Context, id uuid.UUID) (g directory.GroupRecord, err error) {
	rows, err := v.db.Query(ctx, selectGroup, v.org, uid(id))
	if err == nil {
		err = readOne(rows, func(raw [][]byte) { g = readWholeGroup(raw) })
	}
	return g, wrap("get group", err)
}

// ListGroups implements directory.Roster.
func (v view) ListGroups(ctx context.Context, s directory.Selection) (found []directory.GroupRecord, total int, err error) {
	sql := groupsByName
	if s.Descending {
		sql = groupsBackwards
	}
	b := new(pgx.Batch)
	if s.IDs == nil {
		queueTotal(b, &total, totalGroups, v.org)
	} else {
		queueTotal(b, &total, countSomeGroups, v.org, uids(s.IDs))
	}
	b.Queue(sql, v.org, chosenIDs(s.IDs), s.Limit, s.Offset).Query(func(rows pgx.Rows) error {
		left := room{left: directory.PlatformBytes, limited: true}
		return readAll(rows, func(raw [][]byte) {
			if left.takes(len(raw[4]) + len(raw[7])) {
				found = append(found, readWholeGroup(raw))
			}
		})
	})
	err = v.db.SendBatch(ctx, b).Close()
	return found, total, wrap("list groups", err)
}

func readWholeGroup(raw [][]byte) directory.GroupRecord {
	return directory.GroupRecord{
		Record: readGroup(raw[:groupWidth]),
		Name:   string(raw[6]),
		Group: directory.Group{
			Description:  string(raw[7]),
			Type:         string(raw[8]),
			Visibility:   string(raw[9]),
			RulesVisible: raw[10][0] != 0,
		},
	}
}

const updateWholeGroup = `
with ` + moveGroup + `
update groups
set    version          = $3,
       modified_at      = $4,
       doc              = $5,
       folded           = $6,
       display_name     = $7,
       display_name_key = $8,
       external_id      = $9,
       description      = $11,
       type             = $12,
       visibility       = $13,
       rules_visible    = $14
where  org_id = $1 and id = $2`

// ChangeGroup implements directory.Roster.
func (v view) ChangeGroup(ctx context.Context, t *schema.Type, id uuid.UUID, edit func(version scim.Version, g *directory.Group, doc scim.Document) error) (r directory.GroupRecord, err error) {
	if v, err = v.recording(ctx); err != nil {
		return r, err
	}
	err = retry(ctx, func() error {
		lock := func(b *pgx.Batch) {
			b.Queue(lockWholeGroup, v.org, uid(id)).Query(func(rows pgx.Rows) error {
				return readOne(rows, func(raw [][]byte) { r = readWholeGroup(raw) })
			})
		}
		return v.inTx(ctx, lock, func(tx pgx.Tx) error {
			r, err = v.changeLockedGroup(ctx, tx, t, r, edit)
			return err
		})
	})
	return r, wrap("change group", err)
}

func (v view) changeLockedGroup(ctx context.Context, tx pgx.Tx, t *schema.Type, old directory.GroupRecord, edit func(version scim.Version, g *directory.Group, doc scim.Document) error) (directory.GroupRecord, error) {
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
	r.Name, r.Version, r.Modified, r.Doc = schema.GroupName.Text(doc), old.Version+1, v.clock.since(old.Modified), t.Encode(doc)
	found, err := newRow(t, doc)
	if err != nil {
		return old, err
	}
	args := append(make([]any, 0, 14), v.org, uid(r.ID), int64(r.Version), r.Modified, r.Doc, found.folded)
	args = append(append(args, found.columns...), old.Modified, r.Description, r.Type, r.Visibility, r.RulesVisible)
	v.told.group(t, directory.Resource{Record: old.Record, Document: before}, r.Version, doc, nil)
	_, err = tx.Exec(ctx, updateWholeGroup, args...)
	return r, explain(err, doc)
}

// deleteGroup takes the memberships with it, by their foreign key.
const deleteGroup = `
with gone as (
  delete from groups
  where  org_id = $1 and id = $2
  returning id, modified_at
), forgotten as (
  delete from modifications t
  using  gone
  where  t.org_id = $1 and t.kind = 2 and t.id = gone.id
  and    t.modified_at = any(array[` + timeOfGroup + `, gone.modified_at])
)
insert into count_changes (org_id, kind, id, n)
select $1, 3, $3::uuid, -1
from   gone`

// DeleteGroup implements directory.Roster.
func (v view) DeleteGroup(ctx context.Context, id uuid.UUID, match scim.Condition) error {
	v, err := v.recording(ctx)
	if err != nil {
		return err
	}
	err = retry(ctx, func() error {
		if v.told == nil && match.IsZero() {
			return v.deleteGroup(ctx, v.db, id)
		}
		var old directory.Record
		lock := func(b *pgx.Batch) { v.queueGroup(b, id, &old) }
		return v.inTx(ctx, lock, func(tx pgx.Tx) error {
			if err := match.CheckMatch(old.Version); err != nil {
				return err
			}
			v.told.deleted(old)
			return v.deleteGroup(ctx, tx, id)
		})
	})
	return wrap("delete group", err)
}

func (v view) deleteGroup(ctx context.Context, q querier, id uuid.UUID) error {
	tag, err := q.Exec(ctx, deleteGroup, v.org, uid(id), newID())
	if err == nil && tag.RowsAffected() == 0 {
		err = directory.ErrNotFound
	}
	return err
}
