package transfer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// A Mapping tells where the cells below a heading go, by its text: the path of an
// attribute, such as "name.givenName" or "emails.work", or "" to leave them out.
type Mapping map[string]string

// column is where the cells below one heading go.
type column struct {
	heading string
	groups  bool // names of groups, to which the person is added

	attr, sub *schema.Attribute
	kind      string // which value of a multi-valued attribute, such as work
}

// The names that spreadsheets have for attributes, without blanks and marks.
var headings = map[string]string{
	"login": "userName", "loginname": "userName", "username": "userName", "user": "userName", "upn": "userName", "userprincipalname": "userName",
	"email": "emails.work", "mail": "emails.work", "emailaddress": "emails.work", "workemail": "emails.work",
	"personalemail": "emails.home", "privateemail": "emails.home",
	"firstname": "name.givenName", "givenname": "name.givenName", "forename": "name.givenName",
	"lastname": "name.familyName", "surname": "name.familyName", "familyname": "name.familyName",
	"name": "displayName", "fullname": "displayName", "displayname": "displayName",
	"jobtitle": "title", "position": "title",
	"phone": "phoneNumbers.work", "tel": "phoneNumbers.work", "telephone": "phoneNumbers.work", "workphone": "phoneNumbers.work", "officephone": "phoneNumbers.work",
	"mobile": "phoneNumbers.mobile", "mobilephone": "phoneNumbers.mobile", "cell": "phoneNumbers.mobile", "cellphone": "phoneNumbers.mobile",
	"status": "active", "enabled": "active", "objectid": "externalId",
	"employeeid": "employeeNumber", "personnelnumber": "employeeNumber",
	"role": "roles", "skill": "routingSkills", "skills": "routingSkills", "language": "routingLanguages", "languages": "routingLanguages",
	"group": groupsColumn, "membership": groupsColumn, "memberships": groupsColumn,
	// What an export has beside what can be set.
	"id": "", "created": "", "lastmodified": "",
}

const groupsColumn = "groups"

// readHeader finds the attribute of each column of a file. It returns all faults of the header
// together, so that its author sees them at once.
func readHeader(t *schema.Type, header []string, m Mapping) ([]column, error) {
	if err := checkOnce(header); err != nil {
		return nil, err
	}
	columns := make([]column, len(header))
	var wrong []string
	taken := map[string]string{}
	for i, heading := range header {
		path, mapped := m[heading]
		if !mapped {
			path = guess(t, heading)
		}
		c, err := parseColumn(t, path)
		switch {
		case err != nil:
			wrong = append(wrong, fmt.Sprintf("%q: %v", heading, err))
		case taken[c.path()] != "" && c.path() != "":
			wrong = append(wrong, fmt.Sprintf("%q and %q are both %s", taken[c.path()], heading, c.path()))
		}
		taken[c.path()] = heading
		c.heading = heading
		columns[i] = c
	}
	for heading := range m {
		if !slices.Contains(header, heading) {
			wrong = append(wrong, fmt.Sprintf("the file has no column %q, which is mapped", heading))
		}
	}
	if len(wrong) == 0 && !slices.ContainsFunc(columns, func(c column) bool { return c.attr == schema.UserName }) {
		wrong = append(wrong, "no column is the userName, by which people are found")
	}
	if wrong != nil {
		slices.Sort(wrong)
		return nil, fmt.Errorf("the header: %s", strings.Join(wrong, "; "))
	}
	return columns, nil
}

// checkOnce refuses a heading of two columns, which would be ambiguous: a mapping names columns
// by their headings.
func checkOnce(header []string) error {
	at := map[string]int{}
	for i, heading := range header {
		heading = strings.TrimSpace(heading)
		if heading == "" {
			continue // such columns are left out
		}
		if first, twice := at[heading]; twice {
			return fmt.Errorf("columns %d and %d have the same heading, %q; give each a heading of its own, or remove one", first+1, i+1, heading)
		}
		at[heading] = i
	}
	return nil
}

// guess is the path that a heading means.
func guess(t *schema.Type, heading string) string {
	heading = strings.TrimSpace(heading)
	if _, err := parseColumn(t, heading); err == nil && heading != "" {
		return heading
	}
	if path, ok := headings[plainHeading(heading)]; ok {
		return path
	}
	return heading
}

// parseColumn reads a path: attr, attr.sub, attr.kind or attr.kind.sub, each with the URN
// of an extension before it or not.
func parseColumn(t *schema.Type, path string) (column, error) {
	if path == "" {
		return column{}, nil
	}
	if schema.Fold(path) == groupsColumn {
		return column{groups: true}, nil
	}
	if ref, ok := t.Resolve(path); ok && ref.Attr != nil {
		return checkColumn(column{attr: ref.Attr, sub: ref.Sub})
	}
	rest := path[strings.LastIndexByte(path, ':')+1:]
	parts := strings.Split(rest, ".")
	ref, ok := t.Resolve(strings.TrimSuffix(path, rest) + parts[0])
	if !ok || ref.Attr == nil || len(parts) > 3 || len(parts) == 1 || !ref.Attr.MultiValued || ref.Attr.SubAttribute("type") == nil {
		return column{}, fmt.Errorf("%s is not an attribute; map the column to one, such as emails.work, or to nothing", path)
	}
	c := column{attr: ref.Attr, kind: parts[1], sub: ref.Attr.SubAttribute("value")}
	if len(parts) == 3 {
		c.sub = ref.Attr.SubAttribute(parts[2])
	}
	if c.sub == nil {
		return column{}, fmt.Errorf("%s: say which part of %s it is, such as %s.%s.locality", path, c.attr.Name, c.attr.Name, c.kind)
	}
	return checkColumn(c)
}

func checkColumn(c column) (column, error) {
	switch {
	case c.attr.IsReadOnly() || c.sub != nil && c.sub.IsReadOnly():
		return column{}, fmt.Errorf("%s is made by the server", c.path())
	case c.attr == schema.Password:
		return column{}, fmt.Errorf("passwords are not taken from files")
	case c.attr.MultiValued && c.kind == "" && c.sub != nil:
		return column{}, fmt.Errorf("%s has many values; say which, such as %s.work", c.attr.Name, c.attr.Name)
	case c.attr.Sub != nil && c.sub == nil && c.attr != schema.Manager && !c.attr.MultiValued:
		return column{}, fmt.Errorf("%s has parts; say which, such as %s.%s", c.attr.Name, c.attr.Name, c.attr.Sub[0].Name)
	}
	return c, nil
}

// path is that of a PATCH operation which sets the cell, or "" for none.
func (c column) path() string {
	switch {
	case c.groups:
		return groupsColumn
	case c.attr == nil:
		return ""
	case c.kind != "":
		return fmt.Sprintf("%s[type eq %q].%s", c.attr.Path(), c.kind, c.sub.Name)
	case c.sub != nil:
		return c.sub.Path()
	default:
		return c.attr.Path()
	}
}

// value is what a cell says.
func (c column) value(cell string) any {
	leaf := c.attr
	if c.sub != nil {
		leaf = c.sub
	}
	switch {
	case c.attr.MultiValued && c.kind == "":
		return c.list(cell)
	case leaf.Kind == schema.Boolean:
		switch schema.Fold(cell) {
		case "active", "yes", "y", "1", "enabled", "true":
			return true
		case "inactive", "no", "n", "0", "disabled", "false":
			return false
		}
	}
	return cell
}

// list is the values of a cell, which semicolons part. What is behind the last colon of a
// skill or a language is its proficiency.
func (c column) list(cell string) (list []any) {
	for part := range strings.SplitSeq(cell, ";") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		if c.attr.SubAttribute("proficiency") == nil {
			list = append(list, part)
			continue
		}
		skill := map[string]any{"name": part}
		if at := strings.LastIndexByte(part, ':'); at > 0 {
			skill["name"], skill["proficiency"] = strings.TrimSpace(part[:at]), strings.TrimSpace(part[at+1:])
		}
		list = append(list, skill)
	}
	return list
}

// put sets the value of a cell in the body of a new person.
func (c column) put(body map[string]any, value any) {
	if urn := c.attr.Extension(); urn != "" {
		body = object(body, urn)
	}
	switch {
	case c.kind != "":
		list, _ := body[c.attr.Name].([]any)
		at := slices.IndexFunc(list, func(v any) bool { return v.(map[string]any)["type"] == c.kind })
		if at < 0 {
			at, list = len(list), append(list, map[string]any{"type": c.kind})
			body[c.attr.Name] = list
		}
		list[at].(map[string]any)[c.sub.Name] = value
	case c.sub != nil:
		object(body, c.attr.Name)[c.sub.Name] = value
	default:
		body[c.attr.Name] = value
	}
}

// object is the object that a body has under a name, which is made if it is missing.
func object(body map[string]any, name string) map[string]any {
	inner, _ := body[name].(map[string]any)
	if inner == nil {
		inner = map[string]any{}
		body[name] = inner
	}
	return inner
}

// operation sets the value of a cell of a person who exists.
func (c column) operation(value any) scim.PatchOp {
	return scim.PatchOp{Op: "replace", Path: c.path(), Value: value, HasValue: true}
}
