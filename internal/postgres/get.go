package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
)

const getUser = `
select u.id, u.version, u.created_at, u.modified_at, u.doc
from   users u
where  u.org_id = $1 and u.id = $2`

// groupsOfUser gives the groups of user $2 as one array: each the id, in 36
// characters, and the name.
const groupsOfUser = `
       array(select m.group_id::text || g.display_name
             from   group_members m
             join   groups g on g.org_id = $1 and g.id = m.group_id
             where  m.org_id = $1 and m.user_id = $2
             order  by m.group_id)`

const getUserAndGroups = `
select u.id, u.version, u.created_at, u.modified_at, u.doc, ` + groupsOfUser + `
from   users u
where  u.org_id = $1 and u.id = $2`

const getGroup = `
select g.id, g.version, g.created_at, g.modified_at, g.doc, g.member_count
from   groups g
where  g.org_id = $1 and g.id = $2`

// getMembers looks names up instead of joining them: for a join PostgreSQL would
// plan again for the size of each group.
const getMembers = `
select m.user_id, (select u.display_name from users u where u.org_id = $1 and u.id = m.user_id)
from   group_members m
where  m.org_id = $1 and m.group_id = $2
order  by m.user_id`

// Get implements directory.View.
func (v view) Get(ctx context.Context, t *schema.Type, id uuid.UUID, links bool) (r directory.Record, err error) {
	switch {
	case tableOf(t) == users:
		r, err = v.getUser(ctx, id, links)
	case links:
		r, err = v.getGroupAndMembers(ctx, id)
	default:
		r, err = v.getGroup(ctx, id)
	}
	return r, wrap("get "+t.Name, err)
}

func (v view) getUser(ctx context.Context, id uuid.UUID, links bool) (r directory.Record, err error) {
	sql := getUser
	if links {
		sql = getUserAndGroups
	}
	rows, err := v.pool.Query(ctx, sql, v.org, uid(id))
	if err != nil {
		return r, err
	}
	if err = readOne(rows, func(raw [][]byte) { r = readUser(raw) }); err == nil {
		v.remember(r)
	}
	return r, err
}

func (v view) getGroup(ctx context.Context, id uuid.UUID) (r directory.Record, err error) {
	rows, err := v.pool.Query(ctx, getGroup, v.org, uid(id))
	if err != nil {
		return r, err
	}
	err = readOne(rows, func(raw [][]byte) { r = readGroup(raw) })
	return r, err
}

// getGroupAndMembers reads the version before the members: members newer than
// the version do no harm, a version newer than its members would let an If-Match
// through that has not seen them.
func (v view) getGroupAndMembers(ctx context.Context, id uuid.UUID) (r directory.Record, err error) {
	b := new(pgx.Batch)
	b.Queue(getGroup, v.org, uid(id)).Query(func(rows pgx.Rows) error {
		return readOne(rows, func(raw [][]byte) { r = readGroup(raw) })
	})
	var members []directory.Link
	b.Queue(getMembers, v.org, uid(id)).Query(func(rows pgx.Rows) (err error) {
		members, err = readMemberLinks(rows, r.MemberCount)
		return err
	})
	err = v.pool.SendBatch(ctx, b).Close()
	r.Links, r.MemberCount = members, len(members)
	return r, err
}

// readUser reads the groups too when there is a column with them.
func readUser(raw [][]byte) directory.Record {
	r := readRecord(raw)
	if len(raw) > 5 {
		r.Links = readLinks(raw[5])
	}
	return r
}

func readGroup(raw [][]byte) directory.Record {
	r := readRecord(raw)
	r.MemberCount = int(readInt(raw[5]))
	return r
}

// readMemberLinks reads rows of user id and display name, about n of them.
func readMemberLinks(rows pgx.Rows, n int) ([]directory.Link, error) {
	links := make([]directory.Link, 0, n)
	err := readAll(rows, func(raw [][]byte) {
		links = append(links, directory.Link{ID: readID(raw[0]), Display: string(raw[1])})
	})
	return links, err
}
