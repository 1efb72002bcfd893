package postgres

import (
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/schema"
)

// sortedLength is how many characters of a text count that has no column of its
// own: such texts are as long as a body, and the position in a list, which a
// cursor holds, has one.
const sortedLength = "250"

// sortKey is what SQL sorts resources by; it is null for those without a value.
type sortKey struct {
	sql      string
	nullable bool
}

// isRanked reports whether a list has another order than that of the ids.
func isRanked(s *filter.Sort) bool {
	return s != nil && (s.Descending || !isCreation(s.Attr))
}

// isCreation reports whether the order by the attribute is that of the ids.
func isCreation(a *schema.Attribute) bool {
	return a == schema.ID || a == schema.Meta.SubAttribute("created")
}

// isOrdered reports whether an index has the resources in the order of the attribute.
// A type without it, nil, has no order to keep.
func isOrdered(a *schema.Attribute) bool {
	switch a {
	case nil, schema.ID, schema.Meta.SubAttribute("created"), lastModified,
		schema.UserName, schema.DisplayName, schema.GroupName, schema.ExternalID:
		return true
	default:
		return false
	}
}

// sortType is the SQL type of the values of a sort.
func sortType(s *filter.Sort) string {
	switch {
	case s.Attr == lastModified:
		return "timestamptz"
	case s.Kind == schema.Boolean:
		return "boolean"
	case s.Kind == schema.Integer, s.Kind == schema.Decimal:
		return "numeric"
	default:
		return "text"
	}
}

// sortKey gives the key of a sort whose values are of the SQL type.
func (w *writer) sortKey(a *schema.Attribute, sqlType string) sortKey {
	if a == nil {
		return sortKey{collated("null::"+sqlType, sqlType), true}
	}
	if l, ok := w.table.links[topOf(a)]; ok {
		return sortKey{w.firstLink(l, a), true}
	}
	if a == schema.Schemas {
		return sortKey{collated(w.param(w.t.Core.ID)+"::text", sqlType), false}
	}
	o, ok := w.operand(a)
	switch {
	case !ok:
		return sortKey{w.scanned(a, sqlType), true}
	case o.fixed != nil:
		return sortKey{collated(w.param(o.fixed[a.Name])+"::text", sqlType), false}
	default:
		return sortKey{o.sql, !a.Required && o.as == plain}
	}
}

func collated(sql, sqlType string) string {
	if sqlType != "text" {
		return sql
	}
	return "(" + sql + `) collate "C"`
}

// firstLink is the value of the first of the elements that relate resources.
func (w *writer) firstLink(l link, a *schema.Attribute) string {
	o := l.values[a.Name]
	value := o.sql
	switch {
	case o.fixed != nil:
		value = w.param(o.fixed[a.Name]) + "::text"
	case o.as == identifier:
		value += "::text"
	}
	return collated("(select "+value+" from "+l.from+" where "+l.where+" order by "+l.values["value"].sql+" limit 1)", "text")
}

// scanned reads a value from the folded copy: of several elements from the
// primary one, or else from the first. A value that a schema of before allowed,
// and that is of another type, is none.
func (w *writer) scanned(a *schema.Attribute, sqlType string) string {
	value := w.scannedJSON(a)
	switch {
	case sqlType != "text":
		test := w.param(`$ ? (@.type() == "` + jsonTypes[sqlType] + `")`)
		return "jsonb_path_query_first(" + value + ", " + test + "::jsonpath)::" + sqlType
	case a.Kind == schema.DateTime:
		return collated("("+value+") #>> '{}'", sqlType)
	default:
		return collated("left(("+value+") #>> '{}', "+sortedLength+")", sqlType)
	}
}

var jsonTypes = map[string]string{"boolean": "boolean", "numeric": "number"}

func (w *writer) scannedJSON(a *schema.Attribute) string {
	top, folded := topOf(a), w.table.alias+".folded"
	at := func(keys ...string) string { return folded + " #> " + w.param(keys) + "::text[]" }
	switch {
	case top.MultiValued && top != a:
		primary := w.param(pathOf(top) + "[*] ? (@." + quote("primary") + " == true)")
		return "coalesce(jsonb_path_query_first(" + folded + ", " + primary + "::jsonpath), " + at(append(keysOf(top), "0")...) + ") -> " + w.param(a.Name) + "::text"
	case top.MultiValued:
		return at(append(keysOf(top), "0")...)
	default:
		return at(keysOf(a)...)
	}
}
