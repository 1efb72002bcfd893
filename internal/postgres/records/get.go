package records

import (
	"context"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/postgres/search"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// The columns of a user and of a group r that a list reads.
const (
	UserFields  = `r.id, r.version, r.created_at, r.modified_at, r.doc`
	GroupFields = UserFields + `, r.member_count`
	GroupWidth  = 6 // columns
)

const getUser = `
select u.id, u.version, u.created_at, u.modified_at, u.doc
from   users u
where  u.org_id = $1 and u.id = $2`

// GroupsOfUser gives the groups of user @id as one array: each the id, in 36
// characters, and the name.
const GroupsOfUser = `
       array(select m.group_id::text || g.display_name
             from   group_members m
             join   groups g on g.org_id = @org and g.id = m.group_id
             where  m.org_id = @org and m.user_id = @id
             order  by m.group_id)`

var getUserAndGroups = db.New(`
select u.id, u.version, u.created_at, u.modified_at, u.doc, ` + GroupsOfUser + `
from   users u
where  u.org_id = @org and u.id = @id`)

// GetGroup reads a group g, $2, as ReadGroup takes it.
const GetGroup = `
select g.id, g.version, g.created_at, g.modified_at, g.doc, g.member_count
from   groups g
where  g.org_id = $1 and g.id = $2`

// MembersOfGroup gives the members of group r as one array, as GroupsOfUser does, unless
// they are more than an answer lists (directory.MaxAnswerMembers); then memberIDsOfGroup
// gives their ids. Names are looked up instead of joined: for a join PostgreSQL would plan
// for the size of each group.
const (
	MembersOfGroup = `
       case when r.member_count <= 1000
       then array(select m.user_id::text || (select u.display_name from users u where u.org_id = $1 and u.id = m.user_id)
                  from   group_members m
                  where  m.org_id = $1 and m.group_id = r.id
                  order  by m.user_id) end`

	memberIDsOfGroup = `
       case when r.member_count > 1000
       then array(select m.user_id
                  from   group_members m
                  where  m.org_id = $1 and m.group_id = r.id
                  order  by m.user_id) end`
)

// What the statements above say, the constant says.
var _ = [1]struct{}{}[directory.MaxAnswerMembers-1000]

// GetGroupAndMembers reads the version and the members at one moment: the ETag must
// not name another state than the one that is answered.
const GetGroupAndMembers = `
select ` + GroupFields + `, ` + MembersOfGroup + `, ` + memberIDsOfGroup + `
from   groups r
where  r.org_id = $1 and r.id = $2`

const (
	userVersion = `select version from users where org_id = $1 and id = $2`
	// GroupVersion reads the version of the group $2.
	GroupVersion = `select version from groups where org_id = $1 and id = $2`
)

// Get implements directory.View.
func (v Records) Get(ctx context.Context, t *schema.Type, id uuid.UUID, links bool) (r directory.Record, err error) {
	switch {
	case search.TableOf(t) == search.Users:
		r, err = v.getUser(ctx, id, links)
	case links:
		err = pool.Through(v.DB)(ctx, db.One(func(raw [][]byte) { r = ReadGroup(raw) }), GetGroupAndMembers, v.Org, db.ID(id))
	default:
		r, err = v.getGroup(ctx, id)
	}
	return r, pgerr.Wrap("get "+t.Name, err)
}

// Version implements directory.View.
func (v Records) Version(ctx context.Context, t *schema.Type, id uuid.UUID) (version scim.Version, err error) {
	sql := GroupVersion
	if search.TableOf(t) == search.Users {
		sql = userVersion
	}
	err = v.LookUp(ctx, db.One(func(raw [][]byte) { version = scim.Version(db.ReadInt(raw[0])) }), sql, v.Org, db.ID(id))
	return version, pgerr.Wrap("get version of "+t.Name, err)
}

func (v Records) getUser(ctx context.Context, id uuid.UUID, links bool) (r directory.Record, err error) {
	sql := getUser
	if links {
		sql = getUserAndGroups.String()
	}
	if err = v.LookUp(ctx, db.One(func(raw [][]byte) { r = readUser(raw) }), sql, v.Org, db.ID(id)); err == nil {
		v.recent.Remember(ctx, v.Org, r)
	}
	return r, err
}

func (v Records) getGroup(ctx context.Context, id uuid.UUID) (r directory.Record, err error) {
	err = v.LookUp(ctx, db.One(func(raw [][]byte) { r = ReadGroup(raw) }), GetGroup, v.Org, db.ID(id))
	return r, err
}

func readUser(raw [][]byte) (r directory.Record) {
	new(Memory).ReadUser(&r, raw)
	return r
}

// ReadGroup is Read for a group: its member count follows, and then, where there are columns
// of them, the members and the ids of members.
func ReadGroup(raw [][]byte) (r directory.Record) {
	new(Memory).ReadGroup(&r, raw)
	return r
}

// ReadUser reads the groups too when there is a column with them.
func (m *Memory) ReadUser(r *directory.Record, raw [][]byte) {
	m.readRecord(r, raw)
	if len(raw) > 5 && raw[5] != nil {
		r.Links = ReadLinks(raw[5])
	}
}

// ReadGroup reads the members too when there are columns with them.
func (m *Memory) ReadGroup(r *directory.Record, raw [][]byte) {
	m.readRecord(r, raw)
	r.MemberCount = int(db.ReadInt(raw[5]))
	if len(raw) > 6 && raw[6] != nil {
		r.Links = ReadLinks(raw[6])
	}
	if len(raw) > 7 && raw[7] != nil {
		r.MemberIDs = make([]uuid.UUID, 0, r.MemberCount)
		db.ReadIDs(raw[7], func(id uuid.UUID) { r.MemberIDs = append(r.MemberIDs, id) })
	}
}
