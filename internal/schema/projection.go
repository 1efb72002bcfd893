package schema

import (
	"slices"
	"strings"
)

// Projection is which attributes an answer holds (RFC 7644 section 3.9). The
// zero Projection is the default set.
type Projection struct {
	// include is nil when `attributes` was not given.
	include, exclude selection
}

// selection maps a top-level attribute to the sub-attributes that are named;
// nil means the whole attribute.
type selection map[*Attribute]map[*Attribute]bool

// Project reads the parameters `attributes` and `excludedAttributes`, each
// repeated or comma-joined. Unknown names are ignored; what is named by both is
// left out (BEHAVIOUR 13).
func (t *Type) Project(attributes, excluded []string) Projection {
	p := Projection{include: t.selection(attributes), exclude: t.selection(excluded)}
	if len(p.exclude) == 0 {
		p.exclude = nil
	}
	return p
}

// selection is nil when no name is given, and empty when none is known.

func (t *Type) selection(lists []string) selection {
	var s selection
	for _, list := range lists {
		for name := range strings.SplitSeq(list, ",") {
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
		return a.Returned == ReturnedDefault
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
		return named[sub]
	default:
		return named == nil || named[sub]
	}
}
