package lists

import (
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
)

// start is where a page begins: so many resources behind a position, or behind the
// beginning of the list.
type start struct {
	after directory.Position
	// known tells that after is a position: that of a cursor, or a bookmark.
	known bool
	skip  int
	// total is what the list had when the bookmark was left; 0 for a cursor.
	total int
}

// fromBeginning counts the way to the page.
func fromBeginning(q directory.Query) start { return start{skip: max(q.Start-1, 0)} }

// isFirst reports whether the page is the first.
func (s start) isFirst() bool { return !s.known && s.skip == 0 }

// behind is where the page behind a resource begins.
func behind(id uuid.UUID) start {
	return start{after: directory.Position{ID: id}, known: true}
}

// begin finds where a page begins: at the cursor that the client has, or else at the
// nearest bookmark before it.
func (v Lists) begin(here place, q directory.Query) start {
	if q.After != nil {
		return start{after: *q.After, known: !q.After.IsStart()}
	}
	if at, ok := v.marks.near(here); ok {
		return at
	}
	return fromBeginning(q)
}

// page reads a page from where it begins. Where resources before the bookmark have gone
// since, the page lies further on: it is counted to.
func (v Lists) page(here place, q directory.Query, read func(at start) (directory.Page, error)) (directory.Page, error) {
	here.org = v.Org
	at := v.begin(here, q)
	p, err := read(at)
	if err == nil && p.Total < at.total {
		p, err = read(fromBeginning(q))
	}
	return p, err
}

// leaveBookmark leaves a bookmark at the place of a list that is n resources further on.
func (v Lists) leaveBookmark(here place, n int, after directory.Position, total int) {
	here.org, here.index = v.Org, here.index+n
	v.marks.put(here, after, total)
}

// leaveCounted leaves a bookmark at a page to which PostgreSQL has counted its way.
func (v Lists) leaveCounted(here place, q directory.Query, at start, p directory.Page) {
	if q.After == nil && at.skip > 0 && len(p.Records) > 0 {
		v.leaveBookmark(here, 0, directory.Position{ID: precedingID(p.Records[0].ID)}, p.Total)
	}
}

// precedingID is the greatest of the ids that are less.
func precedingID(id uuid.UUID) uuid.UUID {
	for i := len(id) - 1; i >= 0; i-- {
		if id[i]--; id[i] != 0xFF {
			break
		}
	}
	return id
}
