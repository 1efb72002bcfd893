// Package patch makes a function from document to document of the operations
// of a PATCH request (RFC 7644 section 3.5.2).
//
// Compile resolves paths and checks values: whatever is wrong with a request
// in itself fails there. Apply runs the plan on a document in memory. Links
// takes a change of members out of a plan, so that a group need not be loaded
// for it. The grammar of paths is left to package filter, the spellings of
// values to package schema, and rules that need other resources, or that keep
// attributes in step with each other, to package directory.
package patch

import (
	"errors"
	"fmt"

	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// MaxLinks is how many linked values, such as members, the operations of one
// request may name together (BEHAVIOUR 58).
const MaxLinks = 200_000

// maxListed is the same for all other values: they are compared with each other,
// so that more of them would keep the server busy for long.
const maxListed = 5 * schema.MaxValues

// maxTested is how often the operations of one request may look at elements of lists: each
// is counted for each operation, and each comparison of its filter. A list of the most values, and the most
// operations on it, stay below.
const maxTested = scim.MaxOperations * schema.MaxValues

// Plan is a compiled PATCH. It is not changed by its use and may be applied
// to any number of documents, also at the same time.
type Plan struct {
	t       *schema.Type
	steps   []step
	mirrors bool // values that mirror another attribute are taken out
}

// action is what a step does to what it selects.
type action int

const (
	set      action = iota // put the value in the place of what is there
	merge                  // put the value's sub-attributes over those that are there
	insert                 // append the elements that are not there yet
	unassign               // take away what is there
	exclude                // take away the listed elements
	confirm                // refuse another value than the one that is there
)

// step is one change of one top-level attribute. An operation makes several
// when its value names several attributes.
type step struct {
	operation int // from 1, for errors; 0 where there are none
	action    action
	attr      *schema.Attribute
	sub       *schema.Attribute
	filter    filter.Node    // selects elements, or is a condition on a single value; may be nil
	terms     map[string]any // what an element made for filter begins with; nil: none can be made
	value     any            // canonical; in a merge, nil unassigns a sub-attribute
	mirrored  []string       // what values of the attribute may mirror, known when the step is applied
}

// leaf is the attribute that the step's value belongs to.
func (s *step) leaf() *schema.Attribute {
	if s.sub != nil {
		return s.sub
	}
	return s.attr
}

// Empty reports whether the plan changes nothing, whatever the document.
func (p *Plan) Empty() bool { return len(p.steps) == 0 }

// Touches reports whether a step is on the top-level attribute a.
func (p *Plan) Touches(a *schema.Attribute) bool {
	for i := range p.steps {
		if p.steps[i].attr == a {
			return true
		}
	}
	return false
}

// inOperation puts the number of the operation, if there are any, in front of an error's detail.
func inOperation(number int, err error) error {
	if number == 0 {
		return err
	}
	var e *scim.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("operation %d: %w", number, err)
	}
	numbered := *e
	numbered.Detail = fmt.Sprintf("operation %d: %s", number, e.Detail)
	return &numbered
}
