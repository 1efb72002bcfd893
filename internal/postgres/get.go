package postgres

import (
	"context"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
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

// membersOfGroup gives the members of group g as one array, as groupsOfUser does, unless
// they are more than an answer lists (directory.MaxAnswerMembers); then memberIDsOfGroup
// gives their ids. Names are looked up instead of joined: for a join PostgreSQL would plan
// for the size of each group.
const (
	membersOfGroup = `
       case when g.member_count <= 1000
       then array(select m.user_id::text || (select u.display_name from users u where u.org_id = $1 and u.id = m.user_id)
                  from   group_members m
                  where  m.org_id = $1 and m.group_id = g.id
                  order  by m.user_id) end`

	memberIDsOfGroup = `
       case when g.member_count > 1000
       then array(select m.user_id
                  from   group_members m
                  where  m.org_id = $1 and m.group_id = g.id
                  order  by m.user_id) end`
)

// What the statements above say, the constant says.
var _ = [1]struct{}{}[directory.MaxAnswerMembers-1000]

// getGroupAndMembers reads the version and the members at one moment: the ETag must
// not name another state than the one that is answered.
const getGroupAndMembers = `
select g.id, g.version, g.created_at, g.modified_at, g.doc, g.member_count, ` + membersOfGroup + `, ` + memberIDsOfGroup + `
from   groups g
where  g.org_id = $1 and g.id = $2`

const (
	userVersion  = `select version from users where org_id = $1 and id = $2`
	groupVersion = `select version from groups where org_id = $1 and id = $2`
)

// Get implements directory.View.
func (v view) Get(ctx context.Context, t *schema.Type, id uuid.UUID, links bool) (r directory.Record, err error) {
	switch {
	case tableOf(t) == users:
		r, err = v.getUser(ctx, id, links)
	case links:
		err = through(v.db)(ctx, one(func(raw [][]byte) { r = readGroup(raw) }), getGroupAndMembers, v.org, uid(id))
	default:
		r, err = v.getGroup(ctx, id)
	}
	return r, wrap("get "+t.Name, err)
}

// Version implements directory.View.
func (v view) Version(ctx context.Context, t *schema.Type, id uuid.UUID) (version scim.Version, err error) {
	sql := groupVersion
	if tableOf(t) == users {
		sql = userVersion
	}
	err = v.lookUps.query(ctx, one(func(raw [][]byte) { version = scim.Version(readInt(raw[0])) }), sql, v.org, uid(id))
	return version, wrap("get version of "+t.Name, err)
}

func (v view) getUser(ctx context.Context, id uuid.UUID, links bool) (r directory.Record, err error) {
	sql := getUser
	if links {
		sql = getUserAndGroups
	}
	if err = v.lookUps.query(ctx, one(func(raw [][]byte) { r = readUser(raw) }), sql, v.org, uid(id)); err == nil {
		v.remember(r)
	}
	return r, err
}

func (v view) getGroup(ctx context.Context, id uuid.UUID) (r directory.Record, err error) {
	err = v.lookUps.query(ctx, one(func(raw [][]byte) { r = readGroup(raw) }), getGroup, v.org, uid(id))
	return r, err
}

func readUser(raw [][]byte) directory.Record { return new(pageMemory).readUser(raw) }

func readGroup(raw [][]byte) directory.Record { return new(pageMemory).readGroup(raw) }

// readUser reads the groups too when there is a column with them.
func (m *pageMemory) readUser(raw [][]byte) directory.Record {
	r := m.readRecord(raw)
	if len(raw) > 5 {
		r.Links = readLinks(raw[5])
	}
	return r
}

// readGroup reads the members too when there are columns with them.
func (m *pageMemory) readGroup(raw [][]byte) directory.Record {
	r := m.readRecord(raw)
	r.MemberCount = int(readInt(raw[5]))
	if len(raw) > 6 && raw[6] != nil {
		r.Links = readLinks(raw[6])
	}
	if len(raw) > 7 && raw[7] != nil {
		r.MemberIDs = make([]uuid.UUID, 0, r.MemberCount)
		readIDs(raw[7], func(id uuid.UUID) { r.MemberIDs = append(r.MemberIDs, id) })
	}
	return r
}
