package patch

import (
	"slices"
	"strings"
	"time"

	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// The functions of this file are the operations and paths that clients write
// beside RFC 7644, or that it leaves open, one function a case. Spellings of
// values are in package schema.

// keyPath reads a key of a value without a path as a path: Entra (with the flag
// aadOptscim062020) sends `name.givenName` and `URN:department`, Okta plain
// names. known is false for an attribute that the type does not declare.
func (c *compiler) keyPath(key string) (p filter.Path, known bool, err error) {
	if ref, ok := c.t.Resolve(key); ok {
		return filter.Path{Extension: ref.Extension, Attr: ref.Attr, Sub: ref.Sub}, true, nil
	}
	name, _, bracket := strings.Cut(key, "[")
	if _, ok := c.t.Resolve(strings.TrimSpace(name)); !bracket || !ok {
		return p, false, nil
	}
	p, err = filter.ParsePathWith(c.t, key, c.o)
	return p, true, err
}

// schemaMember reads a URN as a key whose value is an object: Entra and Okta
// send extensions so. They are merged, attribute by attribute (BEHAVIOUR 54); null
// unassigns all of it. Saviynt sends an extension it has no values for as "".
func (c *compiler) schemaMember(op string, s *schema.Schema, value any) error {
	if value == nil {
		return c.unassignSchema(op, s)
	}
	object, err := s.Container(value, c.o)
	if err != nil {
		return err
	}
	return c.members(op, s, object)
}

// wholeSchema reads a bare URN as a path, which RFC 7644's grammar does not
// know but several clients send: each attribute is meant.
func (c *compiler) wholeSchema(op scim.PatchOp, s *schema.Schema) error {
	if c.o.Strict {
		return scim.InvalidPath("path %q: a whole schema is no path; name an attribute of it, or send an object of them without a path", s.ID)
	}
	if object, err := s.Container(op.Value, c.o); op.Op != opRemove && (object != nil || err != nil) {
		return c.schemaMember(op.Op, s, op.Value)
	}
	return c.unassignSchema(op.Op, s)
}

func (c *compiler) unassignSchema(op string, s *schema.Schema) error {
	for _, a := range s.Attributes {
		if a.IsReadOnly() {
			continue
		}
		if s != c.t.Core && op != opAdd { // what an extension requires goes with the whole of it
			c.add(step{action: unassign, attr: a})
			continue
		}
		// A replacement by null unassigns as a removal does, but errs as a replacement.
		if err := c.target(op, filter.Path{Attr: a}, nil); err != nil {
			return err
		}
	}
	return nil
}

// schemas lets clients announce, and take back, the URN of an extension beside
// its attributes, as RFC 7644's first example of an addition does. The server
// lists the schemas that are in use, so there is nothing to change.
func (c *compiler) schemas(op scim.PatchOp) error {
	urns, ok := op.Value.([]any)
	if !ok {
		urns = []any{op.Value}
	}
	for _, v := range urns {
		urn, _ := v.(string)
		ref, _ := c.t.Resolve(urn)
		unknown := ref.Extension == nil || c.o.Strict && ref.Misspelt(urn) != ""
		if op.Op == opReplace || unknown || op.Op == opRemove && ref.Extension == c.t.Core {
			return scim.Mutability("schemas is read-only: it lists the schemas in use; only URNs of extensions of %s may be added or removed", c.t.Name)
		}
	}
	return nil
}

// valueFor takes off what clients put around the value of a path: a list of exactly one
// where one value is meant, and the attribute's own name, as in a removal of members with
// the value {"members": [...]}.
func (c *compiler) valueFor(p filter.Path, value any) any {
	if c.o.Strict {
		return value
	}
	if p.Sub != nil || p.Filter != nil || !p.Attr.MultiValued {
		value = schema.Only(value)
	}
	leaf := p.Leaf()
	if object, ok := value.(map[string]any); ok && len(object) == 1 {
		for name, named := range object {
			if strings.EqualFold(name, leaf.Name) && leaf.SubAttribute(name) == nil {
				return named
			}
		}
	}
	return value
}

// isReference reports whether a path, or a key, is manager.$ref, or the like, with a reference.
func (c *compiler) isReference(p filter.Path, value any) bool {
	text, ok := c.valueFor(p, value).(string)
	return ok && schema.IDIn(text) != "" && !p.Attr.MultiValued && p.Sub != nil && p.Sub.Computed && !c.o.Strict
}

// pointsTo reports whether a value may be a URL, be it relative, or the id that a bulk
// request puts in the place of a bulkId.
func pointsTo(value any) bool {
	text, ok := schema.Only(value).(string)
	return ok && (strings.Contains(text, "/") || len(text) == 36 && strings.Count(text, "-") == 4)
}

// pointTo sets whom a reference points to: the server makes the reference of that.
func (c *compiler) pointTo(op string, p filter.Path, value any) error {
	id := schema.IDIn(c.valueFor(p, value).(string))
	p.Sub = p.Attr.SubAttribute("value")
	return c.target(op, p, id)
}

// object is the value of an operation without a path.
func (c *compiler) object(value any) (object map[string]any, ok bool) {
	if !c.o.Strict {
		value = schema.Unwrapped(value)
	}
	object, ok = value.(map[string]any)
	return object, ok
}

// bareElement reads a bare string for elements chosen by a filter as their
// `value` (or `name`): Saviynt and Entra send strings where elements are
// expected, and `emails[type eq "home"]` must not become a work address by it.
func bareElement(p filter.Path, value any, strict bool) filter.Path {
	text, ok := value.(string)
	if !ok || text == "" || p.Filter == nil || p.Sub != nil || p.Attr.Shorthand == nil || p.Attr.Search == schema.Link || strict {
		return p
	}
	for _, name := range []string{"value", "name"} {
		if sub := p.Attr.SubAttribute(name); sub != nil {
			p.Sub = sub
			return p
		}
	}
	return p
}

// decodeListed reads the value of a removal, which RFC 7644 does not define and
// Entra sends for members and roles: only what is listed goes (BEHAVIOUR 53).
func (c *compiler) decodeListed(s *step, value any) error {
	if err := c.decodeList(s, c.ofAnyType(s.attr, value), s.attr.DecodeListed); err != nil {
		return err
	}
	if s.attr.Search != schema.Link {
		return nil
	}
	return checkElements(s.attr, s.list())
}

// ofAnyType reads bare values in a removal as values of whatever type: they select those
// that are there, and are not the work addresses that they would be in an addition.
func (c *compiler) ofAnyType(a *schema.Attribute, value any) any {
	if a.BareType == "" || c.o.Strict {
		return value
	}
	value = a.Whole(value, c.o)
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	list = slices.Clone(list)
	for i, v := range list {
		if text, ok := v.(string); ok {
			list[i] = map[string]any{"value": text}
		}
	}
	return list
}

// newElement is what an element begins with that is made for a filter which
// matches nothing, as Entra expects of `phoneNumbers[type eq "mobile"].value`
// (BEHAVIOUR 51): the filter's terms, if they all are `eq`. It is nil if they are
// not, contradict each other, or contradict the value. Without a filter, as in
// `emails.value` of somebody without any, it is that of a value that says all.
func newElement(s *step, o schema.Options) map[string]any {
	creates := s.action == merge || s.action == set && s.sub != nil
	if !creates || !s.attr.MultiValued || s.filter == nil && !isWhole(s.attr, s.sub) {
		return nil
	}
	terms := make(map[string]any)
	if s.filter != nil && (!collectTerms(s.filter, terms, o) || contradicts(s, terms)) {
		return nil
	}
	// Nothing tells the type, as in emails[primary eq true].value: it is that of a bare value.
	if _, told := terms["type"]; !told && s.attr.BareType != "" && !o.Strict {
		terms["type"] = s.attr.BareType
	}
	return terms
}

// isWhole reports whether a sub-attribute alone makes an element of the attribute.
func isWhole(a, sub *schema.Attribute) bool {
	value := a.SubAttribute("value")
	label := value == nil && (sub.Name == "type" || sub.Name == "primary")
	return a.Search != schema.Link && !label && (value == nil || sub == value) &&
		!slices.ContainsFunc(a.Sub, func(other *schema.Attribute) bool { return other.Required && other != sub })
}

func collectTerms(n filter.Node, terms map[string]any, o schema.Options) bool {
	switch n := n.(type) {
	case filter.And:
		return collectTerms(n.Left, terms, o) && collectTerms(n.Right, terms, o)
	case filter.Compare:
		if n.Op != filter.Eq || n.Attr.Parent() == nil || n.Attr.IsReadOnly() {
			return false
		}
		value, ok := termValue(n, o)
		before, twice := terms[n.Attr.Name]
		if !ok || twice && !n.Attr.EqualSimple(before, value) {
			return false
		}
		terms[n.Attr.Name] = value
		return true
	default:
		return false
	}
}

// termValue is the canonical value that a term compares with.
func termValue(n filter.Compare, o schema.Options) (value any, ok bool) {
	switch v := n.Value.(type) {
	case string:
		value, err := n.Attr.Decode(n.Text, o)
		return value, err == nil
	case time.Time:
		return v.Format(schema.TimeLayout), true
	default:
		return v, true
	}
}

func contradicts(s *step, terms map[string]any) bool {
	value, ok := s.value.(map[string]any)
	if s.sub != nil {
		value, ok = map[string]any{s.sub.Name: s.value}, true
	}
	for name, v := range value {
		if term, both := terms[name]; ok && both && !s.attr.SubAttribute(name).EqualSimple(term, v) {
			return true
		}
	}
	return false
}
