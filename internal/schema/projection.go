package schema

import (
	"regexp"
	"slices"
	"strings"
)

// Projection is which attributes an answer holds (RFC 7644 section 3.9). The
// zero Projection is the default set.
type Projection struct {
	// include is nil when `attributes` was not given.
	include, exclude selection
	// sent is what a write names that is answered on request alone.
	sent selection
}

// selection maps a top-level attribute to the sub-attributes that are named;
// nil means the whole attribute.
type selection map[*Attribute]map[*Attribute]bool

// Project reads the parameters `attributes` and `excludedAttributes`, each
// repeated or comma-joined. Unknown names and filters in brackets are ignored; what is
// named by both is left out (BEHAVIOUR 13).
func (t *Type) Project(attributes, excluded []string) Projection {
	p := Projection{include: t.selection(attributes), exclude: t.selection(excluded)}
	if len(p.exclude) == 0 {
		p.exclude = nil
	}
	return p
}

// inBrackets matches the filter of a path, in whose texts a bracket is one of them.
var inBrackets = regexp.MustCompile(`\[("(\\.|[^"\\])*"|[^]"])*\]`)

func withoutFilters(list string) string {
	if !strings.Contains(list, "[") {
		return list
	}
	return inBrackets.ReplaceAllString(list, "")
}

// selection is nil when no name is given, and empty when none is known.
func (t *Type) selection(lists []string) selection {
	var s selection
	for _, list := range lists {
		for name := range strings.SplitSeq(withoutFilters(list), ",") {
			if name = strings.TrimSpace(name); name == "" {
				continue
			}
			if s == nil {
				s = make(selection)
			}
			ref, ok := t.Resolve(name)
			switch {
			case !ok:
			case ref.Extension != nil:
				for _, a := range ref.Extension.Attributes {
					s[a] = nil
				}
			case ref.Sub == nil:
				s[ref.Attr] = nil
			default:
				subs, named := s[ref.Attr]
				if named && subs == nil {
					continue // the whole attribute was named already
				}
				if subs == nil {
					subs = make(map[*Attribute]bool)
					s[ref.Attr] = subs
				}
				subs[ref.Sub] = true
			}
		}
	}
	return s
}

// Sending is the projection for the answer to a write of these attributes: of what
// is answered on request alone, that which the client wrote is answered to it (RFC
// 7643 section 7), unless the parameter `attributes` chose others.
func (t *Type) Sending(p Projection, attributes map[string]any) Projection {
	if !t.onRequest || p.include != nil {
		return p
	}
	if p.sent == nil {
		p.sent = make(selection)
	}
	for name, value := range attributes {
		p.sent.write(t, name, value)
	}
	return p
}

// write adds an attribute and those of its sub-attributes that have a value.
func (s selection) write(t *Type, name string, value any) {
	ref, ok := t.Resolve(name)
	object, _ := value.(map[string]any)
	switch {
	case !ok:
		return
	case ref.Extension != nil:
		for name, value := range object {
			s.write(t, ref.Extension.ID+":"+name, value)
		}
		return
	case s[ref.Attr] == nil:
		s[ref.Attr] = make(map[*Attribute]bool)
	}
	if ref.Sub != nil {
		s[ref.Attr][ref.Sub] = true
		return
	}
	elements, _ := value.([]any)
	for _, element := range append([]any{value}, elements...) {
		object, _ := element.(map[string]any)
		for name := range object {
			s[ref.Attr][ref.Attr.SubAttribute(name)] = true
		}
	}
}

// keepsDocument reports whether stored documents are answered whole: nothing was
// chosen, or only what is linked was left out, as Entra leaves out members.
func (p Projection) keepsDocument() bool {
	if p.include != nil {
		return false
	}
	for a := range p.exclude {
		if a.Search != Link {
			return false
		}
	}
	return true
}

// Wants reports whether any part of a top-level attribute is in the answer.
func (p Projection) Wants(a *Attribute) bool {
	switch a.Returned {
	case ReturnedAlways:
		return true
	case ReturnedNever:
		return false
	}
	if subs, excluded := p.exclude[a]; excluded && subs == nil {
		return false
	}
	if p.include == nil {
		_, sent := p.sent[a]
		return sent || a.Returned == ReturnedDefault
	}
	_, included := p.include[a]
	return included
}

// partial reports whether some sub-attributes of a wanted attribute are left out.
func (p Projection) partial(a *Attribute) bool {
	return slices.ContainsFunc(a.Sub, func(sub *Attribute) bool { return !p.wantsSub(a, sub) })
}

// wantsSub reports whether a sub-attribute of a wanted attribute is in the answer.
func (p Projection) wantsSub(a, sub *Attribute) bool {
	named := p.include[a]
	switch {
	case a.Returned == ReturnedAlways || sub.Returned == ReturnedAlways:
		return true
	case sub.Returned == ReturnedNever || p.exclude[a][sub]:
		return false
	case sub.Returned == ReturnedRequest:
		return named[sub] || p.sent[a][sub]
	default:
		return named == nil || named[sub]
	}
}
