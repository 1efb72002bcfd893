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

var getUser = db.New(`
select u.id, u.version, u.created_at, u.modified_at, u.doc
from   users u
where  u.org_id = @org and u.id = @id`)

// GroupsOfUser gives the groups of user @id as one array: each the id, in 36
// characters, and the name.
var GroupsOfUser = GroupsOf("@id")

// GroupsOf is GroupsOfUser of another.
func GroupsOf(user string) string {
	return `
       array(select m.group_id::text || g.display_name
             from   group_members m
             join   groups g on g.org_id = @org and g.id = m.group_id
             where  m.org_id = @org and m.user_id = ` + user + `
             order  by m.group_id)`
}

var getUserAndGroups = db.New(`
select u.id, u.version, u.created_at, u.modified_at, u.doc, ` + GroupsOfUser + `
from   users u
where  u.org_id = @org and u.id = @id`)

// SelectGroup is the text of GetGroup, which reads the group g, @id, as ReadGroup takes it.
const SelectGroup = `
select g.id, g.version, g.created_at, g.modified_at, g.doc, g.member_count
from   groups g
where  g.org_id = @org and g.id = @id`

// GetGroup reads a group without its members.
var GetGroup = db.New(SelectGroup)

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
var GetGroupAndMembers = db.New(`
select ` + GroupFields + `, ` + MembersOfGroup + `, ` + memberIDsOfGroup + `
from   groups r
where  r.org_id = @org and r.id = @id`)

var (
	userVersion = db.New(`select version from users where org_id = @org and id = @id`)
	// GroupVersion reads the version of the group @id.
	GroupVersion = db.New(`select version from groups where org_id = @org and id = @id`)
)

// Get implements directory.View.
func (v Records) Get(ctx context.Context, t *schema.Type, id uuid.UUID, links bool) (r directory.Record, err error) {
	switch {
	case search.TableOf(t) == search.Users:
		r, err = v.getUser(ctx, id, links)
	case links:
		err = v.one(ctx, pool.Through(v.DB), GetGroupAndMembers, id, func(raw [][]byte) { r = ReadGroup(raw) })
	default:
		err = v.one(ctx, v.LookUp, GetGroup, id, func(raw [][]byte) { r = ReadGroup(raw) })
	}
	return r, pgerr.Wrap("get "+t.Name, err)
}

// Version implements directory.View.
func (v Records) Version(ctx context.Context, t *schema.Type, id uuid.UUID) (version scim.Version, err error) {
	s := GroupVersion
	if search.TableOf(t) == search.Users {
		s = userVersion
	}
	err = v.one(ctx, v.LookUp, s, id, func(raw [][]byte) { version = scim.Version(db.ReadInt(raw[0])) })
	return version, pgerr.Wrap("get version of "+t.Name, err)
}

func (v Records) getUser(ctx context.Context, id uuid.UUID, links bool) (r directory.Record, err error) {
	s := getUser
	if links {
		s = getUserAndGroups
	}
	if err = v.one(ctx, v.LookUp, s, id, func(raw [][]byte) { r = readUser(raw) }); err == nil {
		v.recent.Remember(ctx, v.Org, r)
	}
	return r, err
}

// one reads the row about an id that a statement finds.
func (v Records) one(ctx context.Context, ask pool.QueryFunc, s db.Statement, id uuid.UUID, read func(raw [][]byte)) error {
	b := s.With(db.Org(v.Org), db.Named("id", db.ID(id)))
	return ask(ctx, db.One(read), b.SQL, b.Args...)
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
