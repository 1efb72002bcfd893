package console

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/guides"
	"github.com/purescim/purescim/internal/schema"
)

// shownSchema is a schema that people or groups have values of: one of the organisation's own,
// or one that every organisation has.
type shownSchema struct {
	schema.SchemaDocument
	Base     *schema.Type // schema.User or schema.Group
	Own      bool
	Revision int64 // of one of its own
	Modified time.Time
}

// Title is what the schema is called.
func (s shownSchema) Title() string { return cmp.Or(s.Name, s.ID) }

// Whom are those who have its attributes.
func (s shownSchema) Whom() string { return whom[s.Base.Name] }

// Count is how many attributes it has, in words.
func (s shownSchema) Count() string { return plural(len(s.Attributes), "attribute") }

// whom are the words for the resources of a type.
var whom = map[string]string{schema.User.Name: "people", schema.Group.Name: "groups"}

// schemaPath is the page of a schema.
func (v *visit) schemaPath(id string) string { return v.home("/catalogue/schemas/", id) }

// ownSchema is one of the organisation's own as pages show it.
func ownSchema(c directory.CustomSchema) (s shownSchema, err error) {
	s.Own, s.Revision, s.Modified, s.Base = true, c.Revision, c.Modified, schema.User
	if c.Resource == schema.Group.Name {
		s.Base = schema.Group
	}
	if err := json.Unmarshal(c.Definition, &s.SchemaDocument); err != nil {
		return s, fmt.Errorf("schema %s: %w", c.URN, err)
	}
	return s, nil
}

// builtInSchemas are those that every organisation has.
func (v *visit) builtInSchemas() (all []shownSchema) {
	for _, t := range v.Directory.Types() {
		for _, s := range append([]*schema.Schema{t.Core}, t.Extensions...) {
			all = append(all, shownSchema{SchemaDocument: s.Describe(), Base: t})
		}
	}
	return all
}

// findSchema finds the schema of the path.
func (v *visit) findSchema() (shownSchema, error) {
	id := v.parameter("id")
	for _, s := range v.builtInSchemas() {
		if strings.EqualFold(s.ID, id) {
			return s, nil
		}
	}
	return v.findOwnSchema()
}

// findOwnSchema finds it among the organisation's own.
func (v *visit) findOwnSchema() (shownSchema, error) {
	found, err := v.Directory.Schema(v.r.Context(), v.org, v.parameter("id"))
	if _, status, _ := statusOf(err); status == http.StatusNotFound {
		return shownSchema{}, notHere(v.r)
	}
	if err != nil {
		return shownSchema{}, err
	}
	return ownSchema(found)
}

// schemaList is all schemas of an organisation.
type schemaList struct {
	Kinds        []preset
	Sum          string
	Own, BuiltIn []shownSchema
	Full         bool
}

func showSchemas(v *visit) error {
	own, err := v.Directory.Schemas(v.r.Context(), v.org)
	if err != nil {
		return err
	}
	list := schemaList{
		Kinds: v.catalogueKinds("schemas"), Sum: plural(len(own), "schema") + " of your own",
		BuiltIn: v.builtInSchemas(), Full: len(own) >= directory.MaxSchemas,
	}
	for _, c := range own {
		s, err := ownSchema(c)
		if err != nil {
			return err
		}
		list.Own = append(list.Own, s)
	}
	return v.show("schemas", "catalogue", "Schemas", list)
}

// schemaPage is one schema with a page of its attributes.
type schemaPage struct {
	shownSchema
	Rows []attributeRow
	turn
	Carriers carriers
	Guides   []preset // where a product maps its attributes
	Example  string   // what a mapping calls the first of them
	Problem  string
}

const (
	// mostAttributes is how many attributes and sub-attributes a page shows.
	mostAttributes = 100
	// mostTold is how many bytes a page tells of them.
	mostTold = 24 << 10
)

// shownOf are the rows that a page shows behind an offset.
func shownOf(rows []attributeRow, offset int) []attributeRow {
	end, told := offset, 0
	for ; end < len(rows) && end-offset < mostAttributes && told < mostTold; end++ {
		told += len(rows[end].String())
	}
	return rows[offset:end]
}

func showSchema(v *visit) error { return v.showSchema(http.StatusOK, "") }

func (v *visit) showSchema(status int, problem string) error {
	s, err := v.findSchema()
	if err != nil {
		return err
	}
	rows := rowsOf(s.Attributes)
	offset, _ := strconv.Atoi(v.query("from")) // none is the beginning
	offset = min(max(0, offset), len(rows))
	page := schemaPage{shownSchema: s, Problem: problem, Rows: shownOf(rows, offset)}
	if behind := offset + len(page.Rows); behind < len(rows) {
		page.Next = v.schemaPath(s.ID) + "?from=" + strconv.Itoa(behind)
	}
	if offset > 0 {
		page.First = v.schemaPath(s.ID)
	}
	if !s.Own {
		return v.showStatus(status, "schema", "catalogue", s.Title(), page)
	}
	page.Example = s.ID + ":" + s.Attributes[0].Name
	if s.Base == schema.User {
		for _, g := range guides.List() {
			page.Guides = append(page.Guides, preset{Name: g.Product, Link: v.home("/guides/", g.Slug) + "#custom-attributes"})
		}
	}
	if page.Carriers, err = v.carriersOf(s); err != nil {
		return err
	}
	return v.showStatus(status, "schema", "catalogue", s.Title(), page)
}

// carriers are the people or groups who have values of a schema, as far as a page looks.
type carriers struct {
	N    int
	All  bool // all were looked at
	Text string
	Link string // lists them
}

// None reports whether nobody has any.
func (c carriers) None() bool { return c.All && c.N == 0 }

func (v *visit) carriersOf(s shownSchema) (c carriers, err error) {
	condition, thing, nobody, list := "schemas eq "+filter.Literal(s.ID), "person", "Nobody", "/people?q="
	if s.Base == schema.Group {
		thing, nobody, list = "group", "No group", "/groups?q="
	}
	found, err := v.list(s.Base, selection{filter: condition}, enough, "")
	if err != nil {
		return c, err
	}
	c.N, c.All, c.Link = found.Total, !found.AtLeast, v.home(list)+url.QueryEscape(condition)
	many, have := plural(c.N, thing), " have"
	switch {
	case c.N == 0:
		many, have = nobody, " has"
	case c.N > enough:
		many = strings.Replace(many, count(c.N), upTo(c.N), 1)
	case c.N == 1:
		have = " has"
	}
	if c.Text = many + have + " values of it"; !c.All {
		c.Text += " among the first " + count(mostLooked) + "; the others were not looked at"
	}
	return c, nil
}

// sendSchema sends the document of a schema, as 'purescim schema' reads it.
func sendSchema(v *visit) error {
	s, err := v.findSchema()
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "application/json")
	v.w.Header().Set("Content-Disposition", `attachment; filename="schema.json"`)
	_, _ = v.w.Write([]byte(documentText(s.SchemaDocument))) // a browser that has gone is nobody's error
	return nil
}

// documentText is the document of a schema as people read it.
func documentText(d schema.SchemaDocument) string {
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return "" // texts, numbers and booleans can be written
	}
	return string(text) + "\n"
}
