package transfer

import (
	"context"
	"encoding/csv"
	"slices"
	"strconv"
	"strings"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// table is a CSV file with a row for each resource.
type table struct {
	e      *Export
	out    *csv.Writer
	header []string
	row    func(doc scim.Document, r directory.Record) []string
	t      *schema.Type
	begun  bool
}

func (t *table) add(_ context.Context, r directory.Record) error {
	if err := t.begin(); err != nil {
		return err
	}
	doc, err := t.t.Load(r.Doc)
	if err != nil {
		return err
	}
	return t.out.Write(t.row(t.t.Seen(doc, t.e.Org.Domain), r))
}

func (t *table) begin() error {
	if t.begun {
		return nil
	}
	t.begun = true
	return t.out.Write(t.header)
}

func (t *table) end() error {
	if err := t.begin(); err != nil {
		return err
	}
	t.out.Flush()
	return t.out.Error()
}

// The columns of exports. Those of people can be imported as they are.
var (
	peopleColumns = []string{
		"id", "userName", "active", "displayName", "name.givenName", "name.familyName", "title", "emails.work", "emails.home",
		"phoneNumbers.work", "phoneNumbers.mobile", "department", "division", "employeeNumber", "manager", "externalId",
		"roles", "routingSkills", "routingLanguages", groupsColumn, "created", "lastModified",
	}
	groupColumns      = []string{"id", "displayName", "members", "externalId", "created", "lastModified"}
	membershipColumns = []string{"group", "group id", "member", "member id"}
)

func (e *Export) personRow(doc scim.Document, r directory.Record) []string {
	row := make([]string, len(peopleColumns))
	for i, name := range peopleColumns {
		if name == groupsColumn {
			names := make([]string, len(r.Links))
			for i, link := range r.Links {
				names[i] = link.Display
			}
			slices.Sort(names)
			row[i] = harmless(strings.Join(names, ";"))
			continue
		}
		row[i] = cellOf(schema.User, name, doc, r)
	}
	return row
}

func (e *Export) groupRow(doc scim.Document, r directory.Record) []string {
	row := make([]string, len(groupColumns))
	for i, name := range groupColumns {
		if name == schema.Members.Name {
			row[i] = strconv.Itoa(r.MemberCount)
			continue
		}
		row[i] = cellOf(schema.Group, name, doc, r)
	}
	return row
}

// cellOf is the cell of a resource below a heading.
func cellOf(t *schema.Type, heading string, doc scim.Document, r directory.Record) string {
	switch heading {
	case "created":
		return r.Created.UTC().Format(schema.TimeLayout)
	case "lastModified":
		return r.Modified.UTC().Format(schema.TimeLayout)
	case schema.ID.Name:
		return r.ID.String()
	}
	c, err := parseColumn(t, heading)
	if err != nil {
		panic("transfer: the column " + heading + ": " + err.Error()) // a test writes each
	}
	return harmless(c.cell(doc))
}

// cell is what a document says below the heading, as an import reads it.
func (c column) cell(doc scim.Document) string {
	switch {
	case c.attr == schema.Manager:
		object, _ := c.attr.Get(doc).(map[string]any)
		return textOf(object["value"])
	case c.kind != "":
		for _, value := range c.attr.Values(doc) {
			if object, _ := value.(map[string]any); object["type"] == c.kind {
				return textOf(object[c.sub.Name])
			}
		}
		return ""
	case c.attr.MultiValued:
		return c.cellOfMany(doc)
	case c.sub != nil:
		object, _ := c.attr.Get(doc).(map[string]any)
		return textOf(object[c.sub.Name])
	default:
		return textOf(c.attr.Get(doc))
	}
}

// cellOfMany parts values by semicolons, and the proficiency from a skill by a colon.
func (c column) cellOfMany(doc scim.Document) string {
	var texts []string
	for _, value := range c.attr.Values(doc) {
		object, _ := value.(map[string]any)
		text := textOf(value)
		if object != nil {
			if text = textOf(object["name"]); text == "" {
				text = textOf(object["value"])
			}
			if proficiency := textOf(object["proficiency"]); proficiency != "" {
				text += ":" + proficiency
			}
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ";")
}

// textOf is a simple value for a cell.
func textOf(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(value)
	case interface{ String() string }: // a number
		return value.String()
	default:
		return ""
	}
}

// harmless is a text that no spreadsheet takes for a formula: it begins with an apostrophe
// then, which an import takes away (literal).
func harmless(text string) string {
	if isFormula(text) {
		return "'" + text
	}
	return text
}

// literal takes the apostrophe of harmless away.
func literal(cell string) string {
	if rest, ok := strings.CutPrefix(cell, "'"); ok && isFormula(rest) {
		return rest
	}
	return cell
}

func isFormula(text string) bool {
	if text == "" {
		return false
	}
	switch text[0] {
	case '=', '@', '\t', '\r':
		return true
	case '+', '-': // a telephone number is none
		return strings.Trim(text[1:], "0123456789;=ext") != ""
	default:
		return false
	}
}

// memberships is a CSV file with a row for each member of each group.
type memberships struct {
	e     *Export
	out   *csv.Writer
	begun bool
}

func (m *memberships) add(ctx context.Context, r directory.Record) error {
	if err := m.begin(); err != nil {
		return err
	}
	doc, err := schema.Group.Read(r.Doc)
	if err != nil {
		return err
	}
	group := harmless(schema.GroupName.Text(doc))
	return m.e.members(ctx, r, func(members []directory.Link) error {
		for _, member := range members {
			if err := m.out.Write([]string{group, r.ID.String(), harmless(member.Display), member.ID.String()}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (m *memberships) begin() error {
	if m.begun {
		return nil
	}
	m.begun = true
	return m.out.Write(membershipColumns)
}

func (m *memberships) end() error {
	if err := m.begin(); err != nil {
		return err
	}
	m.out.Flush()
	return m.out.Error()
}

// members gives the members of a group, some at a time. A group that is gone has none.
func (e *Export) members(ctx context.Context, r directory.Record, take func([]directory.Link) error) error {
	if r.MemberCount > len(r.Links) && r.MemberIDs == nil {
		var err error
		if r, err = e.Directory.WithMembers(ctx, e.Org, r.ID); err != nil {
			return ignoreMissing(err)
		}
	}
	if r.MemberIDs == nil {
		return take(r.Links)
	}
	for some, err := range e.Directory.Members(ctx, e.Org, r.MemberIDs) {
		if err == nil {
			err = take(some)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
