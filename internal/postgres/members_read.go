package postgres

import (
	"context"
	"iter"
	"slices"

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

// giveMembers puts the members of a group into its record. None, where there are some:
// they are too many to be listed.
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

// Members implements directory.View. A slow client keeps no connection and no statement
// waiting.
func (v view) Members(ctx context.Context, ids []uuid.UUID) iter.Seq2[[]directory.Link, error] {
	return func(yield func([]directory.Link, error) bool) {
		links := make([]directory.Link, 0, membersAtOnce)
		for some := range slices.Chunk(ids, membersAtOnce) {
			links = links[:0]
			err := through(v.db)(ctx, func(rows pgx.Rows) error {
				return readAll(rows, func(raw [][]byte) {
					links = append(links, directory.Link{ID: readID(raw[0]), Display: string(raw[1])})
				})
			}, nameMembers, v.org, uids(some))
			if !yield(links, wrap("read members", err)) || err != nil {
				return
			}
		}
	}
}

// queueAnswer reads the members of a group whose change is being stored: they are part
// of what is answered. Those of a group that is too large to list are read for a PUT.
func (v view) queueAnswer(b *pgx.Batch, r *directory.Record, put bool) {
	switch {
	case r.MemberCount <= directory.MaxAnswerMembers:
		v.queueFewMembers(b, r.ID, r)
	case put:
		b.Queue(selectMemberIDs, v.org, uid(r.ID)).Query(func(rows pgx.Rows) error {
			r.MemberIDs = make([]uuid.UUID, 0, r.MemberCount)
			return readAll(rows, func(raw [][]byte) { r.MemberIDs = append(r.MemberIDs, readID(raw[0])) })
		})
	}
}
