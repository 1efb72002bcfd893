// Package filter reads the filters, sort orders and PATCH paths of RFC 7644
// (sections 3.4.2.2, 3.4.2.3 and 3.5.2) and the spellings of them that clients
// use, binds them to the attributes of package schema, prints them, and tests
// documents in memory.
//
// The grammar of expressions is github.com/scim2/filter-parser. It is guarded
// here, because it recurses without a bound, leaves strings escaped and refuses
// spellings that are common: limits come first, and it sees only the shape of a
// filter, such as "t0 eq 0 and (t1 pr)", whose terms are read by this package.
//
// How a filter becomes SQL is left to package postgres, and what a path does to
// a document to package patch.
package filter

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// What one filter, or the path of one PATCH operation, may hold.
const (
	MaxLength = 4096 // bytes
	MaxDepth  = 16   // parentheses and brackets inside each other
	MaxTerms  = 64   // comparisons and presence tests
)

// Filter is a filter that is bound to a resource type.
type Filter struct{ root Node }

// Root is the expression.
func (f *Filter) Root() Node { return f.root }

// String prints the filter in one canonical spelling: full names, quoted and
// folded values, no needless parentheses. Parsing it gives the same filter.
func (f *Filter) String() string { return string(appendNode(nil, f.root, false)) }

// Parse reads a filter over the resources of type t. Every error is a
// *scim.Error of type invalidFilter.
func Parse(t *schema.Type, text string) (*Filter, error) {
	return ParseWith(t, text, schema.Options{})
}

// ParseWith is Parse for an organisation whose options tell how a value is made
// canonical before it is compared with stored ones: the region in which a
// national telephone number is read.
func ParseWith(t *schema.Type, text string, o schema.Options) (*Filter, error) {
	if problem := checkText(text); problem != "" {
		return nil, scim.InvalidFilter("the filter %s", problem)
	}
	c, err := scan(text)
	if err != nil {
		return nil, err
	}
	root, err := binder{t: t, o: o}.clause(c)
	if err != nil {
		return nil, err
	}
	return &Filter{root: root}, nil
}

// checkText tells what makes a filter or path unfit to be read at all, or "".
func checkText(text string) string {
	switch {
	case len(text) > MaxLength:
		return fmt.Sprintf("is longer than the %d bytes allowed", MaxLength)
	case !utf8.ValidString(text):
		return "is not valid UTF-8"
	case strings.IndexByte(text, 0) >= 0:
		return "holds a NUL character, which is not allowed"
	default:
		return ""
	}
}
