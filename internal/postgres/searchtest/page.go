package searchtest

import (
	"bytes"

	"github.com/purescim/purescim/internal/directory"
)

// WholePage puts the chunks of a page together, and keeps their documents.
func WholePage(p directory.Page) (whole directory.Page, err error) {
	whole = p
	keep := func(p directory.Page) {
		for i := range p.Records {
			p.Records[i].Doc = bytes.Clone(p.Records[i].Doc)
		}
	}
	keep(p)
	if whole.Rest = nil; p.Rest == nil {
		return whole, nil
	}
	for p, err := range p.Rest {
		if err != nil {
			return whole, err
		}
		keep(p)
		whole.Records = append(whole.Records, p.Records...)
		whole.Types = append(whole.Types, p.Types...)
		whole.Next = p.Next
	}
	return whole, nil
}
