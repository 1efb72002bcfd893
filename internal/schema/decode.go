package schema

import (
	"strings"

	"github.com/purescim/purescim/internal/scim"
)

// Input is the decoded body of a POST or PUT.
type Input struct {
	Doc  scim.Document
	sent map[*Attribute]bool
}

// Sent reports whether the body named the attribute, be it with null: PUT keeps
// some attributes that were not sent.
func (in Input) Sent(a *Attribute) bool { return in.sent[a] }

// Decode checks the body of a POST or PUT against the type and makes its values
// canonical. readOnly attributes and `schemas` are ignored (RFC 7644 sections
// 3.3, 3.5.1); unknown attributes are ignored with a warning, or refused when
// strict. That required attributes are there is checked by CheckRequired,
// because rules may still supply them.
func (t *Type) Decode(object map[string]any, o Options) (Input, error) {
	d := decoder{t: t, o: o, in: Input{Doc: make(scim.Document, len(object)), sent: make(map[*Attribute]bool, len(object))}}
	for key, value := range object {
		if s := t.Schema(key); s != nil {
			if err := d.extension(s, value); err != nil {
				return Input{}, err
			}
			continue
		}
		a := t.core(key)
		if a == nil {
			if err := d.unknown(key); err != nil {
				return Input{}, err
			}
			continue
		}
		if err := d.assign(a, value); err != nil {
			return Input{}, err
		}
	}
	return d.in, nil
}

// core finds what a key at the top of a body names; short names of extensions
// are for paths and filters only, except manager, which Entra sends bare.
func (t *Type) core(key string) *Attribute {
	name := strings.ToLower(key)
	if a := t.Core.byName[name]; a != nil {
		return a
	}
	if a := common.byName[name]; a != nil {
		return a
	}
	if t.short[name] == Manager {
		return Manager
	}
	return nil
}

// CheckRequired returns invalidValue when a required attribute has no value, or
// only blanks.
func (t *Type) CheckRequired(doc scim.Document) error {
	for a := range t.Attributes {
		if !a.Required || a.Mutability == ReadOnly {
			continue
		}
		value := a.Get(doc)
		if s, ok := value.(string); ok && strings.TrimSpace(s) == "" {
			value = nil
		}
		if IsEmpty(value) {
			return scim.InvalidValue("%s is required and may not be empty", a)
		}
	}
	return nil
}

type decoder struct {
	t  *Type
	o  Options
	in Input
}

// extension reads the object of an extension; null and "" count as not sent.
func (d *decoder) extension(s *Schema, value any) error {
	if IsEmpty(value) {
		return nil
	}
	object, ok := value.(map[string]any)
	if !ok {
		return scim.InvalidValue("%s is %s; an object is expected", s.ID, scim.KindOf(value))
	}
	for key, v := range object {
		a := s.Attribute(key)
		if a == nil {
			if err := d.unknown(s.ID + ":" + key); err != nil {
				return err
			}
			continue
		}
		if err := d.assign(a, v); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) assign(a *Attribute, value any) error {
	if a.Mutability == ReadOnly {
		return nil
	}
	if d.in.sent[a] {
		return scim.InvalidSyntax("%s is given twice, in two spellings", a)
	}
	d.in.sent[a] = true
	v, err := a.Decode(value, d.o)
	if err != nil {
		return err
	}
	a.Set(d.in.Doc, v)
	return nil
}

func (d *decoder) unknown(path string) error { return d.o.Unknown(d.t, path) }

// Unknown is what happens to an attribute that the type does not declare: an
// error when strict, else a warning.
func (o Options) Unknown(t *Type, path string) error {
	if o.Strict {
		return scim.InvalidSyntax("%q is not an attribute of %s; GET /Schemas lists those that are", path, t.Name)
	}
	if o.Warn != nil {
		o.Warn(path)
	}
	return nil
}
