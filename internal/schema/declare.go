package schema

import (
	"slices"
	"strings"
)

// The functions of this file keep a declaration on one line: a base and what
// differs from the defaults of RFC 7643 section 2.2 (a readWrite string that is
// optional, not caseExact, returned by default and not unique).

type option func(*Attribute)

func attr(kind Kind, name, description string, options []option) *Attribute {
	a := &Attribute{
		Name: name, Kind: kind, Description: description,
		CaseExact:  kind == Reference || kind == Binary,
		Mutability: ReadWrite, Returned: ReturnedDefault, Uniqueness: NotUnique,
	}
	for _, o := range options {
		o(a)
	}
	return a
}

func text(name, description string, options ...option) *Attribute {
	return attr(String, name, description, options)
}

func boolean(name, description string, options ...option) *Attribute {
	return attr(Boolean, name, description, options)
}

func decimal(name, description string, options ...option) *Attribute {
	return attr(Decimal, name, description, options)
}

func dateTime(name, description string, options ...option) *Attribute {
	return attr(DateTime, name, description, options)
}

func reference(name, description string, types []string, options ...option) *Attribute {
	a := attr(Reference, name, description, options)
	a.References = types
	return a
}

func binary(name, description string, options ...option) *Attribute {
	return attr(Binary, name, description, options)
}

func complexOne(name, description string, sub []*Attribute, options ...option) *Attribute {
	a := attr(Complex, name, description, options)
	a.Sub = sub
	return a
}

func complexMany(name, description string, sub []*Attribute, options ...option) *Attribute {
	a := complexOne(name, description, sub, options...)
	a.MultiValued = true
	return a
}

func required(a *Attribute)     { a.Required = true }
func caseExact(a *Attribute)    { a.CaseExact = true }
func readOnly(a *Attribute)     { a.Mutability = ReadOnly }
func immutable(a *Attribute)    { a.Mutability = Immutable }
func writeOnly(a *Attribute)    { a.Mutability, a.Returned = WriteOnly, ReturnedNever }
func always(a *Attribute)       { a.Returned = ReturnedAlways }
func multiValued(a *Attribute)  { a.MultiValued = true }
func uniqueServer(a *Attribute) { a.Uniqueness = UniqueServer }

func private(a *Attribute) { a.Private = true }

func computed(a *Attribute) { a.Computed = true }

func canonical(values ...string) option { return func(a *Attribute) { a.Canonical = values } }

func doubt(f func(value string) string) option { return func(a *Attribute) { a.Doubt = f } }

// listed is canonical with a doubt about other values.
func listed(values ...string) option {
	return func(a *Attribute) {
		a.Canonical = values
		if len(values) == 0 {
			return
		}
		a.Doubt = func(value string) string {
			if slices.ContainsFunc(values, func(known string) bool { return strings.EqualFold(known, value) }) {
				return ""
			}
			return "stored, though it is none of " + strings.Join(values, ", ")
		}
	}
}
func search(s Search) option { return func(a *Attribute) { a.Search = s } }
func atMost(n int) option    { return func(a *Attribute) { a.Max = n } }

func between(least, greatest float64) option {
	return func(a *Attribute) { a.Bounds = &[2]float64{least, greatest} }
}

func normalize(f func(string, Options) (string, error)) option {
	return func(a *Attribute) { a.Normalize = f }
}

func named(a *Attribute) { a.IsName = true }

// once has values told apart by those sub-attributes alone.
func once(by ...string) option { return func(a *Attribute) { a.Identity = by } }

func mirrors(of *Attribute) option { return func(a *Attribute) { a.Mirrors = of } }

func shorthand(f func(any) any) option { return func(a *Attribute) { a.Shorthand = f } }

// bareType has a bare string read as a value of that type.
func bareType(name string) option {
	return func(a *Attribute) { a.BareType, a.Shorthand = name, typed(name) }
}

// plural gives the default sub-attributes of a multi-valued attribute
// (RFC 7643 section 2.4) around its value.
func plural(value *Attribute, types ...string) []*Attribute {
	return []*Attribute{
		value,
		text("display", "A human-readable name of the value."),
		text("type", "A label that tells the function of the value.", listed(types...)),
		boolean("primary", "Whether this is the preferred value; at most one is."),
	}
}
