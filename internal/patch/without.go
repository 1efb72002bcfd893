package patch

import (
	"maps"
	"slices"

	"github.com/purescim/purescim/internal/schema"
)

// Without gives the plan without the values that wrong reports. Of a list the others stay;
// what would set nothing else is not done. wrong is told a top-level attribute and its value,
// canonical, or one element of it, of which there may be only a part.
func (p *Plan) Without(wrong func(a *schema.Attribute, value any) bool) *Plan {
	rest := &Plan{t: p.t, mirrors: p.mirrors, steps: make([]step, 0, len(p.steps))}
	for _, s := range p.steps {
		list := s.list()
		switch {
		case s.action != set && s.action != merge && s.action != insert:
		case list == nil:
			if wrong(s.attr, s.element()) {
				continue
			}
		default:
			kept := slices.DeleteFunc(slices.Clone(list), func(v any) bool { return wrong(s.attr, v) })
			if len(kept) == 0 && len(list) > 0 {
				continue
			}
			s.value = kept
		}
		rest.steps = append(rest.steps, s)
	}
	return rest
}

// element is what the step says of one value of its attribute.
func (s *step) element() any {
	part, isObject := s.value.(map[string]any)
	if s.sub != nil {
		part, isObject = map[string]any{s.sub.Name: s.value}, true
	}
	if !isObject {
		return s.value
	}
	whole := make(map[string]any, len(s.terms)+len(part))
	maps.Copy(whole, s.terms)
	maps.Copy(whole, part)
	return whole
}
