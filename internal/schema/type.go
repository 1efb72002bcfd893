package schema

import (
	"strings"

	"github.com/purescim/purescim/internal/scim"
)

// Schema is a set of attributes under a URN (RFC 7643 section 7).
type Schema struct {
	ID          string
	Name        string
	Description string
	Attributes  []*Attribute

	extension bool
	byName    map[string]*Attribute
}

// NewSchema links the attributes to their schema and parents. It panics on a
// name that is declared twice: declarations are part of the program.
func NewSchema(s Schema) *Schema {
	s.byName = make(map[string]*Attribute, len(s.Attributes))
	linked := &s
	for _, a := range s.Attributes {
		link(linked, nil, a)
		key := strings.ToLower(a.Name)
		if s.byName[key] != nil {
			panic("schema: " + s.ID + " declares " + a.Name + " twice")
		}
		s.byName[key] = a
	}
	return linked
}

// NewExtension is NewSchema for an extension schema (RFC 7643 section 3.3).
func NewExtension(s Schema) *Schema {
	s.extension = true
	return NewSchema(s)
}

func link(s *Schema, parent, a *Attribute) {
	a.schema, a.parent, a.path = s, parent, a.Name
	if parent != nil {
		a.path = parent.path + "." + a.Name
	}
	a.sub = make(map[string]*Attribute, len(a.Sub))
	for _, sub := range a.Sub {
		link(s, a, sub)
		key := strings.ToLower(sub.Name)
		if a.sub[key] != nil {
			panic("schema: " + s.ID + " declares " + sub.path + " twice")
		}
		a.sub[key] = sub
	}
}

// Attribute finds a top-level attribute of the schema by name in any case, or nil.
func (s *Schema) Attribute(name string) *Attribute { return s.byName[strings.ToLower(name)] }

// Type is a resource type (RFC 7643 section 6): a core schema, its extensions
// and the common attributes.
type Type struct {
	Name        string // "User"
	Plural      string // "users", for texts
	Endpoint    string // "/Users"
	Description string
	Core        *Schema
	Extensions  []*Schema

	short map[string]*Attribute
	urns  map[string]*Schema
}

// NewType links a resource type. Attributes of extensions get short names where
// no other attribute of the type has the name.
func NewType(t Type) *Type {
	t.short = make(map[string]*Attribute)
	t.urns = map[string]*Schema{strings.ToLower(t.Core.ID): t.Core}
	ambiguous := make(map[string]bool)
	for _, ext := range t.Extensions {
		t.urns[strings.ToLower(ext.ID)] = ext
		for name, a := range ext.byName {
			if t.short[name] != nil || t.Core.byName[name] != nil || common.byName[name] != nil {
				ambiguous[name] = true
			}
			t.short[name] = a
		}
	}
	for name := range ambiguous {
		delete(t.short, name)
	}
	return &t
}

// With returns the type with more extensions.
func (t *Type) With(extensions ...*Schema) *Type {
	c := *t
	c.Extensions = append(append([]*Schema(nil), t.Extensions...), extensions...)
	return NewType(c)
}

// Attribute finds a top-level attribute by its name in any case: a common one,
// one of the core schema, or one of an extension whose short name is not
// ambiguous. It returns nil when there is none.
func (t *Type) Attribute(name string) *Attribute {
	name = strings.ToLower(name)
	if a := t.Core.byName[name]; a != nil {
		return a
	}
	if a := common.byName[name]; a != nil {
		return a
	}
	return t.short[name]
}

// Attributes calls yield for every top-level attribute in the order of answers:
// schemas, id, externalId, then core, then each extension; meta comes last.
func (t *Type) Attributes(yield func(*Attribute) bool) {
	for _, list := range t.lists() {
		for _, a := range list {
			if a != Meta && !yield(a) {
				return
			}
		}
	}
	yield(Meta)
}

func (t *Type) lists() [][]*Attribute {
	lists := [][]*Attribute{common.Attributes, t.Core.Attributes}
	for _, ext := range t.Extensions {
		lists = append(lists, ext.Attributes)
	}
	return lists
}

// Schema finds the core or an extension schema of the type by URN in any case, or nil.
func (t *Type) Schema(urn string) *Schema { return t.urns[strings.ToLower(urn)] }

// Ref is a resolved attribute path without a value filter.
type Ref struct {
	// Extension is set when the path names a whole schema: a bare URN.
	Extension *Schema
	// Attr is the top-level attribute.
	Attr *Attribute
	// Sub is the sub-attribute, or nil.
	Sub *Attribute
}

// Leaf is the attribute that the path ends at: Sub when given, else Attr.
func (r Ref) Leaf() *Attribute {
	if r.Sub != nil {
		return r.Sub
	}
	return r.Attr
}

// Resolve finds what an attribute path names (RFC 7644 section 3.10): `attr`,
// `attr.sub`, `URN:attr`, `URN:attr.sub` or a bare URN, in any case; and the
// short name of an extension's attribute. ok is false for an unknown name.
func (t *Type) Resolve(path string) (ref Ref, ok bool) {
	if s := t.Schema(path); s != nil {
		return Ref{Extension: s}, true
	}
	urn, rest, hasURN := t.cutURN(path)
	name, subName, hasSub := strings.Cut(rest, ".")
	if hasURN {
		ref.Attr = t.Schema(urn).Attribute(name)
		if ref.Attr == nil && t.Schema(urn) == t.Core {
			ref.Attr = common.Attribute(name)
		}
	} else {
		ref.Attr = t.Attribute(name)
	}
	if ref.Attr == nil {
		return Ref{}, false
	}
	if hasSub {
		ref.Sub = ref.Attr.SubAttribute(subName)
		return ref, ref.Sub != nil
	}
	return ref, true
}

// cutURN splits a path that begins with the URN of one of the type's schemas.
// URNs hold dots and colons, so the known ones are compared, never parsed.
func (t *Type) cutURN(path string) (urn, rest string, ok bool) {
	if len(path) < 4 || !strings.EqualFold(path[:4], "urn:") {
		return "", path, false
	}
	for urn := range t.urns {
		if len(path) > len(urn) && path[len(urn)] == ':' && strings.EqualFold(path[:len(urn)], urn) {
			return urn, path[len(urn)+1:], true
		}
	}
	return "", path, false
}

// SchemasOf lists the URNs that a document uses: the core schema, and each
// extension that holds a value.
func (t *Type) SchemasOf(doc scim.Document) []string {
	urns := []string{t.Core.ID}
	for _, ext := range t.Extensions {
		if !IsEmpty(doc[ext.ID]) {
			urns = append(urns, ext.ID)
		}
	}
	return urns
}
