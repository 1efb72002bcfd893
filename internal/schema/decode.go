package schema

import (
	"slices"
	"strings"

	"github.com/purescim/purescim/internal/scim"
)

// Input is the decoded body of a POST or PUT.
type Input struct {
	Doc  scim.Document
	sent map[*Attribute]bool
}

// Sent reports whether the body named the attribute, be it with null, and not with wrong
// values alone that were left out: PUT keeps some attributes that were not sent.
func (in Input) Sent(a *Attribute) bool { return in.sent[a] }

// Add notes that the body named an attribute besides.
func (in Input) Add(a *Attribute) { in.sent[a] = true }

// Decode checks the body of a POST or PUT against the type and makes its values
// canonical; the document is tidy. readOnly attributes and `schemas` are ignored (RFC 7644 sections
// 3.3, 3.5.1); unknown attributes are ignored with a warning. Strict options
// refuse these and check `schemas`. That required attributes are there is checked by CheckRequired,
// because rules may still supply them.
//
// Of several errors, the first in the alphabetical order of the body's names is
// returned, whatever the order that they were sent in.
func (t *Type) Decode(object map[string]any, o Options) (Input, error) {
	d := decoder{t: t, o: o, in: Input{
		Doc:  make(scim.Document, len(object)),
		sent: make(map[*Attribute]bool, len(object)),
	}}
	for _, key := range sortedKeys(nil, object) {
		if err := d.member(key, object[key]); err != nil {
			return Input{}, err
		}
	}
	t.Tidy(d.in.Doc)
	return d.in, d.checkSchemas(object)
}

func sortedKeys(dst []string, object map[string]any) []string {
	dst = slices.Grow(dst, len(object))
	for key := range object {
		dst = append(dst, key)
	}
	slices.Sort(dst)
	return dst
}

// CheckRequired returns invalidValue when a required attribute has no value, or
// only blanks; and when an element lacks a required sub-attribute. No extension
// is required: what it requires counts where it is used (RFC 7643 section 6).
func (t *Type) CheckRequired(doc scim.Document) error {
	for _, a := range t.required {
		if urn := a.Extension(); urn != "" && doc[urn] == nil {
			continue
		}
		value := a.Get(doc)
		if a.Required && !a.IsReadOnly() && isBlank(value) {
			return scim.InvalidValue("%s is required and may not be empty", a)
		}
		elements, ok := value.([]any)
		if !ok {
			elements = []any{value}
		}
		for _, element := range elements {
			if element, ok := element.(map[string]any); ok {
				if err := a.CheckElement(element); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func isBlank(value any) bool {
	s, ok := value.(string)
	return ok && IsBlank(s) || IsEmpty(value)
}

type decoder struct {
	t       *Type
	o       Options
	in      Input
	schemas []*Schema // those that the body gave something for
	used    []*Schema // those of them that it gave values for
}

func (d *decoder) member(key string, value any) error {
	if s := d.schema(key); s != nil {
		return d.container(s, value)
	}
	a := d.t.Attribute(key)
	// Short names of extensions are for paths and filters only, except manager,
	// which Entra sends bare.
	if a == nil || a.Extension() != "" && (a != Manager || d.o.Strict) {
		return d.o.Unknown(d.t, key)
	}
	return d.assign(a, value)
}

// schema finds the schema whose URN a key is, be it a former one.
func (d *decoder) schema(key string) *Schema {
	if s := d.t.Schema(key); s != nil || d.o.Strict {
		return s
	}
	ref, _ := d.t.Resolve(key)
	return ref.Extension
}

// container reads the object under a URN; what is empty counts as not sent.
func (d *decoder) container(s *Schema, value any) error {
	if slices.Contains(d.schemas, s) {
		return scim.InvalidSyntax("%s is given twice, in two spellings", s.ID)
	}
	d.schemas = append(d.schemas, s)
	object, err := s.Container(value, d.o)
	if err != nil {
		return err
	}
	if !IsEmpty(object) {
		d.used = append(d.used, s)
	}
	for _, key := range sortedKeys(nil, object) {
		a := s.Attribute(key)
		if a == nil {
			if err := d.o.Unknown(d.t, s.ID+":"+key); err != nil {
				return err
			}
			continue
		}
		if err := d.assign(a, object[key]); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) assign(a *Attribute, value any) error {
	if _, twice := d.in.sent[a]; twice {
		return scim.InvalidSyntax("%s is given twice, in two spellings", a)
	}
	d.in.sent[a] = true
	if a.IsReadOnly() {
		return nil
	}
	if err := d.o.checkList(a, value); err != nil {
		return err
	}
	v, err := a.Decode(value, d.o)
	if err != nil && d.o.Forgives(a, err) {
		d.in.sent[a] = false
		return nil
	}
	if err != nil {
		return err
	}
	a.Set(d.in.Doc, v)
	return nil
}

// Unknown is what happens to an attribute that the type does not declare: an
// error when strict, else a warning.
func (o Options) Unknown(t *Type, path string) error {
	_, known := t.Resolve(path)
	switch {
	case o.Strict && known:
		return NotAName(t, path)
	case o.Strict:
		return scim.InvalidSyntax("%q is not an attribute of %s; GET /Schemas lists those that are%s", path, t.Name, Instead(t, path))
	}
	if o.Warn != nil {
		o.Warn(path)
	}
	return nil
}

// NotAName refuses a path where an object has the names of attributes.
func NotAName(t *Type, path string) error {
	if ref, _ := t.Resolve(path); ref.former != nil {
		return scim.InvalidSyntax("%q %s", path, ref.Misspelt(path))
	}
	return scim.InvalidSyntax("%q is not the name of an attribute of %s: paths stand in path; in a value, attributes of an extension "+
		"stand in an object under its URN, and sub-attributes in one under their attribute", path, t.Name)
}

// Instead says which attribute holds what a client has looked for under a name that is
// none: under the name that the platform's own API has for it, or misspelt. It is "" when
// there is no such attribute.
func Instead(t *Type, name string) string {
	name = name[strings.LastIndexAny(name, ":.")+1:]
	if strings.EqualFold(name, "state") && t.Is(User) {
		return "; active tells whether the user may sign in"
	}
	var names []string
	for a := range t.Attributes {
		names = append(names, a.Name)
	}
	near := Near(name, names)
	if len(near) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(near, " or ") + "?"
}
