package directory

import (
	"slices"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// newReferences lists what a user's doc refers to and old did not: those that old
// has exist, because nothing that is in use can be deleted, and so do the defaults,
// which are built in. So a user with nothing else is stored without a look-up.
func newReferences(t *schema.Type, old, doc scim.Document) []Reference {
	added := newSchemas(t, old, doc)
	if refersAlike(old, doc) {
		return added
	}
	known := make(map[Reference]bool)
	for _, r := range references(old) {
		known[folded(r)] = true
	}
	for _, r := range references(doc) {
		if key := folded(r); !known[key] && !isDefault(r) {
			known[key] = true
			added = append(added, r)
		}
	}
	return added
}

// newSchemas lists the custom schemas of which doc has values and old had none.
func newSchemas(t *schema.Type, old, doc scim.Document) []Reference {
	var added []Reference
	for _, ext := range t.Extensions {
		if ext.Revision != 0 && doc[ext.ID] != nil && old[ext.ID] == nil {
			added = append(added, Reference{Schema: ext})
		}
	}
	return added
}

// keepSpelling writes the names that old has as they are there, which is as the catalogue
// writes them: another spelling of a name is no change. It reports whether one was.
func keepSpelling(old, doc scim.Document) (changed bool) {
	if old == nil || refersAlike(old, doc) {
		return false
	}
	before := references(old)
	for _, r := range references(doc) {
		i := slices.IndexFunc(before, func(o Reference) bool { return o.Name != r.Name && folded(o) == folded(r) })
		if r.Kind != 0 && i >= 0 {
			changed = true
			Respell(r.Kind, doc, r.Name, before[i].Name)
		}
	}
	return changed
}

func folded(r Reference) Reference {
	r.Name = schema.FoldName(r.Name)
	return r
}

// referring are the attributes by which a user's document refers to something.
var referring = []*schema.Attribute{schema.Manager, schema.Division, schema.Roles, schema.RoutingSkills, schema.RoutingLanguages}

// refersAlike reports whether a change is of other attributes, as most are: then no name
// needs folding.
func refersAlike(old, doc scim.Document) bool {
	return !slices.ContainsFunc(referring, func(a *schema.Attribute) bool { return !scim.EqualValue(a.Get(old), a.Get(doc)) })
}

// references lists the names and the manager that a user's document refers to.
func references(doc scim.Document) []Reference {
	var refs []Reference
	if name := schema.Division.Text(doc); name != "" {
		refs = append(refs, Reference{Attr: schema.Division, Kind: Division, Name: name})
	}
	refs = appendNames(refs, doc, schema.Roles, "value", Role)
	refs = appendNames(refs, doc, schema.RoutingSkills, "name", Skill)
	refs = appendNames(refs, doc, schema.RoutingLanguages, "name", Language)
	if manager, ok := schema.Manager.Get(doc).(map[string]any); ok {
		if id, err := uuid.Parse(text(manager["value"])); err == nil {
			refs = append(refs, Reference{Attr: schema.Manager, User: id})
		}
	}
	return refs
}

func appendNames(refs []Reference, doc scim.Document, a *schema.Attribute, sub string, kind Kind) []Reference {
	for _, v := range a.Values(doc) {
		element, _ := v.(map[string]any)
		if name := text(element[sub]); name != "" {
			refs = append(refs, Reference{Attr: a, Kind: kind, Name: name})
		}
	}
	return refs
}

func text(v any) string {
	s, _ := v.(string)
	return s
}
