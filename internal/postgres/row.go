package postgres

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// row is what is stored of a document, beside the document itself, to find it.
type row struct {
	columns []any  // in the order of table.columnNames; nil is null
	keys    []key  // sorted, without duplicates
	folded  []byte // JSON
}

// key is a row of user_keys.
type key struct {
	kind int16
	key  string
}

// rowOf is the one function that turns a document into columns, keys and the
// folded copy. The copy holds what has no column and is no link, with every text
// as filters compare it; an extension in use is there even when it is empty then.
func rowOf(t *schema.Type, doc scim.Document) row {
	table := tableOf(t)
	r := row{columns: make([]any, len(table.columns)), keys: table.keysOf(doc)}
	for i, c := range table.columns {
		r.columns[i] = c.value(doc)
	}
	r.folded = appendScanned(make([]byte, 0, 512), table, t.Core.Attributes, doc)
	for _, ext := range t.Extensions {
		object, _ := doc[ext.ID].(map[string]any)
		if schema.IsEmpty(object) {
			continue
		}
		r.folded = appendName(r.folded[:len(r.folded)-1], ext.ID)
		r.folded = append(appendScanned(r.folded, table, ext.Attributes, object), '}')
	}
	return r
}

// maxIndexed is how many bytes a folded value may have in an index. PostgreSQL's
// limit is some 2,700 for all columns of an index together.
const maxIndexed = 2048

// newRow is rowOf for a document that is about to be stored: it returns
// invalidValue when a value is too long for its index. That is not left to the
// schema, because some values come from no client, such as a displayName made of
// the parts of a name.
func newRow(t *schema.Type, doc scim.Document) (row, error) {
	r := rowOf(t, doc)
	return r, r.checkLength(t)
}

func (r row) checkLength(t *schema.Type) error {
	table := tableOf(t)
	for i, c := range table.columns {
		if text, ok := r.columns[i].(string); ok && !c.shown && len(text) > maxIndexed {
			return tooLong(c.attr.String(), text)
		}
	}
	for _, k := range r.keys {
		if len(k.key) > maxIndexed {
			return tooLong(table.attributeOf(k.kind), k.key)
		}
	}
	return nil
}

func tooLong(attribute, text string) error {
	return scim.InvalidValue("%s: a value of %d bytes is too long; at most %d are allowed", attribute, len(text), maxIndexed)
}

func (t *table) keysOf(doc scim.Document) []key {
	var keys []key
	for _, k := range t.keyed {
		for _, element := range k.attr.Parent().Values(doc) {
			object, _ := element.(map[string]any)
			if text, _ := object[k.attr.Name].(string); text != "" {
				keys = append(keys, key{k.kind, k.attr.Fold(text)})
			}
		}
	}
	slices.SortFunc(keys, func(a, b key) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.key, b.key))
	})
	return slices.Compact(keys)
}

// appendScanned renders the object of those attributes that filters scan for.
func appendScanned(dst []byte, t *table, attributes []*schema.Attribute, object map[string]any) []byte {
	dst = append(dst, '{')
	for _, a := range attributes {
		if t.columnOf(a) == "" && a.Search != schema.Link && a.Returned != schema.ReturnedNever {
			dst = appendMember(dst, a, object[a.Name])
		}
	}
	return append(dst, '}')
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
