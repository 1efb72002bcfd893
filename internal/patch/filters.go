package patch

import (
	"context"
	"iter"
	"slices"

	"github.com/purescim/purescim/internal/filter"
)

// linkFilters are the filters of removals such as members[display sw "A"], in their
// order. All of them are tested in one pass over the elements, so that many cost about
// as much as one.
type linkFilters struct {
	any *filter.AnyOf
	// after tells for ids that a step names behind a filter how many filters stand
	// before the last such step: these have no say in them any more.
	after map[string]int
	// sent are elements that steps add, by id, as they were sent.
	sent map[string]any
}

// newLinkFilters takes the steps on the attribute.
func newLinkFilters(steps []*step) *linkFilters {
	f := &linkFilters{after: make(map[string]int), sent: make(map[string]any)}
	var nodes []filter.Node
	for _, s := range steps {
		named, ok := s.linkIDs()
		if !ok {
			nodes = append(nodes, s.filter)
			continue
		}
		if s.filter == nil && s.action != insert && s.action != exclude { // the whole set
			clear(f.sent)
			clear(f.after)
			nodes = nil
		}
		for _, id := range named {
			if len(nodes) > 0 {
				f.after[id] = len(nodes)
			}
		}
		if s.action == insert || s.action == set {
			for _, element := range s.list() {
				f.sent[linkID(element)] = element
			}
		}
	}
	f.any = filter.NewAnyOf(nodes)
	return f
}

// Resolve completes a change that NeedsStored: the stored elements are walked once,
// and each may be changed when the next is asked for. It ends with the context. The error
// is 413 when filters that look for no text, such as not (...), look at elements more than
// maxTested times.
func (l Links) Resolve(ctx context.Context, stored iter.Seq[map[string]any]) (Links, error) {
	f := l.filters
	matcher := f.any.Matcher()
	gone, there := newIDs(), make(map[string]bool)
	for element := range stored {
		if err := ctx.Err(); err != nil {
			return Links{}, err
		}
		id := linkID(element)
		if f.sent[id] != nil {
			there[id] = true
		}
		if matcher.Match(element, f.after[id]) {
			gone.put(id)
		}
		if matcher.Looks() > maxTested {
			return Links{}, errTested()
		}
	}
	for id, element := range f.sent {
		if !there[id] && matcher.Match(element, f.after[id]) {
			gone.put(id)
		}
	}
	return l.without(gone), ctx.Err()
}

// without takes ids out of the set.
func (l Links) without(gone *ids) Links {
	isGone := func(id string) bool { _, ok := gone.at[id]; return ok }
	change := Links{Replace: l.Replace, Add: slices.DeleteFunc(slices.Clone(l.Add), isGone)}
	if !l.Replace {
		for _, id := range l.Remove {
			gone.put(id)
		}
		change.Remove = gone.list()
	}
	return change
}
