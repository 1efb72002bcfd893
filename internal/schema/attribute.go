// Package schema is the one table of attributes. What is declared here drives
// decoding and validation of bodies, discovery, PATCH paths, projection and the
// binding of filters; an attribute is added by one line.
//
// It leaves rules that need other resources (does this role exist?) to package
// directory, and how attributes are searched in SQL to package postgres.
package schema

import (
	"errors"
	"strings"

	"github.com/purescim/purescim/internal/scim"
)

// Kind is an attribute's data type (RFC 7643 section 2.3).
type Kind string

// The data types, as discovery spells them.
const (
	String    Kind = "string"
	Boolean   Kind = "boolean"
	Decimal   Kind = "decimal"
	Integer   Kind = "integer"
	DateTime  Kind = "dateTime"
	Reference Kind = "reference"
	Binary    Kind = "binary"
	Complex   Kind = "complex"
)

// Mutability tells who may write an attribute (RFC 7643 section 7).
type Mutability string

// The mutabilities, as discovery spells them.
const (
	ReadWrite Mutability = "readWrite"
	ReadOnly  Mutability = "readOnly"
	Immutable Mutability = "immutable"
	WriteOnly Mutability = "writeOnly"
)

// Returned tells when an attribute is in an answer (RFC 7643 section 7).
type Returned string

// The characteristics of return, as discovery spells them.
const (
	ReturnedDefault Returned = "default"
	ReturnedAlways  Returned = "always"
	ReturnedNever   Returned = "never"
	ReturnedRequest Returned = "request"
)

// Uniqueness tells how far a value is unique (RFC 7643 section 7).
type Uniqueness string

// The uniquenesses, as discovery spells them.
const (
	NotUnique    Uniqueness = "none"
	UniqueServer Uniqueness = "server"
	UniqueGlobal Uniqueness = "global"
)

// Search tells how a filter finds the attribute; package postgres holds the
// matching columns and key kinds, and a test compares the two.
type Search int

const (
	// Scan reads the folded document of each resource: right, but not indexed.
	Scan Search = iota
	// Column is a folded, indexed column of the resource's table.
	Column
	// Key is a row of the key table for each value.
	Key
	// Link is a row that relates two resources: members and groups.
	Link
)

// Attribute declares one attribute or sub-attribute (RFC 7643 section 7).
type Attribute struct {
	Name        string
	Kind        Kind
	MultiValued bool
	Required    bool
	CaseExact   bool
	Mutability  Mutability
	Returned    Returned
	Uniqueness  Uniqueness
	Canonical   []string // canonicalValues
	References  []string // referenceTypes
	Description string
	Sub         []*Attribute

	// Computed is made by the server of `value`, though the standard publishes it as one
	// that clients may set: what is sent of it is ignored like a readOnly one, unless it
	// comes without a value: then the value is the id in it.
	Computed bool
	// Max is how many values a multi-valued attribute may hold; 0 is MaxValues.
	Max int
	// Bounds are the least and greatest number allowed; nil is no limit.
	Bounds *[2]float64
	// Search tells how filters find it.
	Search Search
	// Normalize makes a value canonical or says why it is not allowed. The
	// error is a plain sentence; the decoder adds the attribute's name.
	Normalize func(value string, o Options) (string, error)
	// Doubt says why a canonical value that is allowed may be wrong, or "".
	Doubt func(value string) string
	// Shorthand turns the other spellings that clients use for one value of a
	// complex attribute, such as a bare string, into its object.
	Shorthand func(value any) any
	// BareType is the type of a value that is given without one, as a bare string is.
	BareType string
	// Identity names the sub-attributes that tell one value of a multi-valued attribute
	// from another; none are those of RFC 7643 section 2.4.
	Identity []string
	// IsName tells that values are names, which FoldName compares.
	IsName bool
	// Mirrors is the attribute that answers repeat among the values of this one; may be
	// nil. Whoever takes them out checks then that one is primary (CheckPrimary).
	Mirrors *Attribute
	// Private has it stored and nothing else: no client can name it, and no answer or
	// description shows it.
	Private bool

	schema  *Schema
	parent  *Attribute
	path    string // name below the resource or extension: "name.givenName"
	key     string // the name as a JSON member: `"name":`
	sub     names
	numeric bool // it or a sub-attribute is a number
}

// names finds attributes by their name in any case. Each is there in its own
// and in lower-case spelling, so that the usual look-up has nothing to lower.
type names map[string]*Attribute

func (n names) add(a *Attribute) {
	n[a.Name], n[strings.ToLower(a.Name)] = a, a
}

func (n names) find(name string) *Attribute {
	if a := n[name]; a != nil {
		return a
	}
	return n[strings.ToLower(name)]
}

// Options are what an organisation chooses about the decoding of values.
type Options struct {
	// Region reads national phone numbers.
	Region string
	// Strict refuses unknown attributes, which are otherwise ignored, and the
	// spellings of values, filters and operations that only clients know.
	Strict bool
	// Domain is the provisioning domain whose externalId a filter asks for; empty is that
	// of the documents themselves.
	Domain string
	// Warn, if not nil, is called with the path of each ignored attribute.
	Warn func(path string)
	// Tolerates reports whether wrong values of a top-level attribute are left out; nil
	// leaves none out. LeftOut is called for each.
	Tolerates func(a *Attribute) bool
	LeftOut   func(a *Attribute, err error)
	// Doubt, if not nil, is called with the reason why an accepted value may be wrong.
	Doubt func(a *Attribute, doubt string)
}

// Forgives reports whether a value with the error is left out, and tells of it.
func (o Options) Forgives(a *Attribute, err error) bool {
	if !o.tolerates(a, err) {
		return false
	}
	o.LeftOut(a, err)
	return true
}

func (o Options) tolerates(a *Attribute, err error) bool {
	if err == nil || o.Tolerates == nil || !o.Tolerates(a) {
		return false
	}
	wrong, is := errors.AsType[*scim.Error](err)
	return is && wrong.Type == scim.TypeInvalidValue
}

// IsReadOnly reports whether clients cannot write the attribute.
func (a *Attribute) IsReadOnly() bool { return a.Mutability == ReadOnly || a.Computed }

// Path is the attribute's notation below its schema: "emails.value".
func (a *Attribute) Path() string { return a.path }

// String is the full notation (RFC 7644 section 3.10): with the URN for an
// attribute of an extension, without it for one of the core schema.
func (a *Attribute) String() string {
	if urn := a.Extension(); urn != "" {
		return urn + ":" + a.path
	}
	return a.path
}

// Assumed is the value that a filter finds where an element lacks the sub-attribute:
// `primary` is false then (RFC 7643 section 2.4). It is nil for all others.
func (a *Attribute) Assumed() any {
	if a.Name == "primary" && a.Kind == Boolean && a.parent != nil && a.parent.MultiValued {
		return false
	}
	return nil
}

// Parent is the complex attribute that a sub-attribute belongs to, or nil.
func (a *Attribute) Parent() *Attribute { return a.parent }

// Extension is the URN of the extension that the attribute belongs to, or "".
func (a *Attribute) Extension() string {
	if a.schema == nil || !a.schema.extension {
		return ""
	}
	return a.schema.ID
}

// SubAttribute finds a sub-attribute by its name in any case, or nil.
func (a *Attribute) SubAttribute(name string) *Attribute {
	return a.sub.find(name)
}

// Fold gives the form in which values of the attribute are compared: as they
// are when caseExact, else folded.
func (a *Attribute) Fold(value string) string {
	switch {
	case a.CaseExact:
		return value
	case a.IsName:
		return FoldName(value)
	default:
		return Fold(value)
	}
}

// FoldPart is Fold for a part of a value, which begins the value, ends it, or stands
// anywhere inside.
func (a *Attribute) FoldPart(part string, begins, ends bool) string {
	if !a.IsName {
		return a.Fold(part)
	}
	part = FoldNamePart(part)
	if begins {
		part = strings.TrimLeft(part, " ")
	}
	if ends {
		part = strings.TrimRight(part, " ")
	}
	return part
}

// IsText reports whether values are compared as strings.
func (a *Attribute) IsText() bool {
	return a.Kind == String || a.Kind == Reference || a.Kind == Binary
}

// Get gives the value of a top-level attribute in a document, or nil.
func (a *Attribute) Get(doc scim.Document) any {
	if urn := a.Extension(); urn != "" {
		container, _ := doc[urn].(map[string]any)
		return container[a.Name]
	}
	return doc[a.Name]
}

// Text gives the string value of a top-level attribute, or "".
func (a *Attribute) Text(doc scim.Document) string {
	s, _ := a.Get(doc).(string)
	return s
}

// Values gives the elements of a top-level multi-valued attribute, or nil.
func (a *Attribute) Values(doc scim.Document) []any {
	list, _ := a.Get(doc).([]any)
	return list
}

// Set assigns a top-level attribute; an empty value clears it.
func (a *Attribute) Set(doc scim.Document, value any) {
	if IsEmpty(value) {
		a.Clear(doc)
		return
	}
	urn := a.Extension()
	if urn == "" {
		doc[a.Name] = value
		return
	}
	container, ok := doc[urn].(map[string]any)
	if !ok {
		container = make(map[string]any)
		doc[urn] = container
	}
	container[a.Name] = value
}

// Clear unassigns a top-level attribute; an extension without attributes goes.
func (a *Attribute) Clear(doc scim.Document) {
	urn := a.Extension()
	if urn == "" {
		delete(doc, a.Name)
		return
	}
	if container, ok := doc[urn].(map[string]any); ok {
		delete(container, a.Name)
		if len(container) == 0 {
			delete(doc, urn)
		}
	}
}

// IsEmpty reports whether a value means "unassigned": null, an empty string, an
// empty list, or an object without a non-empty member (RFC 7643 section 2.5).
func IsEmpty(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		for _, x := range v {
			if !IsEmpty(x) {
				return false
			}
		}
		return true
	case map[string]any:
		for _, x := range v {
			if !IsEmpty(x) {
				return false
			}
		}
		return true
	default:
		return false
	}
}
