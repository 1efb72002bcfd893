package schema

import (
	"slices"
	"strings"

	"github.com/purescim/purescim/internal/scim"
)

// Schema is a set of attributes under a URN (RFC 7643 section 7).
type Schema struct {
	ID          string
	Name        string
	Description string
	Attributes  []*Attribute
	// Former are URNs that it had before the standard, which clients send to this day.
	Former []string
	// Revision tells the states of a custom schema apart, by which an organisation
	// has extended a type; 0 is built in.
	Revision int64

	extension bool
	names     names
}

// NewSchema links the attributes to their schema and parents. It panics on a
// name that is declared twice: declarations are part of the program.
func NewSchema(s Schema) *Schema {
	linked := &s
	linked.names = link(linked, nil, s.Attributes)
	return linked
}

// NewExtension is NewSchema for an extension schema (RFC 7643 section 3.3).
func NewExtension(s Schema) *Schema {
	s.extension = true
	return NewSchema(s)
}

func link(s *Schema, parent *Attribute, attributes []*Attribute) names {
	found := make(names, 2*len(attributes))
	for _, a := range attributes {
		a.schema, a.parent, a.path = s, parent, a.Name
		if parent != nil {
			a.path = parent.path + "." + a.Name
		}
		if found.find(a.Name) != nil {
			panic("schema: " + s.ID + " declares " + a.path + " twice")
		}
		if !a.Private {
			found.add(a)
		}
		a.key = `"` + a.Name + `":`
		a.sub = link(s, a, a.Sub)
		a.identify()
		a.abbreviate()
		a.numeric = a.Kind == Integer || a.Kind == Decimal || slices.ContainsFunc(a.Sub, func(sub *Attribute) bool { return sub.numeric })
	}
	return found
}

// Attribute finds a top-level attribute of the schema by name in any case, or nil.
func (s *Schema) Attribute(name string) *Attribute { return s.names.find(name) }

// Type is a resource type (RFC 7643 section 6): a core schema, its extensions
// and the common attributes.
type Type struct {
	Name        string // "User"
	Plural      string // "users", for texts
	Endpoint    string // "/Users"
	Description string
	Core        *Schema
	Extensions  []*Schema

	all       []*Attribute // top-level, in the order of answers
	names     names        // top-level, with the short names of extensions
	urns      map[string]*Schema
	former    map[string]*Schema
	numeric   []*Attribute // those of all that hold numbers
	composite []*Attribute // those that are complex or multi-valued
	required  []*Attribute // those that are required, or hold what is
	linked    *Attribute   // the one that is kept as links, or nil
	onRequest bool         // whether something is returned on request only
}

// NewType links a resource type. Attributes of extensions get short names where
// no other attribute of the type has the name; a custom one takes no name from
// those that are built in.
func NewType(t Type) *Type {
	core := slices.DeleteFunc(slices.Clone(t.Core.Attributes), func(a *Attribute) bool { return a.Private })
	t.all = slices.Concat([]*Attribute{Schemas, ID, ExternalID}, core)
	t.names, t.urns, t.former = make(names), make(map[string]*Schema), make(map[string]*Schema)
	for _, a := range slices.Concat(common.Attributes, core) {
		t.names.add(a)
	}
	t.addURN(t.Core)
	for _, ext := range t.Extensions {
		t.addURN(ext)
		t.all = append(t.all, ext.Attributes...)
	}
	t.addShortNames(func(ext *Schema) bool { return ext.Revision == 0 })
	t.addShortNames(func(ext *Schema) bool { return ext.Revision != 0 })
	t.all = append(t.all, Meta)
	t.characterize()
	return &t
}

// addShortNames adds the names of attributes of those extensions that only one
// of them has, and the type has not yet.
func (t *Type) addShortNames(of func(ext *Schema) bool) {
	short := make(map[string][]*Attribute)
	for _, ext := range t.Extensions {
		if !of(ext) {
			continue
		}
		for _, a := range ext.Attributes {
			key := strings.ToLower(a.Name)
			short[key] = append(short[key], a)
		}
	}
	for key, claims := range short {
		if len(claims) == 1 && t.names[key] == nil {
			t.names.add(claims[0])
		}
	}
}

func (t *Type) addURN(s *Schema) {
	t.urns[s.ID], t.urns[strings.ToLower(s.ID)] = s, s
	for _, urn := range s.Former {
		t.former[strings.ToLower(urn)] = s
	}
}

// characterize notes what is asked about all attributes at once.
func (t *Type) characterize() {
	t.numeric, t.composite, t.required, t.linked, t.onRequest = nil, nil, nil, nil, false
	for _, a := range t.all {
		if a.numeric {
			t.numeric = append(t.numeric, a)
		}
		if a.MultiValued || a.Kind == Complex {
			t.composite = append(t.composite, a)
		}
		if a.Required || slices.ContainsFunc(a.Sub, func(sub *Attribute) bool { return sub.Required }) {
			t.required = append(t.required, a)
		}
		if a.Search == Link {
			t.linked = a
		}
		requested := func(a *Attribute) bool { return a.Returned == ReturnedRequest }
		t.onRequest = t.onRequest || requested(a) || slices.ContainsFunc(a.Sub, requested)
	}
}

// With returns the type with more extensions.
func (t *Type) With(extensions ...*Schema) *Type {
	c := *t
	c.Extensions = append(append([]*Schema(nil), t.Extensions...), extensions...)
	return NewType(c)
}

// Is reports whether t is the resource type other, be it with more extensions.
func (t *Type) Is(other *Type) bool { return t.Core == other.Core }

// Attribute finds a top-level attribute by its name in any case: a common one,
// one of the core schema, or one of an extension whose short name is not
// ambiguous. It returns nil when there is none.
func (t *Type) Attribute(name string) *Attribute { return t.names.find(name) }

// Attributes calls yield for every top-level attribute in the order of answers:
// schemas, id, externalId, then core, then each extension; meta comes last.
func (t *Type) Attributes(yield func(*Attribute) bool) {
	for _, a := range t.all {
		if !yield(a) {
			return
		}
	}
}

// Schema finds the core or an extension schema of the type by URN in any case, or nil.
func (t *Type) Schema(urn string) *Schema {
	if !hasURNPrefix(urn) {
		return nil
	}
	if s := t.urns[urn]; s != nil {
		return s
	}
	return t.urns[strings.ToLower(urn)]
}

func hasURNPrefix(s string) bool { return len(s) > 4 && strings.EqualFold(s[:4], "urn:") }

// Ref is a resolved attribute path without a value filter.
type Ref struct {
	// Extension is set when the path names a whole schema: a bare URN.
	Extension *Schema
	// Attr is the top-level attribute.
	Attr *Attribute
	// Sub is the sub-attribute, or nil.
	Sub *Attribute

	dotted *Schema // behind whose URN a dot stands, or nil
	former *Schema // that is named by a former URN, or nil
}

// Leaf is the attribute that the path ends at: Sub when given, else Attr.
func (r Ref) Leaf() *Attribute {
	if r.Sub != nil {
		return r.Sub
	}
	return r.Attr
}

// Resolve finds what an attribute path names (RFC 7644 section 3.10): `attr`,
// `attr.sub`, `URN:attr`, `URN:attr.sub` or a bare URN, in any case; and, for who is
// not strict (Ref.Misspelt), the short name of an extension's attribute, `URN.attr`, and
// former URNs. ok is false for an unknown name.
func (t *Type) Resolve(path string) (ref Ref, ok bool) {
	if s := t.Schema(path); s != nil {
		return Ref{Extension: s}, true
	}
	if s := t.former[strings.ToLower(path)]; s != nil {
		return Ref{Extension: s, former: s}, true
	}
	owner, rest := cutURN(path, t.urns)
	if owner == nil {
		owner, rest = cutURN(path, t.former)
		ref.former = owner
	}
	if owner != nil && path[len(path)-len(rest)-1] == '.' {
		ref.dotted = owner
	}
	name, subName, hasSub := strings.Cut(rest, ".")
	switch {
	case owner == nil:
		ref.Attr = t.Attribute(name)
	case owner == t.Core && owner.Attribute(name) == nil:
		ref.Attr = common.Attribute(name)
	default:
		ref.Attr = owner.Attribute(name)
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

// cutURN splits a path that begins with one of the URNs, and a colon or dot behind it. URNs
// hold dots and colons, so the known ones are compared, never parsed; the longest wins.
func cutURN(path string, urns map[string]*Schema) (owner *Schema, rest string) {
	rest = path
	if !hasURNPrefix(path) {
		return nil, path
	}
	for urn, s := range urns {
		if len(path) > len(urn) && (path[len(urn)] == ':' || path[len(urn)] == '.') &&
			strings.EqualFold(path[:len(urn)], urn) && len(path)-len(urn)-1 < len(rest) {
			owner, rest = s, path[len(urn)+1:]
		}
	}
	return owner, rest
}

// SchemasOf lists the URNs that a document uses: the core schema, and each
// extension that holds a value.
func (t *Type) SchemasOf(doc scim.Document) []string {
	urns := []string{t.Core.ID}
	for _, ext := range t.Extensions {
		container, _ := doc[ext.ID].(map[string]any)
		for _, a := range ext.Attributes {
			if !IsEmpty(container[a.Name]) {
				urns = append(urns, ext.ID)
				break
			}
		}
	}
	return urns
}
