package console

import (
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// schemaForm is what somebody declares a schema by: fields, or its whole document.
type schemaForm struct {
	Old        shownSchema // that it changes; one without an id is new
	AsDocument bool
	// Resource, ID, Name, Description and Rows are the fields.
	Resource, ID, Name, Description string
	Rows                            []attributeField
	Document                        string
	Version                         int64
	// Wrong is what Problem is about: "id", "attributes", "document", or the whole form.
	Wrong, Problem string
}

// attributeField is a row of the form. A dot parts the name of a sub-attribute from that of
// its attribute.
type attributeField struct {
	N                       int
	Name, Type, Description string
	Multi, Required         bool
	Wrong                   bool // Problem of the form is about it
	Focus                   bool // whoever gets the form goes on here
}

// isBlank reports whether nothing was typed.
func (a attributeField) isBlank() bool {
	return a.Name == "" && a.Description == "" && !a.Multi && !a.Required
}

const (
	// mostFields is how many rows a form has. Who declares more does so by the document.
	mostFields = 40
	blankNew   = 4 // rows of a form for a new schema
	blankMore  = 4 // rows that are added to a form
	// mostDocument is how many bytes of a document a page has, and mostFielded how many bytes
	// the document has of which there are fields.
	mostDocument, mostFielded = 40 << 10, 20 << 10
)

// IsNew reports whether there is no schema yet.
func (f schemaForm) IsNew() bool { return f.Old.ID == "" }

// Fits reports whether the fields hold all attributes.
func (f schemaForm) Fits() bool {
	return len(rowsOf(f.Old.Attributes)) <= mostFields && len(documentText(f.Old.SchemaDocument)) <= mostFielded
}

// HasRoom reports whether there may be more rows.
func (f schemaForm) HasRoom() bool { return len(f.Rows) < mostFields }

// Kinds are the types that a row offers.
func (schemaForm) Kinds() any { return typeChoices }

// asksForRows reports whether the form was sent for more rows.
func (v *visit) asksForRows() bool { return v.field("rows") == "more" }

func showNewSchema(v *visit) error {
	f := schemaForm{AsDocument: v.query("as") == "document", Resource: schema.User.Name}
	f.addRows(blankNew)
	return v.showSchemaForm(http.StatusOK, f)
}

func showEditSchema(v *visit) error {
	s, err := v.findOwnSchema()
	if err != nil {
		return err
	}
	f := schemaForm{Old: s, Version: s.Revision, Name: s.Name, Description: s.Description}
	if f.AsDocument = v.query("as") == "document" || !f.Fits(); f.AsDocument {
		if text := documentText(s.SchemaDocument); len(template.HTMLEscapeString(text)) <= mostDocument {
			f.Document = text
		}
		return v.showSchemaForm(http.StatusOK, f)
	}
	for _, a := range s.Attributes {
		f.addAttribute("", a)
		for _, sub := range a.SubAttributes {
			f.addAttribute(a.Name+".", sub)
		}
	}
	f.addRows(1)
	return v.showSchemaForm(http.StatusOK, f)
}

func (f *schemaForm) addAttribute(parent string, a schema.AttributeDocument) {
	f.Rows = append(f.Rows, attributeField{
		N: len(f.Rows), Name: parent + a.Name, Type: string(a.Type), Description: a.Description, Multi: a.MultiValued, Required: a.Required,
	})
}

// addRows adds blank rows, as far as there may be more.
func (f *schemaForm) addRows(n int) {
	for ; n > 0 && f.HasRoom(); n-- {
		f.Rows = append(f.Rows, attributeField{N: len(f.Rows)})
	}
}

func (v *visit) showSchemaForm(status int, f schemaForm) error {
	title := "Add a schema"
	if !f.IsNew() {
		title = "Change " + f.Old.Title()
	}
	return v.showStatus(status, "schema-form", "catalogue", title, f)
}

// readSchemaForm reads what somebody has typed to change a schema, or to make one.
func (v *visit) readSchemaForm(old shownSchema) schemaForm {
	f := schemaForm{
		Old: old, AsDocument: v.field("as") == "document", Document: v.r.PostForm.Get("document"),
		Resource: v.field("resource"), ID: v.field("id"), Name: v.field("name"), Description: v.field("description"),
	}
	for n := 0; n < mostFields && v.r.PostForm.Has("name."+strconv.Itoa(n)); n++ {
		of := func(field string) string { return v.field(field + "." + strconv.Itoa(n)) }
		f.Rows = append(f.Rows, attributeField{
			N: n, Name: of("name"), Type: of("type"), Description: of("description"), Multi: of("multi") == "on", Required: of("required") == "on",
		})
	}
	if first := len(f.Rows); v.asksForRows() {
		if f.addRows(blankMore); first < len(f.Rows) {
			f.Rows[first].Focus = true
		}
	}
	return f
}

func createSchema(v *visit) error {
	f := v.readSchemaForm(shownSchema{})
	if v.asksForRows() {
		return v.showSchemaForm(http.StatusOK, f)
	}
	definition, err := f.definition()
	if err == nil {
		made, failure := v.Directory.CreateSchema(v.r.Context(), v.org, f.Resource, definition)
		if failure == nil {
			return v.to(v.schemaPath(made.URN) + "?done=declared")
		}
		err = failure
	}
	if told := mendable(err); told != nil {
		f.blame(told)
		return v.showSchemaForm(told.Status, f)
	}
	return err
}

// blame tells of an error beside what it is about.
func (f *schemaForm) blame(told *scim.Error) {
	f.Problem = sentence(strings.TrimPrefix(told.Detail, "schema: "))
	wrong, ok := errors.AsType[*schema.DefinitionError](told)
	switch {
	case f.AsDocument && told.Status == http.StatusBadRequest:
		f.Wrong = "document"
	case ok && !f.AsDocument:
		f.Wrong = wrong.Member
		for n := len(f.Rows) - 1; n >= 0 && wrong.Member == "attributes"; n-- { // of two of a name, the second
			if row := &f.Rows[n]; !row.isBlank() && strings.EqualFold(row.Name, wrong.Attribute) {
				row.Wrong, row.Focus = true, true
				break
			}
		}
	}
}

// parsed is the schema that the form declares.
func (f schemaForm) parsed() (*schema.Schema, error) {
	definition, err := f.definition()
	if err != nil {
		return nil, err
	}
	return schema.ParseSchema(definition)
}

// definition is the document that the form declares a schema by.
func (f schemaForm) definition() ([]byte, error) {
	if f.AsDocument {
		return []byte(f.Document), nil
	}
	d := schema.SchemaDocument{ID: f.Old.ID, Name: f.Name, Description: f.Description}
	switch {
	case !f.IsNew():
	case f.ID == "":
		d.ID = suggestedID(f.Name, f.Resource)
	default:
		d.ID = f.ID
	}
	for _, row := range f.Rows {
		if _, _, isPart := strings.Cut(row.Name, "."); !isPart && !row.isBlank() {
			d.Attributes = append(d.Attributes, row.declared(row.Name, attributeNamed(f.Old.Attributes, row.Name)))
		}
	}
	for _, row := range f.Rows {
		if name, part, isPart := strings.Cut(row.Name, "."); isPart {
			whole := attributeNamed(d.Attributes, name)
			if whole == nil || whole.Type != schema.Complex {
				return nil, noWhole(row.Name, name)
			}
			var old *schema.AttributeDocument
			if before := attributeNamed(f.Old.Attributes, whole.Name); before != nil {
				old = attributeNamed(before.SubAttributes, part)
			}
			whole.SubAttributes = append(whole.SubAttributes, row.declared(part, old))
		}
	}
	return json.Marshal(d)
}

// noWhole refuses a part of what is no set of parts.
func noWhole(path, name string) error {
	err := &schema.DefinitionError{Member: "attributes", Attribute: path, Err: errors.New("no complex attribute")}
	return scim.InvalidValue("attribute %s: no row has the name %q and the type %q, so it has no part; add that row, or choose a name without a dot", path, name, typeWords[schema.Complex]).Because(err)
}

func attributeNamed(all []schema.AttributeDocument, name string) *schema.AttributeDocument {
	for i := range all {
		if strings.EqualFold(all[i].Name, name) {
			return &all[i]
		}
	}
	return nil
}

// declared is the attribute that a row declares. What the row does not say stays as it was,
// unless the type is another.
func (a attributeField) declared(name string, old *schema.AttributeDocument) schema.AttributeDocument {
	var d schema.AttributeDocument
	if old != nil && string(old.Type) == a.Type {
		d = *old
		d.SubAttributes = nil
	}
	d.Name, d.Type, d.Description, d.MultiValued, d.Required = name, schema.Kind(a.Type), a.Description, a.Multi, a.Required
	return d
}

// notOfURN are the letters that cannot stand in a part of a URN.
var notOfURN = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// suggestedID is the id of a schema of which none was given, in the form that Microsoft Entra
// ID wants. There is none for a name without a letter of a URN.
func suggestedID(name, resource string) string {
	part := strings.Trim(notOfURN.ReplaceAllString(name, "-"), "-")
	if part == "" {
		return ""
	}
	return "urn:ietf:params:scim:schemas:extension:" + part + ":2.0:" + resource
}
