package lists

import (
	"context"
	"slices"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/postgres/records"
	"github.com/purescim/purescim/internal/schema"
)

// inTurn lists one type after the other, each in the order of creation. Of a page in
// chunks it finds the ids.
func (v Lists) inTurn(ctx context.Context, list []directory.TypeQuery, memory *records.Memory) (directory.Page, error) {
	return v.inChunksIfLarge(list[0].Query, func(chunks bool) (p directory.Page, err error) {
		sources := make([]source, len(list))
		begin := firstType(list)
		more := false // than the page
		for i, of := range list {
			of = left(of, p, i-begin)
			s := newSource(of, memory)
			if sources[i] = s; chunks {
				s = s.sizes()
			}
			found, err := v.listPart(ctx, s)
			p.Full = p.Full || found.Full || found.Rest != nil
			if err != nil || p.Full && !chunks {
				return p, err
			}
			more = more || p.Full || found.Next != nil || i >= begin && s.Count == 0 && found.Total > 0
			p.Total += found.Total
			p.Records = append(p.Records, found.Records...)
			p.Types = append(p.Types, slices.Repeat([]*schema.Type{of.Type}, len(found.Records))...)
		}
		if n := len(p.Records); n > 0 && more && list[0].After != nil {
			p.Next = &directory.Position{ID: p.Records[n-1].ID, Value: p.Types[n-1].Name}
		}
		if chunks {
			return v.chunksOf(ctx, sources, p)
		}
		return p, nil
	})
}

// firstType tells of which type the first resource of the page is, at the earliest.
func firstType(list []directory.TypeQuery) int {
	if after := list[0].After; after != nil && !after.IsStart() {
		return slices.IndexFunc(list, func(of directory.TypeQuery) bool { return of.Type.Name == after.Value })
	}
	return 0
}

// left is what is left of a page for a type, so many behind the one in which the page
// begins. Where nothing is left the total is asked for.
func left(of directory.TypeQuery, page directory.Page, behind int) directory.TypeQuery {
	of.Start = max(of.Start-page.Total, 1)
	of.Count -= len(page.Records)
	if of.After != nil && behind != 0 {
		of.After = &directory.Position{}
	}
	for _, r := range page.Records {
		if of.Bytes > 0 {
			of.Bytes = max(of.Bytes-r.Size, 1)
		}
	}
	if behind < 0 || page.Full {
		of.Count = 0
	}
	return of
}

// listPart is listByID for a page that may lie past the end: then it does not
// count its way there.
func (v Lists) listPart(ctx context.Context, s source) (directory.Page, error) {
	if s.Start > 1 && s.Count > 0 {
		none := s
		none.Count = 0
		if p, err := v.listByID(ctx, none); err != nil || p.Total < s.Start {
			return p, err
		}
	}
	return v.listByID(ctx, s)
}
