package postgres

import (
	"context"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
)

// listMemberships is the beginning of a page: names are looked up for its rows alone.
const listMemberships = `
select m.group_id, m.user_id,
       (select g.display_name from groups g where g.org_id = $1 and g.id = m.group_id),
       (select u.display_name from users u where u.org_id = $1 and u.id = m.user_id)
from   group_members m
where  m.org_id = $1`

const orderMemberships = `
order  by m.group_id, m.user_id`

// The totals of memberships. A group knows how many it has; the rest of them are
// few, unless all are counted.
const (
	countOfMember         = `select count(*) from group_members m where m.org_id = $1 and m.user_id = $2`
	countOfGroupAndMember = `select count(*) from group_members m where m.org_id = $1 and m.group_id = $2 and m.user_id = $3`
	countOfGroup          = `select coalesce((select g.member_count from groups g where g.org_id = $1 and g.id = $2), 0)`
	countOfAllMemberships = `select coalesce(sum(g.member_count), 0)::bigint from groups g where g.org_id = $1`
)

// memberships names the rows in the places of bookmarks.
var memberships = &table{name: "group_members"}

// ListMemberships implements directory.Memberships.
func (v view) ListMemberships(ctx context.Context, q directory.MembershipQuery) (found []directory.Membership, total int, err error) {
	here := v.membershipPlace(q)
	mark, marked := bookmark{}, false
	if q.After == nil && q.Start > 1 {
		mark, marked = v.marks.find(here)
	}
	after := q.After
	if marked {
		after = &directory.MembershipID{Group: uuid.MustParse(mark.after.Value), Member: mark.after.ID}
	}
	found, total, err = v.readMemberships(ctx, q, after)
	if err == nil && marked && total < mark.total {
		found, total, err = v.readMemberships(ctx, q, nil)
	}
	if n := len(found); err == nil && q.After == nil && n > 0 && n == q.Count {
		last := found[n-1]
		here.start = q.Start + n
		v.marks.put(here, directory.Position{ID: last.Member.ID, Value: last.Group.ID.String()}, total)
	}
	return found, total, wrap("list group members", err)
}

func (v view) membershipPlace(q directory.MembershipQuery) place {
	return place{org: v.org, table: memberships, filter: directory.MembershipID{Group: q.Group, Member: q.Member}.String(), start: q.Start}
}

// readMemberships reads a page and the total in one round trip.
func (v view) readMemberships(ctx context.Context, q directory.MembershipQuery, after *directory.MembershipID) (found []directory.Membership, total int, err error) {
	b := new(pgx.Batch)
	all := q.Group == uuid.Nil && q.Member == uuid.Nil
	count, condition, args := v.chosenMemberships(q)
	queueTotal(b, &total, count, args...)
	if q.Count > 0 {
		sql, args := membershipPage(q, after, condition, args)
		b.Queue(sql, args...).Query(func(rows pgx.Rows) error {
			return readAll(rows, func(raw [][]byte) { found = append(found, readMembership(raw)) })
		})
	}
	err = v.share(all || q.Start > few).SendBatch(ctx, b).Close()
	return found, total, err
}

// membershipPage finds a page behind a position by the index alone, and without
// one by counting index entries.
func membershipPage(q directory.MembershipQuery, after *directory.MembershipID, condition string, args []any) (string, []any) {
	sql, begin := listMemberships+condition, ""
	switch n := len(args); {
	case after != nil && q.Group != uuid.Nil: // PostgreSQL would begin at the group
		sql += " and m.user_id > $" + strconv.Itoa(n+1)
		args = append(args, uid(after.Member))
	case after != nil:
		sql += " and (m.group_id, m.user_id) > ($" + strconv.Itoa(n+1) + ", $" + strconv.Itoa(n+2) + ")"
		args = append(args, uid(after.Group), uid(after.Member))
	case q.Start > 1:
		begin = " offset " + strconv.Itoa(q.Start-1)
	}
	return sql + orderMemberships + begin + " limit " + strconv.Itoa(q.Count), args
}

// chosenMemberships gives the statement that counts what is selected, the condition
// that selects it and the arguments of both.
func (v view) chosenMemberships(q directory.MembershipQuery) (count, condition string, args []any) {
	args = []any{v.org}
	switch {
	case q.Group != uuid.Nil && q.Member != uuid.Nil:
		return countOfGroupAndMember, " and m.group_id = $2 and m.user_id = $3", append(args, uid(q.Group), uid(q.Member))
	case q.Group != uuid.Nil:
		return countOfGroup, " and m.group_id = $2", append(args, uid(q.Group))
	case q.Member != uuid.Nil:
		return countOfMember, " and m.user_id = $2", append(args, uid(q.Member))
	default:
		return countOfAllMemberships, "", args
	}
}

func readMembership(raw [][]byte) directory.Membership {
	return directory.Membership{
		Group:  directory.Link{ID: readID(raw[0]), Display: string(raw[2])},
		Member: directory.Link{ID: readID(raw[1]), Display: string(raw[3])},
	}
}
