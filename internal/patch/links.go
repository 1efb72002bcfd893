package patch

import (
	"slices"

	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Links is a change of a set of ids. The ids are in the order in which they
// were first named, without duplicates; none is in both lists.
type Links struct {
	// Replace: the set becomes exactly Add, and Remove is empty.
	Replace     bool
	Add, Remove []string

	filters *linkFilters // of removals that look at the elements; nil when none does
}

// NeedsStored reports whether the change depends on the stored elements: then Resolve
// completes it.
func (l Links) NeedsStored() bool { return l.filters != nil }

// Links takes the steps on the linked multi-valued attribute a, such as
// Group.members, out of the plan, as one change of the set of ids; rest is the
// plan without them. ok is false when a step writes to elements that are stored:
// then they are to be loaded and the whole plan applied.
func (p *Plan) Links(a *schema.Attribute) (change Links, rest *Plan, ok bool) {
	set := linkSet{add: newIDs(), remove: newIDs()}
	rest = &Plan{t: p.t, mirrors: p.mirrors}
	var on []*step
	for i := range p.steps {
		s := &p.steps[i]
		if s.attr != a {
			rest.steps = append(rest.steps, *s)
			continue
		}
		if !set.step(s) {
			return Links{}, nil, false
		}
		on = append(on, s)
	}
	change = Links{Replace: set.replace, Add: set.add.list(), Remove: set.remove.list()}
	if set.filtered {
		change.filters = newLinkFilters(on)
	}
	return change, rest, true
}

// linkSet composes steps: what a later one says of an id is what counts.
type linkSet struct {
	replace     bool
	filtered    bool // a step needs the elements
	add, remove *ids
}

func (l *linkSet) step(s *step) bool {
	if s.sub != nil || s.filter != nil && s.action != unassign {
		return false
	}
	named, ok := s.linkIDs()
	switch {
	case !ok:
		l.filtered = true
	case s.action == insert:
		l.join(named)
	case s.action == exclude, s.filter != nil:
		l.leave(named)
	default:
		*l = linkSet{replace: true, add: newIDs(), remove: newIDs()}
		l.join(named)
	}
	return true
}

func (l *linkSet) join(named []string) {
	for _, id := range named {
		l.remove.drop(id)
		l.add.put(id)
	}
}

func (l *linkSet) leave(named []string) {
	for _, id := range named {
		l.add.drop(id)
		if !l.replace {
			l.remove.put(id)
		}
	}
}

// linkIDs are the ids that the step names: in its filter or in its value.
func (s *step) linkIDs() (named []string, ok bool) {
	if s.filter != nil {
		return filterIDs(s.filter, nil)
	}
	for _, v := range s.list() {
		named = append(named, linkID(v))
	}
	return named, true
}

// filterIDs are the ids that a filter selects, if it is `value eq` alone or
// several of them joined by `or`.
func filterIDs(n filter.Node, named []string) ([]string, bool) {
	switch n := n.(type) {
	case filter.Or:
		named, ok := filterIDs(n.Left, named)
		if !ok {
			return nil, false
		}
		return filterIDs(n.Right, named)
	case filter.Compare:
		id, ok := n.Value.(string)
		return append(named, id), ok && n.Op == filter.Eq && n.Attr.Name == "value"
	default:
		return nil, false
	}
}

func linkID(element any) string {
	object, _ := element.(map[string]any)
	id, _ := object["value"].(string)
	return id
}

// changeLinks is changeList for elements that are one by their id. An element
// that stays keeps its other sub-attributes, which the server fills in.
func (s *step) changeLinks(list, value []any) []any {
	named := idsOf(value)
	switch s.action {
	case exclude:
		return slices.DeleteFunc(list, func(element any) bool { return named[linkID(element)] })
	case set:
		list = slices.DeleteFunc(list, func(element any) bool { return !named[linkID(element)] })
	}
	there := idsOf(list)
	for _, v := range value {
		if id := linkID(v); !there[id] {
			there[id] = true
			list = append(list, scim.CloneValue(v))
		}
	}
	return list
}

func idsOf(elements []any) map[string]bool {
	found := make(map[string]bool, len(elements))
	for _, element := range elements {
		found[linkID(element)] = true
	}
	return found
}

// ids is a set of ids that keeps the order in which they came.
type ids struct {
	at    map[string]int
	order []string // "" where one was dropped
}

func newIDs() *ids { return &ids{at: make(map[string]int)} }

func (s *ids) put(id string) {
	if _, there := s.at[id]; !there {
		s.at[id] = len(s.order)
		s.order = append(s.order, id)
	}
}

func (s *ids) drop(id string) {
	if i, there := s.at[id]; there {
		s.order[i] = ""
		delete(s.at, id)
	}
}

func (s *ids) list() []string {
	var named []string
	for _, id := range s.order {
		if id != "" {
			named = append(named, id)
		}
	}
	return named
}
