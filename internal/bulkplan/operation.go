package bulkplan

import (
	"iter"
	"strings"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Operation is one operation of a bulk request, as far as its place in the order
// depends on it.
type Operation struct {
	scim.BulkOperation
	Type  *schema.Type   // nil where the path names none
	ID    string         // of the path, or a reference; empty for a collection
	Body  map[string]any // of POST and PUT
	Patch []scim.PatchOp
	// Fault tells why it cannot be carried out. It has no needs then.
	Fault error

	// Needs are the operations that create what this one refers to, sorted.
	Needs []int
	// Late are those of them that come after its own creation, because they need
	// what it creates. Steps finds them.
	Late []int
}

// resource names the resource that an operation changes; it is empty for a new one.
func (op *Operation) resource() string {
	if op.ID == "" {
		return ""
	}
	return op.Type.Endpoint + "/" + op.ID
}

// Holds names what no two operations may be at, at once: the resource that one
// changes, and the values that must be unique and that it takes.
func (op *Operation) Holds() []string {
	var held []string
	if resource := op.resource(); resource != "" {
		held = append(held, resource)
	}
	if op.Body != nil {
		for a, value := range op.uniqueValues(op.Body) {
			held = append(held, op.Type.Endpoint+" "+a.Name+" "+a.Fold(value))
		}
	}
	return held
}

// uniqueValues are the values in a body that must be unique, under whatever name and in
// whatever form (BEHAVIOUR 28a, 54).
func (op *Operation) uniqueValues(body map[string]any) iter.Seq2[*schema.Attribute, string] {
	return func(yield func(a *schema.Attribute, value string) bool) {
		for a := range uniqueTexts(op.Type) {
			for name, value := range body {
				ref, known := op.Type.Resolve(name)
				object, _ := value.(map[string]any)
				text, ok := a.One(value, schema.Options{}).(string)
				switch {
				case !known:
				case ref.Extension != nil:
					for a, text := range op.uniqueValues(object) {
						if !yield(a, text) {
							return
						}
					}
				case ok && ref.Leaf() == a && !yield(a, text):
					return
				}
			}
		}
	}
}

// renames reports whether a PATCH may change a value that must be unique.
func (op *Operation) renames() bool {
	for a := range uniqueTexts(op.Type) {
		speaksOf := func(text string) bool { return strings.Contains(strings.ToLower(text), strings.ToLower(a.Name)) }
		for _, change := range op.Patch {
			if speaksOf(change.Path) || change.Path == "" && keyIn(change.Value, speaksOf) {
				return true
			}
		}
	}
	return false
}

// keyIn reports whether a name in a value is as asked.
func keyIn(v any, asked func(name string) bool) bool {
	object, _ := v.(map[string]any)
	for name, member := range object {
		if asked(name) || keyIn(member, asked) {
			return true
		}
	}
	return false
}

// uniqueTexts are the attributes of which no two resources have the same value.
func uniqueTexts(t *schema.Type) iter.Seq[*schema.Attribute] {
	return func(yield func(a *schema.Attribute) bool) {
		for a := range t.Attributes {
			unique := a.Uniqueness == schema.UniqueServer || a.Uniqueness == schema.UniqueGlobal
			if unique && a.Mutability != schema.ReadOnly && !yield(a) {
				return
			}
		}
	}
}
