package postgres

import (
	"context"
	"iter"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
)

// getMembers looks names up instead of joining them: for a join PostgreSQL would
// plan again for the size of each group.
const (
	getMembers = membersOf + memberOrder

	// getFewMembers gives no row when the group has more than $3 members, and
	// then does not look for them.
	getFewMembers = membersOf + `
and    (select g.member_count from groups g where g.org_id = $1 and g.id = $2) <= $3` + memberOrder

	membersOf = `
select m.user_id, (select u.display_name from users u where u.org_id = $1 and u.id = m.user_id)
from   group_members m
where  m.org_id = $1 and m.group_id = $2`
	memberOrder = `
order  by m.user_id`
)

// getGroupAndMembers reads the version before the members: members newer than
// the version do no harm, a version newer than its members would let an If-Match
// through that has not seen them.
func (v view) getGroupAndMembers(ctx context.Context, id uuid.UUID) (r directory.Record, err error) {
	b := new(pgx.Batch)
	b.Queue(getGroup, v.org, uid(id)).Query(func(rows pgx.Rows) error {
		return readOne(rows, func(raw [][]byte) { r = readGroup(raw) })
	})
	v.queueFewMembers(b, id, &r)
	err = v.pool.SendBatch(ctx, b).Close()
	return r, err
}

// queueFewMembers reads the members of a group that has been read before them
// into its record, unless they are more than an answer lists.
func (v view) queueFewMembers(b *pgx.Batch, id uuid.UUID, r *directory.Record) {
	v.queueMembers(b, id, directory.MaxAnswerMembers, r)
}

// queueMembers is queueFewMembers for at most so many.
func (v view) queueMembers(b *pgx.Batch, id uuid.UUID, most int, r *directory.Record) {
	b.Queue(getFewMembers, v.org, uid(id), most).Query(func(rows pgx.Rows) error {
		links, err := readMemberLinks(rows, min(r.MemberCount, most))
		if err == nil {
			giveMembers(r, links)
		}
		return err
	})
}

// giveMembers puts the members that were read after a group into its record. None,
// where there were some: they are many, or all gone since. Whoever walks them will
// see.
func giveMembers(r *directory.Record, links []directory.Link) {
	if len(links) == 0 && r.MemberCount > 0 {
		r.Links = nil
		return
	}
	r.Links, r.MemberCount = links, len(links)
}

// readMemberLinks reads rows of user id and display name, about n of them.
func readMemberLinks(rows pgx.Rows, n int) ([]directory.Link, error) {
	links := make([]directory.Link, 0, n)
	err := readAll(rows, func(raw [][]byte) {
		links = append(links, directory.Link{ID: readID(raw[0]), Display: string(raw[1])})
	})
	return links, err
}

// nameMembers gives the users who are there, of given ids that are sorted.
const nameMembers = `
select u.id, u.display_name
from   users u
where  u.org_id = $1 and u.id` + thoseIDs + `
order  by u.id`

// membersAtOnce is how many members are named by one statement.
const membersAtOnce = 1000

// Members implements directory.View.
//
// All ids are read at once, so that they are those of one moment: 16 bytes for a
// member. Names are looked up while the ids are walked. So a slow client keeps no
// connection and no statement waiting.
func (v view) Members(ctx context.Context, group uuid.UUID) iter.Seq2[[]directory.Link, error] {
	return func(yield func([]directory.Link, error) bool) {
		pages, err := v.memberPages(ctx, group)
		if err != nil {
			yield(nil, wrap("read members", err))
			return
		}
		links := make([]directory.Link, 0, membersAtOnce)
		for _, ids := range pages {
			rows, err := v.pool.Query(ctx, nameMembers, v.org, ids)
			links = links[:0]
			if err == nil {
				err = readAll(rows, func(raw [][]byte) {
					links = append(links, directory.Link{ID: readID(raw[0]), Display: string(raw[1])})
				})
			}
			if !yield(links, wrap("read members", err)) || err != nil {
				return
			}
		}
	}
}

// memberPages reads the ids of all members, as many together as are named at once.
func (v view) memberPages(ctx context.Context, group uuid.UUID) (pages []uids, err error) {
	rows, err := v.pool.Query(ctx, selectMemberIDs, v.org, uid(group))
	if err != nil {
		return nil, err
	}
	var page uids
	err = readAll(rows, func(raw [][]byte) {
		if len(page) == membersAtOnce {
			pages, page = append(pages, page), nil
		}
		if page == nil {
			page = make(uids, 0, membersAtOnce)
		}
		page = append(page, readID(raw[0]))
	})
	if len(page) > 0 {
		pages = append(pages, page)
	}
	return pages, err
}
