package patch

import (
	"cmp"
	"slices"
	"strings"

	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Compile checks the operations, as scim.ParsePatch gives them, against the
// type. It returns every error that does not depend on the stored document:
// invalidPath, invalidFilter, invalidValue, mutability, noTarget, and 413 for
// more than MaxLinks linked values. Details begin with "operation N: ".
func Compile(t *schema.Type, ops []scim.PatchOp, o schema.Options) (*Plan, error) {
	c := compiler{t: t, o: o, steps: make([]step, 0, len(ops))}
	for i, op := range ops {
		c.number = i + 1
		if err := c.compile(op); err != nil {
			return nil, inOperation(c.number, err)
		}
	}
	return &Plan{t: t, steps: c.steps, mirrors: !o.Strict}, nil
}

type compiler struct {
	t      *schema.Type
	o      schema.Options
	steps  []step
	number int // of the operation at hand
	links  int // linked values so far
	listed int // other values in lists so far
}

// The values of scim.PatchOp.Op.
const (
	opAdd     = "add"
	opReplace = "replace"
	opRemove  = "remove"
)

func (c *compiler) compile(op scim.PatchOp) error {
	switch {
	case op.Op != opRemove && !op.HasValue:
		return scim.InvalidValue("%s needs a value", op.Op)
	case c.o.Strict && op.Op == opRemove && op.HasValue:
		return scim.InvalidSyntax("remove has no value; a path with a filter, as in members[value eq \"id\"], names what to remove")
	case op.Path != "" && !c.isBlank(op.Path):
		return c.withPath(op)
	case op.Op == opRemove:
		return scim.NoTarget("remove needs a path that names what to remove")
	}
	object, ok := c.object(op.Value)
	if !ok {
		return scim.InvalidValue("the value is %s; without a path, an object of attributes is expected", scim.KindOf(op.Value))
	}
	return c.members(op.Op, nil, object)
}

func (c *compiler) withPath(op scim.PatchOp) error {
	p, err := c.parsePath(op.Path)
	switch {
	case err != nil:
		return err
	case p.Extension != nil:
		return c.wholeSchema(op, p.Extension)
	case p.Attr == schema.Schemas:
		return c.schemas(op)
	case op.Op != opRemove && pointsTo(op.Value) && c.isReference(p, op.Value):
		return c.pointTo(op.Op, p, op.Value)
	case isReadOnly(p):
		return scim.Mutability("%s is read-only", p.Leaf())
	}
	return c.target(op.Op, p, op.Value)
}

// parsePath spares the parser paths that are a plain name.
func (c *compiler) parsePath(path string) (filter.Path, error) {
	if ref, ok := c.t.Resolve(path); ok {
		if err := c.strictPath(path, ref); err != nil {
			return filter.Path{}, err
		}
		return filter.Path{Extension: ref.Extension, Attr: ref.Attr, Sub: ref.Sub}, nil
	}
	return filter.ParsePathWith(c.t, path, c.o)
}

func isReadOnly(p filter.Path) bool {
	return p.Attr.IsReadOnly() || p.Sub != nil && p.Sub.IsReadOnly()
}

// members compiles the keys of an object, each as a path of its own: those of a
// value without a path, or those below a schema's URN. The order is that of the
// names, so that a plan does not depend on chance and `name` comes before
// `name.givenName`.
func (c *compiler) members(op string, below *schema.Schema, object map[string]any) error {
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int {
		return cmp.Or(strings.Compare(strings.ToLower(a), strings.ToLower(b)), strings.Compare(a, b))
	})
	for i, key := range keys {
		if i > 0 && strings.EqualFold(key, keys[i-1]) {
			return scim.InvalidSyntax("%s is given twice, in two spellings", key)
		}
		if err := c.member(op, below, key, object[key]); err != nil {
			return err
		}
	}
	return nil
}

// member compiles one key. Read-only attributes are ignored, because Okta
// repeats them; only an id must be that of the resource (BEHAVIOUR 24).
func (c *compiler) member(op string, below *schema.Schema, key string, value any) error {
	path := key
	if below != nil {
		path = below.ID + ":" + key
	}
	if err := c.strictKey(below, key); err != nil {
		return err
	}
	p, known, err := c.keyPath(path)
	switch {
	case err != nil:
		return err
	case !known:
		return c.o.Unknown(c.t, path)
	case p.Extension != nil:
		return c.schemaMember(op, p.Extension, value)
	case p.Attr == schema.ID:
		return c.identity(value)
	case c.isReference(p, value):
		return c.pointTo(op, p, value)
	case isReadOnly(p):
		return c.strictReadOnly(p)
	}
	return c.target(op, p, value)
}

func (c *compiler) identity(value any) error {
	id, err := schema.ID.Decode(value, c.o)
	if err == nil && id != nil {
		c.add(step{action: confirm, attr: schema.ID, value: id})
	}
	return err
}

// target compiles one operation on one attribute: which action it is, and its value.
func (c *compiler) target(op string, p filter.Path, value any) error {
	value = c.valueFor(p, value)
	p = bareElement(p, value, c.o.Strict)
	s := step{attr: p.Attr, sub: p.Sub, filter: p.Filter}
	var err error
	switch {
	case op == opRemove:
		err = c.remove(&s, value)
	case p.Sub != nil:
		err = c.assignSub(&s, value)
	case !p.Attr.MultiValued:
		err = c.assignSingle(&s, value)
	case p.Filter != nil:
		err = c.assignElements(&s, op, value)
	default:
		err = c.assignList(&s, op, value)
	}
	if err != nil && c.o.Forgives(p.Attr, err) {
		return nil // as if the operation had not been sent
	}
	if err != nil {
		return err
	}
	if op != opReplace || !c.o.Strict {
		s.terms = newElement(&s, c.o)
	}
	c.add(s)
	return nil
}

// isBlank reports whether a value is a text that says nothing: to strict options the
// empty one alone.
func (c *compiler) isBlank(value any) bool {
	text, ok := value.(string)
	return ok && (text == "" || !c.o.Strict && schema.IsBlank(text))
}

func (c *compiler) add(s step) {
	s.operation = c.number
	c.steps = append(c.steps, s)
}

func (c *compiler) remove(s *step, value any) error {
	if c.namesNone(s, value) {
		return scim.InvalidValue("%s: the value of the removal is blank and names none; without a value all would be removed", s.attr)
	}
	if s.attr.MultiValued && s.sub == nil && s.filter == nil && value != nil {
		s.action = exclude
		return c.decodeListed(s, value)
	}
	s.action = unassign
	if isRequired(s) {
		return scim.Mutability("%s is required and cannot be removed", s.leaf())
	}
	return nil
}

// namesNone reports whether a removal of values has a list, or a text, that is made of
// blanks: a client that has lost what it means, such as the ids of members, does not mean
// all of them.
func (c *compiler) namesNone(s *step, value any) bool {
	if !s.attr.MultiValued || s.sub != nil || s.filter != nil {
		return false
	}
	list, ok := value.([]any)
	if !ok {
		return c.isBlank(value)
	}
	return len(list) > 0 && !slices.ContainsFunc(list, func(v any) bool { return v != nil && !c.isBlank(v) })
}

// isRequired reports whether what the step selects may not be unassigned. The
// `value` of an element may: the element goes with it.
func isRequired(s *step) bool {
	if s.sub != nil {
		return s.sub.Required && (!s.attr.MultiValued || s.sub.Name != "value")
	}
	return s.attr.Required && s.filter == nil
}

// assign makes the step set a value, or unassign when there is none.
func assign(s *step, value any) error {
	if text, ok := value.(string); isRequired(s) && (value == nil || ok && schema.IsBlank(text)) {
		return scim.InvalidValue("%s is required and may not be empty", s.leaf())
	}
	s.action, s.value = set, value
	if value == nil {
		s.action = unassign
	}
	return nil
}

func (c *compiler) assignSub(s *step, value any) error {
	decoded, err := s.sub.Decode(value, c.o)
	if err != nil {
		return err
	}
	return assign(s, decoded)
}

func (c *compiler) assignSingle(s *step, value any) error {
	if s.attr.Kind == schema.Complex && value != nil && !c.isBlank(value) {
		s.action = merge
		return c.decodeMerge(s, value)
	}
	decoded, err := s.attr.DecodeOne(value, c.o)
	if err != nil {
		return err
	}
	return assign(s, decoded)
}

// assignElements: add merges the value into the elements that match, replace
// puts it in their place.
func (c *compiler) assignElements(s *step, op string, value any) error {
	if op == opAdd && s.attr.Kind == schema.Complex {
		s.action = merge
		return c.decodeMerge(s, value)
	}
	decoded, err := s.attr.DecodeOne(value, c.o)
	if err != nil {
		return err
	}
	if err := checkElements(s.attr, []any{decoded}); err != nil {
		return err
	}
	return assign(s, decoded)
}

// assignList: add appends, replace takes the place of the whole list.
func (c *compiler) assignList(s *step, op string, value any) error {
	if err := c.decodeList(s, value, s.attr.Decode); err != nil {
		return err
	}
	s.action = insert
	if op == opReplace {
		return assign(s, s.value)
	}
	return nil
}

// decodeList decodes the value of a whole multi-valued attribute, or nil, as decode does.
func (c *compiler) decodeList(s *step, value any, decode func(value any, o schema.Options) (any, error)) error {
	value = s.attr.Whole(value, c.o)
	if err := c.count(s.attr, value); err != nil {
		return err
	}
	decoded, err := decode(value, c.o)
	if err != nil {
		return err
	}
	s.value = decoded
	return nil
}

// decodeMerge decodes an object of which only the members named are meant: null
// and "" unassign a sub-attribute (BEHAVIOUR 57).
func (c *compiler) decodeMerge(s *step, value any) error {
	value = s.attr.One(value, c.o)
	object, ok := value.(map[string]any)
	switch {
	case ok:
	case !schema.IsEmpty(value) && !c.isBlank(value):
		return scim.InvalidValue("%s is %s; an object is expected", s.attr, scim.KindOf(value))
	case !s.attr.MultiValued:
		s.action = unassign
		return nil
	}
	decoded, err := s.attr.DecodeOne(object, c.o)
	if err != nil {
		return err
	}
	element, _ := decoded.(map[string]any)
	if element == nil {
		c.o.TellLost(s.attr, object, nil)
		element = make(map[string]any, len(object))
	}
	for key := range object {
		sub := s.attr.SubAttribute(key)
		if sub == nil || sub.IsReadOnly() || element[sub.Name] != nil {
			continue
		}
		element[sub.Name] = nil
	}
	s.value = element
	return nil
}

// count keeps the values in the lists of the whole request below the limits.
func (c *compiler) count(a *schema.Attribute, value any) error {
	list, _ := value.([]any)
	counted, limit := &c.listed, maxListed
	if a.Search == schema.Link {
		counted, limit = &c.links, MaxLinks
	}
	if *counted += len(list); *counted > limit {
		return scim.TooLarge("the request lists more than %d values with those of %s, which is the most allowed in one request; send them in several", limit, a)
	}
	return nil
}

// checkElements returns invalidValue when an element lacks a sub-attribute that is required.
func checkElements(a *schema.Attribute, list []any) error {
	for _, v := range list {
		if element, ok := v.(map[string]any); ok {
			if err := a.CheckElement(element); err != nil {
				return err
			}
		}
	}
	return nil
}
