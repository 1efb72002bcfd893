package search

import (
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/schema"
)

// sortedLength is how many characters of a text count that has no column of its
// own: such texts are as long as a body, and the position in a list, which a
// cursor holds, has one.
const sortedLength = "250"

// SortKey is what SQL sorts resources by; it is null for those without a value.
type SortKey struct {
	SQL      db.Fragment
	Nullable bool
}

// IsSorted reports whether a list has another order than that of the ids.
func IsSorted(s *filter.Sort) bool {
	return s != nil && (s.Descending || !IsCreation(s.Attr))
}

// IsCreation reports whether the order by the attribute is that of the ids.
func IsCreation(a *schema.Attribute) bool {
	return a == schema.ID || a == schema.Meta.SubAttribute("created")
}

// IsOrdered reports whether an index has the resources in the order of the attribute.
// A type without it, nil, has no order to keep.
func IsOrdered(a *schema.Attribute) bool {
	switch a {
	case nil, schema.ID, schema.Meta.SubAttribute("created"), lastModified,
		schema.UserName, schema.DisplayName, schema.GroupName, schema.ExternalID:
		return true
	default:
		return false
	}
}

// SortType is the SQL type of the values of a sort.
func SortType(s *filter.Sort) string {
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

// SortKey gives the key of a sort whose values are of the SQL type.
func (c Conditions) SortKey(s *filter.Sort, sqlType string) SortKey {
	a := s.Attr
	if s.Authority != "" {
		return SortKey{ofAuthority(s), true}
	}
	if a == nil {
		return SortKey{collated(db.SQL("null::"+sqlType), sqlType), true}
	}
	if l, ok := c.table.links[topOf(a)]; ok {
		return SortKey{firstLink(l, a), true}
	}
	if a == schema.Schemas {
		return SortKey{collated(db.SQL("$?::text", c.t.Core.ID), sqlType), false}
	}
	o, ok := c.operand(a)
	switch {
	case !ok:
		return SortKey{scanned(a, sqlType), true}
	case o.fixed != nil:
		return SortKey{collated(db.SQL("$?::text", o.fixed[a.Name]), sqlType), false}
	default:
		return SortKey{db.SQL(o.sql), !a.Required && o.as == plain}
	}
}

func collated(sql db.Fragment, sqlType string) db.Fragment {
	if sqlType != "text" {
		return sql
	}
	return db.SQL(`($?) collate "C"`, sql)
}

// ofAuthority is the value of the one element with the authority of the sort.
func ofAuthority(s *filter.Sort) db.Fragment {
	one := pathOf(topOf(s.Attr)) + "[*] ? (@." + quote("authority") + " == " + quote(s.Authority) + ")"
	return collated(db.SQL("left(jsonb_path_query_first(r.folded, $?::jsonpath) ->> $?::text, "+sortedLength+")", one, s.Attr.Name), "text")
}

// firstLink is the value of the first of the elements that relate resources.
func firstLink(l link, a *schema.Attribute) db.Fragment {
	o := l.values[a.Name]
	value := db.SQL(o.sql)
	switch {
	case o.fixed != nil:
		value = db.SQL("$?::text", o.fixed[a.Name])
	case o.as == identifier:
		value = db.SQL(o.sql + "::text")
	}
	return collated(db.SQL("(select $? from "+l.from+" where "+l.where+" order by "+l.values["value"].sql+" limit 1)", value), "text")
}

// scanned reads a value from the folded copy: of several elements from the
// primary one, or else from the first. A value that a schema of before allowed,
// and that is of another type, is none.
func scanned(a *schema.Attribute, sqlType string) db.Fragment {
	value := scannedJSON(a)
	switch {
	case sqlType != "text":
		return db.SQL("jsonb_path_query_first($?, $?::jsonpath)::"+sqlType, value, `$ ? (@.type() == "`+jsonTypes[sqlType]+`")`)
	case a.Kind == schema.DateTime:
		return collated(db.SQL("($?) #>> '{}'", value), sqlType)
	default:
		return collated(db.SQL("left(($?) #>> '{}', "+sortedLength+")", value), sqlType)
	}
}

var jsonTypes = map[string]string{"boolean": "boolean", "numeric": "number"}

func scannedJSON(a *schema.Attribute) db.Fragment {
	top := topOf(a)
	at := func(keys ...string) db.Fragment { return db.SQL("r.folded #> $?::text[]", keys) }
	switch {
	case top.MultiValued && top != a:
		primary := pathOf(top) + "[*] ? (@." + quote("primary") + " == true)"
		return db.SQL("coalesce(jsonb_path_query_first(r.folded, $?::jsonpath), $?) -> $?::text", primary, at(append(keysOf(top), "0")...), a.Name)
	case top.MultiValued:
		return at(append(keysOf(top), "0")...)
	default:
		return at(keysOf(a)...)
	}
}
