package patch

import (
	"maps"
	"slices"

	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Apply runs the plan on a document and returns the new one; doc is not
// changed, and shares with the result what no step is on. The result equals doc (scim.Document.Equal) when there is nothing to
// change. Errors, each beginning with "operation N: ", are noTarget, mutability
// of what has a value already, invalidValue for elements that are incomplete or
// too many, and 413 for more than maxTested tests of elements; then nothing is changed.
func (p *Plan) Apply(doc scim.Document) (scim.Document, error) {
	changed := p.attributes()
	next := copyOf(p.t, doc, changed)
	tested := 0
	for i := range p.steps {
		s, err := p.withoutMirrors(&p.steps[i], doc, next)
		if err != nil {
			return nil, inOperation(p.steps[i].operation, err)
		}
		if tested += s.tests(next); tested > maxTested {
			return nil, inOperation(s.operation, errTested())
		}
		if err := s.apply(next); err != nil {
			return nil, inOperation(s.operation, err)
		}
	}
	p.t.TidyOnly(next, changed)
	if err := p.checkLists(next); err != nil {
		return nil, err
	}
	return next, nil
}

// errTested refuses operations that would keep a processor busy for long.
func errTested() *scim.Error {
	return scim.TooLarge("the operations look at values of lists more than %d times together, which is the most allowed in one request; send them in several", maxTested)
}

// tests is how often the step looks at elements one by one.
func (s *step) tests(doc scim.Document) int {
	if s.filter == nil && s.sub == nil && s.attr.Search != schema.Link || !s.attr.MultiValued {
		return 0
	}
	n := len(s.attr.Values(doc))
	if s.filter != nil {
		n *= filter.Comparisons(s.filter)
	}
	return n
}

// attributes are the top-level attributes that steps are on.
func (p *Plan) attributes() []*schema.Attribute {
	list := make([]*schema.Attribute, 0, len(p.steps))
	seen := make(map[*schema.Attribute]bool, len(p.steps))
	for i := range p.steps {
		if a := p.steps[i].attr; !seen[a] {
			seen[a] = true
			list = append(list, a)
		}
	}
	return list
}

// copyOf copies a document as deep as its attributes will be changed.
func copyOf(t *schema.Type, doc scim.Document, changed []*schema.Attribute) scim.Document {
	next := maps.Clone(doc)
	for _, ext := range t.Extensions {
		if container, ok := next[ext.ID].(map[string]any); ok {
			next[ext.ID] = maps.Clone(container)
		}
	}
	for _, a := range changed {
		if value := a.Get(next); value != nil {
			value = scim.CloneValue(value)
			if list, ok := value.([]any); ok && a.Search != schema.Link {
				value = a.UniteStored(list) // else a change of one would be refused for two that were there
			}
			a.Set(next, value)
		}
	}
	return next
}

// checkLists looks at each multi-valued attribute that was changed as a whole:
// several operations may make one element together.
func (p *Plan) checkLists(doc scim.Document) error {
	checked := make(map[*schema.Attribute]bool)
	for _, s := range slices.Backward(p.steps) {
		if !s.attr.MultiValued || checked[s.attr] {
			continue
		}
		checked[s.attr] = true
		list := s.attr.Values(doc)
		if err := s.attr.CheckCount(len(list)); err != nil {
			return inOperation(s.operation, err)
		}
		if s.attr.Search != schema.Link {
			var err error
			if list, err = s.attr.Unite(list); err != nil {
				return inOperation(s.operation, err)
			}
		}
		if err := checkElements(s.attr, list); err != nil {
			return inOperation(s.operation, err)
		}
		s.attr.Set(doc, list)
	}
	return nil
}

func (s *step) apply(doc scim.Document) error {
	if s.attr.Mutability != schema.Immutable {
		return s.change(doc)
	}
	before := scim.CloneValue(s.attr.Get(doc))
	if err := s.change(doc); err != nil {
		return err
	}
	if before != nil && !scim.EqualValue(before, s.attr.Get(doc)) {
		return immutable(s.attr)
	}
	return nil
}

func (s *step) change(doc scim.Document) error {
	switch {
	case s.action == confirm:
		return s.confirm(doc)
	case !s.attr.MultiValued:
		return s.changeSingle(doc)
	case s.filter == nil && s.sub == nil:
		s.changeList(doc)
		return nil
	default:
		return s.changeElements(doc)
	}
}

func immutable(a *schema.Attribute) error {
	return scim.Mutability("%s is immutable: once it has a value, that cannot be changed", a)
}

func (s *step) confirm(doc scim.Document) error {
	if s.attr.Get(doc) != s.value {
		return scim.Mutability("%s is read-only, and the value sent is not that of this resource", s.attr)
	}
	return nil
}

// changeSingle changes a singular attribute. It may have a filter, for Entra
// removes a manager with manager[value eq "id"]: the one only who has that id.
func (s *step) changeSingle(doc scim.Document) error {
	switch {
	case s.filter != nil && !filter.MatchElement(s.filter, s.attr.Get(doc)):
		return s.createElement(doc, nil)
	case s.sub == nil && s.action == set:
		s.attr.Set(doc, s.value)
		return nil
	case s.sub == nil && s.action == unassign:
		s.attr.Clear(doc)
		return nil
	}
	object, ok := s.attr.Get(doc).(map[string]any)
	if !ok {
		object = make(map[string]any)
	}
	err := s.changeObject(object)
	if saysNothing(s.attr, object) {
		object = nil
	}
	s.attr.Set(doc, object)
	return err
}

// saysNothing reports whether a complex value holds no more than what the server
// itself adds to it, such as the $ref of a manager.
func saysNothing(a *schema.Attribute, object map[string]any) bool {
	return !slices.ContainsFunc(a.Sub, func(sub *schema.Attribute) bool {
		return !sub.IsReadOnly() && !schema.IsEmpty(object[sub.Name])
	})
}

// changeObject changes a complex value, or one element, in place.
func (s *step) changeObject(object map[string]any) error {
	if s.sub != nil {
		return assignTo(object, s.sub, s.value)
	}
	value, _ := s.value.(map[string]any)
	for _, sub := range s.attr.Sub {
		v, named := value[sub.Name]
		if !named && s.action == merge {
			continue
		}
		if err := assignTo(object, sub, v); err != nil {
			return err
		}
	}
	return nil
}

func assignTo(object map[string]any, sub *schema.Attribute, value any) error {
	before := object[sub.Name]
	if sub.Mutability == schema.Immutable && before != nil && !scim.EqualValue(before, value) {
		return immutable(sub)
	}
	if value == nil {
		delete(object, sub.Name)
		return nil
	}
	object[sub.Name] = scim.CloneValue(value)
	return nil
}

func (s *step) changeList(doc scim.Document) {
	list, value := s.attr.Values(doc), s.list()
	switch {
	case s.action == unassign:
		list = nil
	case s.attr.Search == schema.Link:
		list = s.changeLinks(list, value)
	case s.action == set:
		list = scim.CloneValue(s.value).([]any)
	case s.action == insert:
		list = insertInto(s.attr, list, value)
	case s.action == exclude:
		list = slices.DeleteFunc(list, func(element any) bool {
			return slices.ContainsFunc(value, func(item any) bool { return isListed(s.attr, item, element) })
		})
	}
	s.attr.Set(doc, list)
}

// list is the value of a step on a whole multi-valued attribute.
func (s *step) list() []any {
	list, _ := s.value.([]any)
	return list
}

// changeElements changes the elements that the filter selects; without a filter
// the sub-attribute of every element is meant.
func (s *step) changeElements(doc scim.Document) error {
	list := s.attr.Values(doc)
	var matched []int
	for i, element := range list {
		if s.filter == nil || filter.MatchElement(s.filter, element) {
			matched = append(matched, i)
		}
	}
	switch {
	case len(matched) == 0:
		return s.createElement(doc, list)
	case s.sub == nil && s.action == unassign:
		for _, i := range slices.Backward(matched) {
			list = slices.Delete(list, i, i+1)
		}
	default:
		if err := s.changeMatched(list, matched); err != nil {
			return err
		}
	}
	s.attr.Set(doc, list)
	return nil
}

func (s *step) changeMatched(list []any, matched []int) error {
	if len(matched) > 1 && s.makesPrimary() {
		return scim.InvalidValue("%s: the path selects %d values, and at most one may be primary", s.attr, len(matched))
	}
	for _, i := range matched {
		object, ok := list[i].(map[string]any)
		if !ok {
			list[i] = s.value
			continue
		}
		if err := s.changeObject(object); err != nil {
			return err
		}
	}
	if s.makesPrimary() {
		demoteOthers(list, matched[0])
	}
	return nil
}

func (s *step) makesPrimary() bool {
	if s.sub != nil {
		return s.sub.Name == "primary" && s.value == true
	}
	element, _ := s.value.(map[string]any)
	return element["primary"] == true
}

// createElement is for a filter that matches nothing (BEHAVIOUR 51, 52): what
// removes or clears has succeeded, what sets makes the element if the filter
// describes one.
func (s *step) createElement(doc scim.Document, list []any) error {
	switch {
	case s.action == unassign, s.action == merge && schema.IsEmpty(s.value):
		return nil
	case s.terms == nil && s.filter == nil:
		return scim.NoTarget("%s has no values whose %s could be set", s.attr, s.sub.Name)
	case s.terms == nil:
		return scim.NoTarget("no value of %s matches the filter of the path", s.attr)
	}
	element := maps.Clone(s.terms)
	maps.DeleteFunc(element, func(_ string, v any) bool { return v == nil })
	if err := s.changeObject(element); err != nil || s.attr.IsMirror(element, s.mirrored...) {
		return err
	}
	list = append(list, element)
	if element["primary"] == true {
		demoteOthers(list, len(list)-1)
	}
	s.attr.Set(doc, list)
	return nil
}
