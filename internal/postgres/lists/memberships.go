package lists

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
)

// Memberships are read in the order of their index, behind a position and the rows that
// are skipped. Names are looked up for the rows of the page alone. A group knows how many
// members it has; the rest of the totals are few, unless all are counted.
var (
	listMemberships = db.NewTemplate(`
select m.group_id, m.user_id,
       (select g.display_name from groups g where g.org_id = @org and g.id = m.group_id),
       (select u.display_name from users u where u.org_id = @org and u.id = m.user_id)
from   group_members m
where  m.org_id = @org[chosen][behind]
order  by m.group_id, m.user_id[offset]
limit  [count]`)

	countMemberships    = db.NewTemplate(`select count(*) from group_members m where m.org_id = @org[chosen]`)
	countMembersOfGroup = db.NewTemplate(`select coalesce((select g.member_count from groups g where g.org_id = @org and g.id = [group]), 0)`)
	countAllMembers     = db.NewTemplate(`select coalesce(sum(g.member_count), 0)::bigint from groups g where g.org_id = @org`)
)

// ListMemberships implements directory.Memberships.
func (v Lists) ListMemberships(ctx context.Context, q directory.MembershipQuery) (found []directory.Membership, total int, err error) {
	here := place{list: "members " + directory.MembershipID{Group: q.Group, Member: q.Member}.String(), index: q.Start}
	_, err = v.page(here, pageOfMemberships(q), func(at start) (p directory.Page, err error) {
		found, p.Total, err = v.readMemberships(ctx, q, at)
		total = p.Total
		return p, err
	})
	if n := len(found); err == nil && q.After == nil && n > 0 && n == q.Count {
		v.leaveBookmark(here, n, positionOf(found[n-1]), total)
	}
	return found, total, pgerr.Wrap("list group members", err)
}

func pageOfMemberships(q directory.MembershipQuery) directory.Query {
	page := directory.Query{Start: q.Start, Count: q.Count}
	if q.After != nil {
		page.After = &directory.Position{ID: q.After.Member, Value: q.After.Group.String()}
	}
	return page
}

// readMemberships reads a page and the total in one round trip.
func (v Lists) readMemberships(ctx context.Context, q directory.MembershipQuery, at start) (found []directory.Membership, total int, err error) {
	b := new(pgx.Batch)
	sql, args := countOf(v.Org, q)
	db.QueueTotal(b, &total, db.Bound{SQL: sql, Args: args})
	if q.Count > 0 {
		sql, args := membershipPage(v.Org, q, at)
		b.Queue(sql, args...).Query(func(rows pgx.Rows) error {
			return db.ReadAll(rows, func(raw [][]byte) { found = append(found, readMembership(raw)) })
		})
	}
	all := q.Group == uuid.Nil && q.Member == uuid.Nil
	err = v.DB.ForScan(all || at.skip > few).SendBatch(ctx, b).Close()
	return found, total, err
}

func membershipPage(org int64, q directory.MembershipQuery, at start) (sql string, args []any) {
	var behind, offset db.Fragment
	switch {
	case at.known && q.Group != uuid.Nil: // PostgreSQL would begin at the group
		behind = db.SQL(" and m.user_id > $?", db.ID(at.after.ID))
	case at.known:
		behind = db.SQL(" and (m.group_id, m.user_id) > ($?, $?)", db.ID(uuid.MustParse(at.after.Value)), db.ID(at.after.ID))
	}
	if at.skip > 0 {
		offset = db.SQL(" offset $?", at.skip)
	}
	return listMemberships.Fill(org, db.In("chosen", chosenMemberships(q)), db.In("behind", behind), db.In("offset", offset), db.In("count", db.Number(q.Count)))
}

// chosenMemberships is the condition of what is selected.
func chosenMemberships(q directory.MembershipQuery) (chosen db.Fragment) {
	if q.Group != uuid.Nil {
		chosen = db.SQL(" and m.group_id = $?", db.ID(q.Group))
	}
	if q.Member != uuid.Nil {
		chosen = db.SQL("$? and m.user_id = $?", chosen, db.ID(q.Member))
	}
	return chosen
}

// countOf is the statement of the total.
func countOf(org int64, q directory.MembershipQuery) (sql string, args []any) {
	switch {
	case q.Member != uuid.Nil:
		return countMemberships.Fill(org, db.In("chosen", chosenMemberships(q)))
	case q.Group != uuid.Nil:
		return countMembersOfGroup.Fill(org, db.In("group", db.SQL("$?", db.ID(q.Group))))
	default:
		return countAllMembers.Fill(org)
	}
}

func positionOf(m directory.Membership) directory.Position {
	return directory.Position{ID: m.Member.ID, Value: m.Group.ID.String()}
}

func readMembership(raw [][]byte) directory.Membership {
	return directory.Membership{
		Group:  directory.Link{ID: db.ReadID(raw[0]), Display: string(raw[2])},
		Member: directory.Link{ID: db.ReadID(raw[1]), Display: string(raw[3])},
	}
}
