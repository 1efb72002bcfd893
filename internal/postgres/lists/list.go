// Package lists reads the lists of an organisation: of users and groups by a plan, each of
// which has a file with its statement on top; of memberships; and those that an
// administrator pages through. It remembers where pages begin.
//
// Which filter becomes which condition is left to package search; what a row holds of a
// resource, to package records.
package lists

import (
	"context"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/postgres/records"
	"github.com/purescim/purescim/internal/postgres/search"
	"github.com/purescim/purescim/internal/schema"
)

// Lists reads the lists of an organisation.
type Lists struct {
	*pool.Tenant
	*Listing
}

// Listing is what the lists of all organisations have in common.
type Listing struct {
	// Most is how many of what a filter selects are collected, and Chunk how many resources
	// a chunk has; New says how many. They are changed before the first list is read.
	Most, Chunk int

	marks  *bookmarks
	recent records.Recent
}

// New makes lists that remember the users that they look up.
func New(recent records.Recent) *Listing {
	return &Listing{marks: newBookmarks(), recent: recent, Most: few, Chunk: directory.ChunkSize}
}

// Of gives the lists of an organisation.
func (l *Listing) Of(t *pool.Tenant) Lists { return Lists{t, l} }

// ForgetBookmarks has pages be counted to again.
func (l *Listing) ForgetBookmarks() { l.marks.forget() }

// List implements directory.View.
func (v Lists) List(ctx context.Context, t *schema.Type, q directory.Query) (directory.Page, error) {
	of := directory.TypeQuery{Type: t, Query: q}
	if l, ok := lookOf(of); ok {
		p, err := v.look(ctx, l)
		return p, pgerr.Wrap("look for "+t.Plural, err)
	}
	p, err := v.list(ctx, []directory.TypeQuery{of}, false)
	return p, pgerr.Wrap("list "+t.Plural, err)
}

// ListAll implements directory.View.
func (v Lists) ListAll(ctx context.Context, list []directory.TypeQuery) (directory.Page, error) {
	if len(list) == 0 {
		return directory.Page{}, nil
	}
	p, err := v.list(ctx, list, true)
	return p, pgerr.Wrap("list several types", err)
}

// plan is how a page is found. Each has a file.
type plan int

const (
	// walk follows the ids from where the page begins.
	walk plan = iota
	// lookUp has an index find what a filter names; what else it asks for is tested there.
	lookUp
	// collect finds all that any other filter selects, as far as they are few, and the page
	// among them.
	collect
	// pass follows the ids and tests each resource, since many are selected.
	pass
	// inTurn lists one type after the other.
	inTurn
	// sorted follows another order.
	sorted
)

// few is how many of what a filter selects are collected, 40 bytes each. Where there are
// more, a page lies close to where it begins.
const few = 10_000

// choose tells how a page of a list is found that begins there; typed tells that each
// resource is answered with its type.
func (v Lists) choose(list []directory.TypeQuery, typed bool, at start) plan {
	of := list[0]
	switch {
	case search.IsSorted(of.Sort), typed && of.Sort != nil:
		return sorted
	case typed:
		return inTurn
	case of.Filter == nil:
		return walk
	case search.Finds(of.Filter.Root(), search.IsIndexed):
		return lookUp
	case of.Start > v.Most, at.total > v.Most:
		return pass
	default:
		return collect
	}
}

func (v Lists) list(ctx context.Context, list []directory.TypeQuery, typed bool) (directory.Page, error) {
	if filter := list[0].Filter; !list[0].Chunks || filter != nil && search.Finds(filter.Root(), search.IsIndexed) {
		return v.listInto(ctx, list, typed, new(records.Memory))
	}
	memory := records.Borrow()
	p, err := v.listInto(ctx, list, typed, memory)
	p.Rest = memory.UntilRead(p.Rest)
	return p, err
}

func (v Lists) listInto(ctx context.Context, list []directory.TypeQuery, typed bool, memory *records.Memory) (directory.Page, error) {
	switch v.choose(list, typed, start{}) {
	case sorted:
		return v.sorted(ctx, list, memory)
	case inTurn:
		return v.inTurn(ctx, list, memory)
	default:
		return v.listByID(ctx, newSource(list[0], memory))
	}
}

// listByID lists resources of one type in the order of creation.
func (v Lists) listByID(ctx context.Context, s source) (p directory.Page, err error) {
	if s.Count <= 0 {
		p.Total, err = v.total(ctx, s)
		return p, err
	}
	return v.page(s.here, s.Query, func(at start) (directory.Page, error) {
		switch v.choose([]directory.TypeQuery{s.TypeQuery}, false, at) {
		case walk:
			return v.walk(ctx, s, at)
		case collect:
			p, err := v.collect(ctx, s)
			if err != nil || p.Total <= v.most(s) {
				return p, err
			}
			if s.Enough > 0 {
				s.known = p.Total
			}
		}
		return v.lookUp(ctx, s, at)
	})
}

// most is how many of what a filter selects are collected.
func (v Lists) most(s source) int {
	if s.Enough > 0 {
		return min(s.Enough, v.Most)
	}
	return v.Most
}

// total counts what a list holds, as far as that is wanted.
func (v Lists) total(ctx context.Context, s source) (n int, err error) {
	if s.known > 0 {
		return s.known, nil
	}
	b := s.total().With(db.Org(v.Org))
	if s.Filter != nil {
		b.SQL, b.Args = s.counted(v.Org)
	}
	err = v.ask(s)(ctx, db.One(func(raw [][]byte) { n = int(db.ReadInt(raw[0])) }), b.SQL, b.Args...)
	return n, err
}

// ask gives the way of a list's statements: those that find few go with others; what is
// more than a look-up has a plan of its own, and is a scan.
func (v Lists) ask(s source) pool.QueryFunc {
	switch {
	case s.isBrief():
		return v.LookUp
	case s.isComposed():
		return v.DB.Planned
	default:
		return pool.Through(v.DB.ForScan(s.isLong()))
	}
}
