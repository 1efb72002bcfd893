package directory

import (
	"context"
	"errors"
	"slices"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/patch"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// TolerableAttributes are the attributes of users for which an organisation may choose to
// leave wrong values out.
func TolerableAttributes() []string {
	var names []string
	for a := range schema.User.Attributes {
		if !a.Required && !a.IsReadOnly() && a != schema.Active && a != schema.Password {
			names = append(names, a.Name)
		}
	}
	return names
}

// tolerance leaves wrong values out of the write of one user (BEHAVIOUR 33a), and collects
// warnings about them. The nil tolerance, that of strict organisations, does neither.
type tolerance struct {
	Warnings
	names   []string
	missing map[Reference]bool // what the store does not have
	ahead   bool               // what is missing may be on its way (Ahead)
}

// toleranceOf is what the organisation tolerates in a write.
func toleranceOf(ctx context.Context, o org.Org) *tolerance {
	if o.Settings.Strict {
		return nil
	}
	ahead, _ := ctx.Value(aheadKey{}).(bool)
	return &tolerance{names: o.Settings.Tolerate, ahead: ahead}
}

type aheadKey struct{}

// Ahead is ctx for a write that runs while earlier ones are still under way. A missing
// reference may be about to exist, so it is refused instead of left out.
func Ahead(ctx context.Context) context.Context { return context.WithValue(ctx, aheadKey{}, true) }

// tolerates reports whether wrong values of an attribute, or of what it is part of, are
// left out. A custom schema's attribute of the same name is another.
func (l *tolerance) tolerates(a *schema.Attribute) bool {
	if l == nil {
		return false
	}
	if a.Parent() != nil {
		a = a.Parent()
	}
	return slices.Contains(l.names, a.Name) && schema.User.Attribute(a.Name) == a
}

// options has values left out while they are decoded.
func (l *tolerance) options(o schema.Options) schema.Options {
	if l != nil {
		o.Tolerates = func(a *schema.Attribute) bool {
			return l.tolerates(a) && a != schema.Manager // of whom ids alone are left out
		}
		o.LeftOut = func(a *schema.Attribute, err error) {
			l.decoded = append(l.decoded, Warning{a.String(), "left out: " + withoutValues(err.Error())})
		}
		o.Doubt = func(a *schema.Attribute, doubt string) {
			l.decoded = append(l.decoded, Warning{a.String(), doubt})
		}
	}
	return o
}

// learn notes the references that the store lacks, to leave them out when the write is
// repeated. It reports whether all of them may be left out.
func (l *tolerance) learn(err error) bool {
	lost, lacks := errors.AsType[*MissingError](err)
	if l == nil || l.ahead || !lacks {
		return false
	}
	for _, r := range lost.References {
		if r.Attr == nil || !l.tolerates(r.Attr) || l.missing[keyOf(r)] {
			return false
		}
	}
	for _, r := range lost.References {
		if l.missing == nil {
			l.missing = make(map[Reference]bool)
		}
		l.missing[keyOf(r)] = true
	}
	return len(lost.References) > 0
}

// keyOf is a reference without the attribute that refers, and its name folded.
func keyOf(r Reference) Reference {
	return Reference{Kind: r.Kind, Name: schema.FoldName(r.Name), User: r.User}
}

// named are the attributes that refer to an entry of the catalogue by its name, each with
// the sub-attribute that holds the name.
var named = []struct {
	attr *schema.Attribute
	sub  string // "" where the value is a text
	kind Kind
}{
	{schema.Division, "", Division},
	{schema.Roles, "value", Role},
	{schema.RoutingSkills, "name", Skill},
	{schema.RoutingLanguages, "name", Language},
}

// isWrong reports whether a value of an attribute, or one element of it, is not an id or
// refers to what the store lacks, and notes the warning.
func (l *tolerance) isWrong(a *schema.Attribute, value any) bool {
	why := ""
	element, _ := value.(map[string]any)
	if a == schema.Manager {
		id := text(element["value"])
		if u, ok := exactID(id); id != "" && l.tolerates(a) && (!ok || l.missing[Reference{User: u}]) {
			why = "it is not the id of a user of the organisation"
		}
	}
	for _, r := range named {
		name := text(value)
		if r.sub != "" {
			name = text(element[r.sub])
		}
		if r.attr == a && len(l.missing) > 0 && l.missing[keyOf(Reference{Kind: r.kind, Name: name})] {
			why = "the organisation has none of the name"
		}
	}
	if why != "" {
		l.edited = append(l.edited, Warning{a.String(), "left out: " + why})
	}
	return why != ""
}

// without gives the plan of a PATCH without wrong values. An operation that has only wrong
// values does nothing.
func (l *tolerance) without(plan *patch.Plan) *patch.Plan {
	if l == nil {
		return plan
	}
	l.edited = l.edited[:0]
	if len(l.missing) == 0 && !plan.Touches(schema.Manager) {
		return plan
	}
	return plan.Without(l.isWrong)
}

// leaveOut removes wrong values from a user's document. A singular attribute takes its value
// from instead.
func (l *tolerance) leaveOut(instead, doc scim.Document) {
	if l == nil {
		return
	}
	l.edited = l.edited[:0]
	for _, a := range referring {
		switch value := a.Get(doc).(type) {
		case nil:
		case []any:
			a.Set(doc, slices.DeleteFunc(slices.Clone(value), func(v any) bool { return l.isWrong(a, v) }))
		default:
			if l.isWrong(a, value) {
				a.Clear(doc)
				a.Set(doc, a.Get(instead))
			}
		}
	}
}
