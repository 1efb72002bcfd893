package schema

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// appendProjected copies the members of a stored document that are wanted, and
// leaves the object open.
func (t *Type) appendProjected(dst, doc []byte, p Projection) []byte {
	r := projector{
		Projection: p,
		dec:        jsontext.NewDecoder(bytes.NewBuffer(doc), jsontext.AllowDuplicateNames(true)),
	}
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

// projector copies what a projection wants from one stored document, which
// Encode has written, in one pass.
type projector struct {
	Projection
	dec *jsontext.Decoder
}

// eachMember reads an object; visit must read or skip the member's value.
func (r *projector) eachMember(visit func(name []byte)) {
	if r.dec.PeekKind() != '{' {
		_ = r.dec.SkipValue()
		return
	}
	_, _ = r.dec.ReadToken()
	for r.dec.PeekKind() == '"' {
		raw, err := r.dec.ReadValue()
		if err != nil {
			return
		}
		visit(raw[1 : len(raw)-1])
	}
	_, _ = r.dec.ReadToken()
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
		_ = r.dec.SkipValue()
		return dst
	}
	before := len(dst)
	dst = append(separate(dst), a.key...)
	start := len(dst)
	switch {
	case !r.partial(a):
		value, _ := r.dec.ReadValue()
		dst = append(dst, value...)
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
	_, _ = r.dec.ReadToken()
	for r.dec.PeekKind() == '{' {
		mark := len(dst)
		dst = separate(dst)
		start := len(dst)
		if dst = r.appendSubs(dst, a); len(dst) == start {
			dst = dst[:mark]
		}
	}
	_, _ = r.dec.ReadToken()
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
			_ = r.dec.SkipValue()
			return
		}
		dst = append(separate(dst), sub.key...)
		value, _ := r.dec.ReadValue()
		dst = append(dst, value...)
	})
	if len(dst) == before+1 {
		return dst[:before]
	}
	return append(dst, '}')
}
