package schema

import "bytes"

// appendProjected copies the members of a stored document that are wanted, and
// leaves the object open.
func (t *Type) appendProjected(dst, doc []byte, p Projection) []byte {
	r := projector{Projection: p, doc: doc}
	dst = append(dst, '{')
	r.eachMember(func(name []byte) {
		if ext := t.urns[string(name)]; ext != nil {
			dst = r.appendExtension(dst, ext)
			return
		}
		dst = r.appendMember(dst, t.names[string(name)])
	})
	return dst
}

// projector copies what a projection wants from one stored document, in one pass. Encode has
// written it: it has no blanks, and no name has escapes.
type projector struct {
	Projection
	doc []byte
	at  int // what is read next
}

// eachMember reads an object; visit must read the member's value.
func (r *projector) eachMember(visit func(name []byte)) {
	for r.at++; r.doc[r.at] != '}'; {
		if r.doc[r.at] == ',' {
			r.at++
		}
		begin, end := r.at+1, stringEnd(r.doc, r.at)
		r.at = end + 1 // a colon is between
		visit(r.doc[begin : end-1])
	}
	r.at++
}

// value reads a value.
func (r *projector) value() []byte {
	begin := r.at
	switch r.doc[begin] {
	case '"':
		r.at = stringEnd(r.doc, begin)
	case '{', '[':
		r.at = nestedEnd(r.doc, begin)
	default:
		r.at += bytes.IndexAny(r.doc[begin:], ",}]")
	}
	return r.doc[begin:r.at]
}

// nestedEnd is behind the object or list that begins at a place.
func nestedEnd(doc []byte, at int) int {
	for depth := 0; ; {
		switch doc[at] {
		case '"':
			at = stringEnd(doc, at)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if at++; depth == 0 {
			return at
		}
	}
}

func (r *projector) appendExtension(dst []byte, ext *Schema) []byte {
	before := len(dst)
	dst = append(appendString(separate(dst), ext.ID), ':', '{')
	start := len(dst)
	r.eachMember(func(name []byte) {
		dst = r.appendMember(dst, ext.names[string(name)])
	})
	if len(dst) == start {
		return dst[:before]
	}
	return append(dst, '}')
}

// appendMember reads the value of a and writes what is wanted of it.
func (r *projector) appendMember(dst []byte, a *Attribute) []byte {
	if a == nil || !r.Wants(a) {
		r.value()
		return dst
	}
	before := len(dst)
	dst = append(separate(dst), a.key...)
	start := len(dst)
	switch {
	case !r.partial(a):
		dst = append(dst, r.value()...)
	case a.MultiValued:
		dst = r.appendElements(dst, a)
	default:
		dst = r.appendSubs(dst, a)
	}
	if len(dst) == start {
		return dst[:before]
	}
	return dst
}

func (r *projector) appendElements(dst []byte, a *Attribute) []byte {
	before := len(dst)
	dst = append(dst, '[')
	for r.at++; r.doc[r.at] != ']'; {
		if r.doc[r.at] == ',' {
			r.at++
		}
		mark := len(dst)
		dst = separate(dst)
		start := len(dst)
		if dst = r.appendSubs(dst, a); len(dst) == start {
			dst = dst[:mark]
		}
	}
	r.at++
	if len(dst) == before+1 {
		return dst[:before]
	}
	return append(dst, ']')
}

// appendSubs writes the wanted sub-attributes of one complex value, or nothing
// when none is left.
func (r *projector) appendSubs(dst []byte, a *Attribute) []byte {
	before := len(dst)
	dst = append(dst, '{')
	r.eachMember(func(name []byte) {
		sub := a.sub[string(name)]
		if sub == nil || !r.wantsSub(a, sub) {
			r.value()
			return
		}
		dst = append(separate(dst), sub.key...)
		dst = append(dst, r.value()...)
	})
	if len(dst) == before+1 {
		return dst[:before]
	}
	return append(dst, '}')
}
