package directory

import (
	"context"
	"errors"
	"slices"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// TolerableAttributes are the attributes of users whose wrong values an organisation may
// have left out.
func TolerableAttributes() []string {
	var names []string
	for a := range schema.User.Attributes {
		if !a.Required && !a.IsReadOnly() && a != schema.Active && a != schema.Password {
			names = append(names, a.Name)
		}
	}
	return names
}

// tolerance leaves wrong values out of the write of one user (BEHAVIOUR 33a), and gathers
// the warnings of it. The nil tolerance, that of strict organisations, does neither.
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

// Ahead is ctx for a write while others that were asked for before it are under way: what
// is missing may be about to come, so it is refused, and not left out.
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

// learn notes what the store does not have, so that it is left out when the write is
// done again; it reports whether all of it may be.
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

// leaveOut takes out of a user's new document what is no id, and what the store does not
// have. A singular attribute keeps its old value, unless all of the user was sent.
func (l *tolerance) leaveOut(old, doc scim.Document, put bool) {
	if l == nil {
		return
	}
	l.edited = l.edited[:0]
	back := func(a *schema.Attribute, why string) {
		l.edited = append(l.edited, Warning{a.String(), "left out: " + why})
		a.Clear(doc)
		if before := a.Get(old); before != nil && !put {
			a.Set(doc, before)
		}
	}
	manager, _ := schema.Manager.Get(doc).(map[string]any)
	if id := text(manager["value"]); id != "" && l.tolerates(schema.Manager) {
		u, ok := exactID(id)
		if !ok || l.missing[Reference{User: u}] {
			back(schema.Manager, "it is not the id of a user of the organisation")
		}
	}
	if name := schema.Division.Text(doc); l.lacks(Division, name) {
		back(schema.Division, "the organisation has none of the name")
	}
	l.leaveOutNames(doc, schema.Roles, "value", Role)
	l.leaveOutNames(doc, schema.RoutingSkills, "name", Skill)
	l.leaveOutNames(doc, schema.RoutingLanguages, "name", Language)
}

func (l *tolerance) lacks(kind Kind, name string) bool {
	return len(l.missing) > 0 && l.missing[Reference{Kind: kind, Name: schema.FoldName(name)}]
}

func (l *tolerance) leaveOutNames(doc scim.Document, a *schema.Attribute, sub string, kind Kind) {
	if len(l.missing) == 0 {
		return
	}
	kept := slices.DeleteFunc(slices.Clone(a.Values(doc)), func(v any) bool {
		element, _ := v.(map[string]any)
		name := text(element[sub])
		if !l.lacks(kind, name) {
			return false
		}
		l.edited = append(l.edited, Warning{a.String(), "left out: the organisation has none of the name"})
		return true
	})
	a.Set(doc, kept)
}
