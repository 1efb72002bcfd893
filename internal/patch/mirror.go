package patch

import (
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// withoutMirrors gives the step that is to be done on next, which becomes of doc. If the
// attribute has mirrors of another (schema.Attribute.Mirrors), they are taken out of next,
// so that no path finds them, and out of the step's value: clients send back what they read.
func (p *Plan) withoutMirrors(s *step, doc, next scim.Document) (*step, error) {
	a := s.attr
	if a.Mirrors == nil || !p.mirrors {
		return s, nil
	}
	clean := *s
	clean.mirrored = p.textsOf(a.Mirrors, doc)
	a.Set(next, a.WithoutMirrors(a.Values(next), clean.mirrored...))
	if list := s.list(); list != nil {
		list = a.WithoutMirrors(list, clean.mirrored...)
		clean.value = list
		return &clean, a.CheckPrimary(list)
	}
	return &clean, nil
}

// textsOf are the texts that an attribute has before the plan and may have after it.
func (p *Plan) textsOf(a *schema.Attribute, doc scim.Document) []string {
	texts := []string{a.Text(doc)}
	for i := range p.steps {
		if text, ok := p.steps[i].value.(string); ok && p.steps[i].attr == a {
			texts = append(texts, text)
		}
	}
	return texts
}
