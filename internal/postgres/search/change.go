package search

import (
	"maps"
	"slices"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Change is what an update of a document changes of its row. Most are of one attribute: what
// stays is neither folded again nor sent.
type Change struct {
	// Columns are nil when none has another value, nor a key. A unique one is null where its
	// value stays (Row.WithoutName).
	Columns     []any
	Gone, Added []Key
	// Members are those of the folded copy that are new, as an object; nil where one goes:
	// then Folded is the whole copy.
	Members, Folded []byte
}

// NewChange tells how the row of a document changes, of which old is the one that is stored.
// The error is that of NewRow.
func NewChange(t *schema.Type, old, doc scim.Document) (Change, error) {
	table := TableOf(t)
	var c Change
	var r Row
	if table.movesKeys(old, doc) {
		r.Keys = table.KeysOf(doc)
		c.Gone, c.Added = ChangedKeys(table.KeysOf(old), r.Keys)
	}
	if len(c.Gone)+len(c.Added) > 0 || table.movesColumns(old, doc) {
		r.Columns = table.columnsOf(doc)
		c.Columns = r.WithoutName(t, old)
	}
	members, stays := table.movedMembers(t, old, doc)
	if c.Members = members; !stays {
		c.Folded = table.foldedOf(t, doc)
	}
	return c, r.checkLength(t)
}

func (t *Table) movesColumns(old, doc scim.Document) bool {
	return slices.ContainsFunc(t.columns, func(c column) bool { return !isSame(valueOf(c.attr, old), valueOf(c.attr, doc)) })
}

func (t *Table) movesKeys(old, doc scim.Document) bool {
	return slices.ContainsFunc(t.keyed, func(k keyed) bool { return !isSame(k.attr.Parent().Get(old), k.attr.Parent().Get(doc)) })
}

// movedMembers renders the members of the folded copy that are others than those of an old
// document, as an object. stays is false when one is there no more.
func (t *Table) movedMembers(typ *schema.Type, old, doc scim.Document) (object []byte, stays bool) {
	dst := append(make([]byte, 0, 128), '{')
	for _, a := range typ.Core.Attributes {
		before, now := old[a.Name], doc[a.Name]
		if isSame(before, now) || !t.isScanned(a) {
			continue
		}
		if schema.IsEmpty(now) {
			return nil, false
		}
		dst = appendMember(dst, a, now)
	}
	for _, ext := range typ.Extensions {
		if isSame(old[ext.ID], doc[ext.ID]) {
			continue
		}
		values, _ := doc[ext.ID].(map[string]any)
		if schema.IsEmpty(values) {
			return nil, false
		}
		dst = t.appendExtension(dst, ext, values)
	}
	return append(dst, '}'), true
}

// isSame compares two values of a document with the order of their lists, which the folded
// copy has.
func isSame(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, isSame)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, isSame)
	default:
		return a == b
	}
}
