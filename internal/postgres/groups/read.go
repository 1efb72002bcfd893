package groups

import (
	"context"
	"iter"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
)

// getMembers looks names up instead of joining them: for a join PostgreSQL would
// plan again for the size of each group.
var (
	getMembers = db.New(membersOf + memberOrder)

	// getFewMembers gives no row when the group has more than @most members, and
	// then does not look for them.
	getFewMembers = db.New(membersOf + `
and    (select g.member_count from groups g where g.org_id = @org and g.id = @id) <= @most` + memberOrder)
)

const (
	membersOf = `
select m.user_id, (select u.display_name from users u where u.org_id = @org and u.id = m.user_id)
from   group_members m
where  m.org_id = @org and m.group_id = @id`
	memberOrder = `
order  by m.user_id`
)

// queueFewMembers reads the members of a group that has been read before them
// into its record, unless they are more than an answer lists.
func queueFewMembers(b *pgx.Batch, org int64, id uuid.UUID, r *directory.Record) {
	queueMembers(b, org, id, directory.MaxAnswerMembers, r)
}

// queueMembers is queueFewMembers for at most so many.
func queueMembers(b *pgx.Batch, org int64, id uuid.UUID, most int, r *directory.Record) {
	getFewMembers.With(db.Org(org), db.Named("id", db.ID(id)), db.Named("most", most)).Queue(b).Query(func(rows pgx.Rows) error {
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
	err := db.ReadAll(rows, func(raw [][]byte) {
		links = append(links, directory.Link{ID: db.ReadID(raw[0]), Display: string(raw[1])})
	})
	return links, err
}

// nameMembers gives the users who are there, of given ids that are sorted.
var nameMembers = db.New(`
select u.id, u.display_name
from   users u
where  u.org_id = @org and u.id = any(array(select unnest(@ids::uuid[])))
order  by u.id`)

// membersAtOnce is how many members are named by one statement.
const membersAtOnce = 1000

// Members implements directory.View. A slow client keeps no connection and no statement
// waiting.
func (v Groups) Members(ctx context.Context, ids []uuid.UUID) iter.Seq2[[]directory.Link, error] {
	return func(yield func([]directory.Link, error) bool) {
		from, links := v.Tenant, make([]directory.Link, 0, membersAtOnce)
		for some := range slices.Chunk(ids, membersAtOnce) {
			err := readNames(ctx, from, some, &links)
			if primary := from.Instead(ctx, err); primary != nil {
				from = primary
				err = readNames(ctx, from, some, &links)
			}
			if !yield(links, pgerr.Wrap("read members", err)) || err != nil {
				return
			}
		}
	}
}

func readNames(ctx context.Context, from *pool.Tenant, ids []uuid.UUID, links *[]directory.Link) error {
	*links = (*links)[:0]
	named := nameMembers.With(db.Org(from.Org), db.Named("ids", db.IDs(ids)))
	return pool.Through(from.DB)(ctx, func(rows pgx.Rows) error {
		return db.ReadAll(rows, func(raw [][]byte) {
			*links = append(*links, directory.Link{ID: db.ReadID(raw[0]), Display: string(raw[1])})
		})
	}, named.SQL, named.Args...)
}

// queueAnswer reads the members of a group whose change is being stored: they are part
// of what is answered. Those of a group that is too large to list are read for a PUT.
func queueAnswer(b *pgx.Batch, org int64, r *directory.Record, put bool) {
	switch {
	case r.MemberCount <= directory.MaxAnswerMembers:
		queueFewMembers(b, org, r.ID, r)
	case put:
		selectMemberIDs.With(db.Org(org), db.Named("id", db.ID(r.ID))).Queue(b).Query(func(rows pgx.Rows) error {
			r.MemberIDs = make([]uuid.UUID, 0, r.MemberCount)
			return db.ReadAll(rows, func(raw [][]byte) { r.MemberIDs = append(r.MemberIDs, db.ReadID(raw[0])) })
		})
	}
}
