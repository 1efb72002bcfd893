// Package search says how the resources of an organisation are found: which columns, key rows
// and folded copy are stored of a document (RowOf), and which SQL a filter or a sort order
// becomes. The two sides are one table, and a test proves that they agree.
//
// It runs no statement. Which ones lists are made of is left to package postgres, and what a
// filter means to package filter.
package search

import (
	"slices"
	"strings"

	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Table tells how the resources of a type are stored and searched. Every
// attribute that is declared with a search other than schema.Scan is named here;
// all others are read from the folded copy of the document (rowOf).
type Table struct {
	Name string
	from string // the beginning of its statements
	// Modified is the kind of its rows in modifications.
	Modified int16
	// columns hold values of the document, ColumnNames are their names: the order
	// of Row.Columns.
	columns     []column
	ColumnNames []string
	// keyed are the attributes whose values are rows of user_keys.
	keyed []keyed
	// kept is where to find what the server keeps beside the document.
	kept map[*schema.Attribute]operand
	// links are the attributes whose elements are rows that relate two resources.
	links map[*schema.Attribute]link
}

// column holds one value of the document: folded, and null when unassigned.
type column struct {
	name string
	attr *schema.Attribute
	// shown columns hold the value as it is answered, and are not searched.
	shown bool
	// unique columns have no value twice in an organisation; values of selective ones
	// are those of one resource or of few.
	unique, selective bool
	// walked columns have an index with the resources of a value in the order of their ids.
	walked bool
}

// keyed is an attribute with rows in user_keys. The numbers are stored.
type keyed struct {
	attr      *schema.Attribute
	kind      int16
	selective bool
}

// Users says it of users.
var Users = newTable(schema.User, Table{
	Name: "users", Modified: modifiedUsers,
	columns: []column{
		{name: "active", attr: schema.Active, walked: true},
		{name: "user_name_key", attr: schema.UserName, unique: true},
		{name: "display_name", attr: schema.DisplayName, shown: true},
		{name: "display_name_key", attr: schema.DisplayName},
		{name: "external_id", attr: schema.ExternalID, selective: true},
		{name: "employee_number_key", attr: schema.EmployeeNumber, selective: true},
		{name: "department_key", attr: schema.Department, walked: true},
		{name: "division_key", attr: schema.Division, walked: true},
		{name: "manager_id", attr: schema.Manager.SubAttribute("value")},
	},
	keyed: []keyed{
		{schema.Emails.SubAttribute("value"), 1, true},
		{schema.PhoneNumbers.SubAttribute("value"), 2, true},
		{schema.ExternalIDs.SubAttribute("value"), 3, true},
		{schema.Roles.SubAttribute("value"), 4, false},
		{schema.RoutingSkills.SubAttribute("name"), 5, false},
		{schema.RoutingLanguages.SubAttribute("name"), 6, false},
	},
	links: map[*schema.Attribute]link{
		schema.UserGroups: {
			from:  "group_members m left join groups d on d.org_id = $1 and d.id = m.group_id",
			where: "m.org_id = $1 and m.user_id = r.id",
			values: map[string]operand{
				"value":   {sql: "m.group_id", as: identifier},
				"display": {sql: "d.display_name_key"},
				"type":    fixed("type", "direct"),
			},
		},
	},
})

// Groups says it of groups.
var Groups = newTable(schema.Group, Table{
	Name: "groups", Modified: modifiedGroups,
	columns: []column{
		{name: "display_name", attr: schema.GroupName, shown: true},
		{name: "display_name_key", attr: schema.GroupName, unique: true},
		{name: "external_id", attr: schema.ExternalID, selective: true},
	},
	links: map[*schema.Attribute]link{
		schema.Members: {
			from:  "group_members m left join users d on d.org_id = $1 and d.id = m.user_id",
			where: "m.org_id = $1 and m.group_id = r.id",
			values: map[string]operand{
				"value":   {sql: "m.user_id", as: identifier},
				"display": {sql: "d.display_name_key"},
				"type":    fixed("type", "User"),
			},
		},
	},
})

func newTable(typ *schema.Type, t Table) *Table {
	t.from = "from " + t.Name + " r where r.org_id = $1"
	for _, c := range t.columns {
		t.ColumnNames = append(t.ColumnNames, c.name)
	}
	t.kept = map[*schema.Attribute]operand{
		schema.ID:                                {sql: "r.id", as: identifier},
		schema.Meta:                              fixed("meta", true),
		schema.Meta.SubAttribute("created"):      {sql: "r.created_at", as: timestamp},
		lastModified:                             {sql: "r.modified_at", as: timestamp},
		schema.Meta.SubAttribute("version"):      {sql: "r.version::text"},
		schema.Meta.SubAttribute("resourceType"): fixed("resourceType", typ.Name),
	}
	return &t
}

// Listed is the columns as an insertion lists them. It and the parts below stand in the
// place [columns] of a statement; Arguments gives the values, by the names of the columns.
func (t *Table) Listed() db.Part { return t.part(", ", func(c column) string { return c.name }) }

// Given is the values of an insertion.
func (t *Table) Given() db.Part {
	return t.part(", ", func(c column) string { return "@" + c.name + "::" + c.sqlType() })
}

// Assigned is the part of an update; a unique column keeps its value where it is given
// none (Row.WithoutName).
func (t *Table) Assigned() db.Part {
	return t.part(",\n         ", func(c column) string {
		given := "@" + c.name + "::" + c.sqlType()
		if c.unique {
			return c.name + " = coalesce(" + given + ", " + c.name + ")"
		}
		return c.name + " = " + given
	})
}

// ReadAs is for a statement that calls a row so.
func (t *Table) ReadAs(alias string) db.Part {
	return t.part(", ", func(c column) string { return alias + "." + c.name })
}

func (t *Table) part(between string, write func(c column) string) db.Part {
	texts := make([]string, len(t.columns))
	for i, c := range t.columns {
		texts[i] = write(c)
	}
	return db.Part{Name: "columns", SQL: strings.Join(texts, between)}
}

// Arguments adds the values of the columns, if there are any.
func (t *Table) Arguments(args []db.Arg, columns []any) []db.Arg {
	for i, value := range columns {
		args = append(args, db.Named(t.ColumnNames[i], value))
	}
	return args
}

func (c column) sqlType() string {
	if c.attr.Kind == schema.Boolean {
		return "boolean"
	}
	return "text"
}

// TableOf gives the table of a resource type, with whatever extensions.
func TableOf(t *schema.Type) *Table {
	if t.Core == schema.Group.Core {
		return Groups
	}
	return Users
}

// columnOf gives the name of the column that a filter searches, or "".
func (t *Table) columnOf(a *schema.Attribute) string {
	for _, c := range t.columns {
		if c.attr == a && !c.shown {
			return c.name
		}
	}
	return ""
}

// operand gives what the table tells of an attribute without the folded copy.
func (t *Table) operand(a *schema.Attribute) (o operand, ok bool) {
	if o, ok = t.kept[a]; ok {
		return o, true
	}
	name := t.columnOf(a)
	return operand{sql: "r." + name}, name != ""
}

// IsUnique reports whether no two resources of an organisation share a value of a.
func (t *Table) IsUnique(a *schema.Attribute) bool {
	return a == schema.ID || slices.ContainsFunc(t.columns, func(c column) bool { return c.attr == a && c.unique })
}

// IsSelective reports whether a value of a is that of one resource or of few.
func (t *Table) IsSelective(a *schema.Attribute) bool {
	return t.IsUnique(a) ||
		slices.ContainsFunc(t.columns, func(c column) bool { return c.attr == a && c.selective }) ||
		slices.ContainsFunc(t.keyed, func(k keyed) bool { return k.attr == a && k.selective })
}

// isWalked reports whether an index has the resources of a value in the order of their ids.
func (t *Table) isWalked(a *schema.Attribute) bool {
	return slices.ContainsFunc(t.columns, func(c column) bool { return c.attr == a && c.walked })
}

// KindOf gives the kind of the attribute's rows in user_keys, or 0.
func (t *Table) KindOf(a *schema.Attribute) int16 {
	for _, k := range t.keyed {
		if k.attr == a {
			return k.kind
		}
	}
	return 0
}

// IsStale reports whether a stored key is folded otherwise than today.
func (t *Table) IsStale(stored Key) bool {
	return slices.ContainsFunc(t.keyed, func(k keyed) bool { return k.kind == stored.Kind && k.attr.Fold(stored.Text) != stored.Text })
}

// value is what the column holds for a document.
func (c column) value(doc scim.Document) any {
	v := valueOf(c.attr, doc)
	text, isText := v.(string)
	switch {
	case c.shown:
		return text
	case schema.IsEmpty(v):
		return nil
	case isText:
		return c.attr.Fold(text)
	default:
		return v
	}
}

// valueOf gives the value of an attribute, or of a sub-attribute of a singular one.
func valueOf(a *schema.Attribute, doc scim.Document) any {
	if a.Parent() == nil {
		return a.Get(doc)
	}
	object, _ := a.Parent().Get(doc).(map[string]any)
	return object[a.Name]
}
