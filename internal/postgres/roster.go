package postgres

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
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
func (v view) ListMembers(ctx context.Context, group uuid.UUID, s directory.Selection) (directory.Page, error) {
	p, err := v.readPage(ctx, selectMemberCount, selectMembers, []any{v.org, uid(group)}, s)
	return p, wrap("list members", err)
}

const (
	chosenUsers      = ` and u.id = any($2) and u.active = any($3)`
	selectSomeUsers  = userFields + fromUsers + chosenUsers + ` order by u.id limit $4 offset $5`
	countChosenUsers = countUsers + chosenUsers
)

// UsersByID implements directory.Roster.
func (v view) UsersByID(ctx context.Context, s directory.Selection, active []bool) (directory.Page, error) {
	p, err := v.readPage(ctx, countChosenUsers, selectSomeUsers, []any{v.org, uids(s.IDs), active}, s)
	return p, wrap("list users by id", err)
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
func (v view) DeletedUsers(ctx context.Context, s directory.Selection) (directory.Page, error) {
	p, err := v.readPage(ctx, countDeletedUsers, selectDeletedUsers, []any{v.org, chosenIDs(s.IDs)}, s)
	return p, wrap("list deleted users", err)
}

// readPage reads the total and a page of the records that are chosen by the same
// arguments, in one round trip. It ends where they are large. A total of no row is directory.ErrNotFound.
func (v view) readPage(ctx context.Context, total, records string, chosen []any, s directory.Selection) (p directory.Page, err error) {
	b := new(pgx.Batch)
	queueTotal(b, &p.Total, total, chosen...)
	args := slices.Concat(chosen, []any{s.Limit, s.Offset})
	b.Queue(records, args...).Query(func(rows pgx.Rows) error {
		left := room{left: directory.PlatformBytes, limited: true}
		return readAll(rows, func(raw [][]byte) {
			if left.takes(len(raw[4])) {
				p.Records = append(p.Records, readRecord(raw))
			}
			p.Full = left.full
		})
	})
	err = v.share(s.Offset > few).SendBatch(ctx, b).Close()
	return p, err
}
