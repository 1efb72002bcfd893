package lists

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/records"
)

var selectMembers = db.New(`
select u.id, u.version, u.created_at, u.modified_at, u.doc
from   group_members m
join   users u on u.org_id = @org and u.id = m.user_id
where  m.org_id = @org and m.group_id = @id
order  by m.user_id
limit  @limit
offset @offset`)

var selectMemberCount = db.New(`
select g.member_count
from   groups g
where  g.org_id = @org and g.id = @id`)

// ListMembers implements directory.Platform.
func (v Lists) ListMembers(ctx context.Context, group uuid.UUID, s directory.Selection) (directory.Page, error) {
	p, err := v.readPage(ctx, selectMemberCount, selectMembers, s, db.Named("id", db.ID(group)))
	return p, pgerr.Wrap("list members", err)
}

const chosenUsers = ` from users r where r.org_id = @org and r.id = any(@ids) and r.active = any(@active)`

var (
	selectSomeUsers = db.New(`
select ` + records.UserFields + chosenUsers + ` order by r.id limit @limit offset @offset`)
	countChosenUsers = db.New(`select count(*)` + chosenUsers)
)

// UsersByID implements directory.Platform.
func (v Lists) UsersByID(ctx context.Context, s directory.Selection, active []bool) (directory.Page, error) {
	p, err := v.readPage(ctx, countChosenUsers, selectSomeUsers, s, db.Named("ids", db.IDs(s.IDs)), db.Named("active", active))
	return p, pgerr.Wrap("list users by id", err)
}

const chosenDeleted = ` and (@ids::uuid[] is null or d.id = any(@ids))`

var (
	countDeletedUsers  = db.New(`select count(*) from deleted_users d where d.org_id = @org` + chosenDeleted)
	selectDeletedUsers = db.New(`
select d.id, d.version, d.created_at, d.deleted_at, d.doc
from   deleted_users d
where  d.org_id = @org` + chosenDeleted + ` order by d.id limit @limit offset @offset`)
)

// DeletedUsers implements directory.Platform.
func (v Lists) DeletedUsers(ctx context.Context, s directory.Selection) (directory.Page, error) {
	p, err := v.readPage(ctx, countDeletedUsers, selectDeletedUsers, s, db.Named("ids", db.ChosenIDs(s.IDs)))
	return p, pgerr.Wrap("list deleted users", err)
}

// readPage reads the total and a page of the records that are chosen by the same
// arguments, in one round trip. It ends where they are large. A total of no row is directory.ErrNotFound.
func (v Lists) readPage(ctx context.Context, total, page db.Statement, s directory.Selection, chosen ...db.Arg) (p directory.Page, err error) {
	b := new(pgx.Batch)
	chosen = append(chosen, db.Org(v.Org), db.Named("limit", s.Limit), db.Named("offset", s.Offset))
	db.QueueTotal(b, &p.Total, total.With(chosen...))
	page.With(chosen...).Queue(b).Query(func(rows pgx.Rows) error {
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
