package lists

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/records"
)

const selectMembers = `
select u.id, u.version, u.created_at, u.modified_at, u.doc
from   group_members m
join   users u on u.org_id = $1 and u.id = m.user_id
where  m.org_id = $1 and m.group_id = $2
order  by m.user_id
limit  $3
offset $4`

const selectMemberCount = `
select g.member_count
from   groups g
where  g.org_id = $1 and g.id = $2`

// ListMembers implements directory.Roster.
func (v Lists) ListMembers(ctx context.Context, group uuid.UUID, s directory.Selection) (directory.Page, error) {
	p, err := v.readPage(ctx, selectMemberCount, selectMembers, []any{v.Org, db.ID(group)}, s)
	return p, pgerr.Wrap("list members", err)
}

const (
	chosenUsers     = ` from users r where r.org_id = $1 and r.id = any($2) and r.active = any($3)`
	selectSomeUsers = `
select ` + records.UserFields + chosenUsers + ` order by r.id limit $4 offset $5`
	countChosenUsers = `select count(*)` + chosenUsers
)

// UsersByID implements directory.Roster.
func (v Lists) UsersByID(ctx context.Context, s directory.Selection, active []bool) (directory.Page, error) {
	p, err := v.readPage(ctx, countChosenUsers, selectSomeUsers, []any{v.Org, db.IDs(s.IDs), active}, s)
	return p, pgerr.Wrap("list users by id", err)
}

const (
	chosenDeleted      = ` and ($2::uuid[] is null or d.id = any($2))`
	countDeletedUsers  = `select count(*) from deleted_users d where d.org_id = $1` + chosenDeleted
	selectDeletedUsers = `
select d.id, d.version, d.created_at, d.deleted_at, d.doc
from   deleted_users d
where  d.org_id = $1` + chosenDeleted + ` order by d.id limit $3 offset $4`
)

// DeletedUsers implements directory.Roster.
func (v Lists) DeletedUsers(ctx context.Context, s directory.Selection) (directory.Page, error) {
	p, err := v.readPage(ctx, countDeletedUsers, selectDeletedUsers, []any{v.Org, db.ChosenIDs(s.IDs)}, s)
	return p, pgerr.Wrap("list deleted users", err)
}

// readPage reads the total and a page of the records that are chosen by the same
// arguments, in one round trip. It ends where they are large. A total of no row is directory.ErrNotFound.
func (v Lists) readPage(ctx context.Context, total, page string, chosen []any, s directory.Selection) (p directory.Page, err error) {
	b := new(pgx.Batch)
	db.QueueTotal(b, &p.Total, total, chosen...)
	args := slices.Concat(chosen, []any{s.Limit, s.Offset})
	b.Queue(page, args...).Query(func(rows pgx.Rows) error {
		left := db.NewRoom(directory.PlatformBytes)
		return db.ReadAll(rows, func(raw [][]byte) {
			if left.Takes(len(raw[4])) {
				p.Records = append(p.Records, records.Read(raw))
			}
			p.Full = left.IsFull()
		})
	})
	err = v.DB.ForScan(s.Offset > few).SendBatch(ctx, b).Close()
	return p, err
}
