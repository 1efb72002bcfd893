package search

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Row is what is stored of a document, beside the document itself, to find it.
type Row struct {
	Columns []any  // in the order of Table.ColumnNames; nil is null
	Keys    []Key  // sorted, without duplicates
	Folded  []byte // JSON
}

// Key is a row of user_keys.
type Key struct {
	Kind int16
	Text string
}

// RowOf is the one function that turns a document into columns, keys and the
// folded copy. The copy holds what has no column and is no link, with every text
// as filters compare it; an extension in use is there even when it is empty then.
func RowOf(t *schema.Type, doc scim.Document) Row {
	table := TableOf(t)
	return Row{Columns: table.columnsOf(doc), Keys: table.KeysOf(doc), Folded: table.foldedOf(t, doc)}
}

func (t *Table) columnsOf(doc scim.Document) []any {
	values := make([]any, len(t.columns))
	for i, c := range t.columns {
		values[i] = c.value(doc)
	}
	return values
}

func (t *Table) foldedOf(typ *schema.Type, doc scim.Document) []byte {
	folded := append(make([]byte, 0, 512), '{')
	folded = t.appendScanned(folded, typ.Core.Attributes, doc)
	for _, ext := range typ.Extensions {
		if object, _ := doc[ext.ID].(map[string]any); !schema.IsEmpty(object) {
			folded = t.appendExtension(folded, ext, object)
		}
	}
	return append(folded, '}')
}

// WithoutName gives the columns for an update, in which a unique one is null where its
// value stays: a name that another has since the names were folded again (FoldAgain) does
// not keep its owner from changing.
func (r Row) WithoutName(t *schema.Type, old scim.Document) []any {
	for i, c := range TableOf(t).columns {
		if c.unique && c.value(old) == r.Columns[i] {
			r.Columns[i] = nil
		}
	}
	return r.Columns
}

// maxIndexed is how many bytes a folded value may have in an index. PostgreSQL's
// limit is some 2,700 for all columns of an index together.
const maxIndexed = 2048

// NewRow is rowOf for a document that is about to be stored: it returns
// invalidValue when a value is too long for its index. That is not left to the
// schema, because some values come from no client, such as a displayName made of
// the parts of a name.
func NewRow(t *schema.Type, doc scim.Document) (Row, error) {
	r := RowOf(t, doc)
	return r, r.checkLength(t)
}

func (r Row) checkLength(t *schema.Type) error {
	table := TableOf(t)
	for i, value := range r.Columns {
		if text, ok := value.(string); ok && !table.columns[i].shown && len(text) > maxIndexed {
			return tooLong(table.columns[i].attr.String(), text)
		}
	}
	for _, k := range r.Keys {
		if len(k.Text) > maxIndexed {
			return tooLong(table.attributeOf(k.Kind), k.Text)
		}
	}
	return nil
}

func tooLong(attribute, text string) error {
	return scim.InvalidValue("%s: a value of %d bytes is too long; at most %d are allowed", attribute, len(text), maxIndexed)
}

// KeysOf gives the keys of a document, sorted.
func (t *Table) KeysOf(doc scim.Document) []Key {
	return t.KeysWith(doc, func(a *schema.Attribute, text string) string { return a.Fold(text) })
}

// KeysWith gives the keys of a document with its texts as fold makes them.
func (t *Table) KeysWith(doc scim.Document, fold func(a *schema.Attribute, text string) string) []Key {
	var keys []Key
	for _, k := range t.keyed {
		for _, element := range k.attr.Parent().Values(doc) {
			object, _ := element.(map[string]any)
			if text, _ := object[k.attr.Name].(string); text != "" {
				keys = append(keys, Key{k.kind, fold(k.attr, text)})
			}
		}
	}
	slices.SortFunc(keys, func(a, b Key) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Text, b.Text))
	})
	return slices.Compact(keys)
}

// appendScanned renders the members of an object for which filters scan.
func (t *Table) appendScanned(dst []byte, attributes []*schema.Attribute, object map[string]any) []byte {
	for _, a := range attributes {
		if t.isScanned(a) {
			dst = appendMember(dst, a, object[a.Name])
		}
	}
	return dst
}

// isScanned reports whether filters scan for an attribute in the folded copy.
func (t *Table) isScanned(a *schema.Attribute) bool {
	return t.columnOf(a) == "" && a.Search != schema.Link && a.Returned != schema.ReturnedNever
}

// appendExtension renders the object of an extension as a member of the folded copy.
func (t *Table) appendExtension(dst []byte, ext *schema.Schema, object map[string]any) []byte {
	dst = append(appendName(dst, ext.ID), '{')
	return append(t.appendScanned(dst, ext.Attributes, object), '}')
}

// appendMember renders an attribute as a member of an object, unless it is unassigned.
func appendMember(dst []byte, a *schema.Attribute, value any) []byte {
	if schema.IsEmpty(value) {
		return dst
	}
	return appendFolded(appendName(dst, a.Name), a, value)
}

// appendName renders the name of a member, after a comma unless it is the first.
func appendName(dst []byte, name string) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	return append(appendText(dst, name), ':')
}

func appendFolded(dst []byte, a *schema.Attribute, value any) []byte {
	switch v := value.(type) {
	case string:
		if a.Kind == schema.DateTime {
			return appendText(dst, foldTime(v))
		}
		return appendText(dst, a.Fold(v))
	case bool:
		return strconv.AppendBool(dst, v)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case float64:
		return strconv.AppendFloat(dst, v+0, 'f', -1, 64) // as PostgreSQL writes it; -0 is 0
	case []any:
		dst = append(dst, '[')
		for _, x := range v {
			if schema.IsEmpty(x) {
				continue
			}
			if dst[len(dst)-1] != '[' {
				dst = append(dst, ',')
			}
			dst = appendFolded(dst, a, x)
		}
		return append(dst, ']')
	case map[string]any:
		dst = append(dst, '{')
		for _, sub := range a.Sub {
			dst = appendMember(dst, sub, v[sub.Name])
		}
		return append(dst, '}')
	default:
		return append(dst, "null"...)
	}
}

func appendText(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s) // fails on invalid UTF-8 only, which is replaced
	return dst
}

// timeLayout has a fixed width, so that the order of texts is the order of times.
const timeLayout = "2006-01-02T15:04:05.000000000Z"

func foldTime(s string) string {
	t, err := schema.ParseTime(s)
	if err != nil {
		return s
	}
	return t.UTC().Format(timeLayout)
}

// ArraysOf gives keys as two arrays, of their kinds and their texts.
func ArraysOf(keys []Key) (kinds []int16, texts []string) {
	kinds, texts = make([]int16, len(keys)), make([]string, len(keys))
	for i, k := range keys {
		kinds[i], texts[i] = k.Kind, k.Text
	}
	return kinds, texts
}

// ChangedKeys compares two sorted lists of keys.
func ChangedKeys(old, now []Key) (gone, added []Key) {
	for len(old) > 0 && len(now) > 0 {
		switch order := cmp.Or(cmp.Compare(old[0].Kind, now[0].Kind), cmp.Compare(old[0].Text, now[0].Text)); {
		case order < 0:
			gone, old = append(gone, old[0]), old[1:]
		case order > 0:
			added, now = append(added, now[0]), now[1:]
		default:
			old, now = old[1:], now[1:]
		}
	}
	return append(gone, old...), append(added, now...)
}
