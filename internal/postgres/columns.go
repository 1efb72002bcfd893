package postgres

import (
	"slices"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// table tells how the resources of a type are stored and searched. Every
// attribute that is declared with a search other than schema.Scan is named here;
// all others are read from the folded copy of the document (rowOf).
type table struct {
	name  string
	alias string // what where calls the table
	// modified is the kind of its rows in modifications.
	modified int16
	// columns hold values of the document, columnNames are their names: the order
	// of row.columns.
	columns     []column
	columnNames []string
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
}

// keyed is an attribute with rows in user_keys. The numbers are stored.
type keyed struct {
	attr      *schema.Attribute
	kind      int16
	selective bool
}

var users = newTable(schema.User, table{
	name: "users", alias: "u", modified: modifiedUsers,
	columns: []column{
		{name: "active", attr: schema.Active},
		{name: "user_name_key", attr: schema.UserName, unique: true},
		{name: "display_name", attr: schema.DisplayName, shown: true},
		{name: "display_name_key", attr: schema.DisplayName},
		{name: "external_id", attr: schema.ExternalID, selective: true},
		{name: "employee_number_key", attr: schema.EmployeeNumber, selective: true},
		{name: "department_key", attr: schema.Department},
		{name: "division_key", attr: schema.Division},
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
			where: "m.org_id = $1 and m.user_id = u.id",
			values: map[string]operand{
				"value":   {sql: "m.group_id", as: identifier},
				"display": {sql: "d.display_name_key"},
				"type":    fixed("type", "direct"),
			},
		},
	},
})

var groups = newTable(schema.Group, table{
	name: "groups", alias: "g", modified: modifiedGroups,
	columns: []column{
		{name: "display_name", attr: schema.GroupName, shown: true},
		{name: "display_name_key", attr: schema.GroupName, unique: true},
		{name: "external_id", attr: schema.ExternalID, selective: true},
	},
	links: map[*schema.Attribute]link{
		schema.Members: {
			from:  "group_members m left join users d on d.org_id = $1 and d.id = m.user_id",
			where: "m.org_id = $1 and m.group_id = g.id",
			values: map[string]operand{
				"value":   {sql: "m.user_id", as: identifier},
				"display": {sql: "d.display_name_key"},
				"type":    fixed("type", "User"),
			},
		},
	},
})

func newTable(typ *schema.Type, t table) *table {
	for _, c := range t.columns {
		t.columnNames = append(t.columnNames, c.name)
	}
	t.kept = map[*schema.Attribute]operand{
		schema.ID:                                {sql: t.alias + ".id", as: identifier},
		schema.Meta:                              fixed("meta", true),
		schema.Meta.SubAttribute("created"):      {sql: t.alias + ".created_at", as: timestamp},
		lastModified:                             {sql: t.alias + ".modified_at", as: timestamp},
		schema.Meta.SubAttribute("version"):      {sql: t.alias + ".version::text"},
		schema.Meta.SubAttribute("resourceType"): fixed("resourceType", typ.Name),
	}
	return &t
}

// tableOf gives the table of a resource type, with whatever extensions.
func tableOf(t *schema.Type) *table {
	if t.Core == schema.Group.Core {
		return groups
	}
	return users
}

// columnOf gives the name of the column that a filter searches, or "".
func (t *table) columnOf(a *schema.Attribute) string {
	for _, c := range t.columns {
		if c.attr == a && !c.shown {
			return c.name
		}
	}
	return ""
}

// operand gives what the table tells of an attribute without the folded copy.
func (t *table) operand(a *schema.Attribute) (o operand, ok bool) {
	if o, ok = t.kept[a]; ok {
		return o, true
	}
	name := t.columnOf(a)
	return operand{sql: t.alias + "." + name}, name != ""
}

// isUnique reports whether no two resources of an organisation share a value of a.
func (t *table) isUnique(a *schema.Attribute) bool {
	return a == schema.ID || slices.ContainsFunc(t.columns, func(c column) bool { return c.attr == a && c.unique })
}

// isSelective reports whether a value of a is that of one resource or of few.
func (t *table) isSelective(a *schema.Attribute) bool {
	return t.isUnique(a) ||
		slices.ContainsFunc(t.columns, func(c column) bool { return c.attr == a && c.selective }) ||
		slices.ContainsFunc(t.keyed, func(k keyed) bool { return k.attr == a && k.selective })
}

// kindOf gives the kind of the attribute's rows in user_keys, or 0.
func (t *table) kindOf(a *schema.Attribute) int16 {
	for _, k := range t.keyed {
		if k.attr == a {
			return k.kind
		}
	}
	return 0
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
