package transfer

import (
	"context"
	"encoding/csv"
	"io"
	"iter"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
)

// What names what is exported.
type What string

// What there is.
const (
	People      What = "people"
	Groups      What = "groups"
	Memberships What = "memberships"
)

// pageSize is how many resources an export reads at a time.
const pageSize = 500

// Export is an organisation on its way into a file.
type Export struct {
	Directory *directory.Directory
	Org       org.Org
	Format    Format
	// Filter selects people or groups, as in a list of SCIM; empty is all of them, also
	// those who are inactive.
	Filter string
}

// Write writes what is asked for, in the order in which it was created, while it is read.
func (e *Export) Write(ctx context.Context, w io.Writer, what What) error {
	t := schema.User
	if what != People {
		t = schema.Group
	}
	types, err := e.Directory.TypesOf(ctx, e.Org)
	if err != nil {
		return err
	}
	out := e.writer(w, types.Of(t), what)
	for record, err := range e.all(ctx, types.Of(t)) {
		if err == nil {
			err = out.add(ctx, record)
		}
		if err != nil {
			return err
		}
	}
	return out.end()
}

// all reads all resources of a type, page by page.
func (e *Export) all(ctx context.Context, t *schema.Type) iter.Seq2[directory.Record, error] {
	r := directory.ListRequest{
		Filter: e.Filter, HasFilter: true, Start: 1, Count: pageSize, HasCount: true, ByCursor: true,
		Projection: t.Project(nil, nil),
	}
	if r.Filter == "" {
		r.Filter = "id pr" // without a filter inactive people are left out
	}
	return func(yield func(directory.Record, error) bool) {
		for {
			cursor := ""
			page, err := e.Directory.List(ctx, e.Org, t, r)
			chunks := func(yield func(directory.Listed, error) bool) {
				if !yield(page, err) || err != nil || page.Rest == nil {
					return
				}
				page.Rest(yield)
			}
			for chunk, err := range chunks {
				if err != nil {
					yield(directory.Record{}, err)
					return
				}
				for _, record := range chunk.Records {
					if !yield(record, nil) {
						return
					}
				}
				cursor = chunk.Cursor
			}
			if cursor == "" {
				return
			}
			r.Cursor = cursor
		}
	}
}

// exported writes resources to a file.
type exported interface {
	add(ctx context.Context, r directory.Record) error
	end() error
}

func (e *Export) writer(w io.Writer, t *schema.Type, what What) exported {
	switch {
	case e.Format == JSONLines:
		return e.jsonLines(w, t)
	case what == People:
		return &table{e: e, out: csv.NewWriter(w), row: e.personRow, header: peopleColumns, t: t}
	case what == Groups:
		return &table{e: e, out: csv.NewWriter(w), row: e.groupRow, header: groupColumns, t: t}
	default:
		return &memberships{e, csv.NewWriter(w), false}
	}
}
