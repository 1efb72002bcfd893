package console

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// askDeleteSchema shows what goes with a schema. Where somebody has values of it, its name has
// to be typed.
func askDeleteSchema(v *visit) (q question, err error) {
	s, err := v.findOwnSchema()
	if err != nil {
		return q, err
	}
	c, err := v.carriersOf(s)
	if err != nil {
		return q, err
	}
	q = question{Heading: "Remove " + s.Title() + "?", Yes: "Remove it", Danger: true, Back: v.schemaPath(s.ID), Place: "catalogue"}
	q.Changes, q.Text = schemaChanges(s.SchemaDocument, schema.SchemaDocument{ID: s.ID, Name: s.Name, Description: s.Description})
	q.Text = append(q.Text, c.Text+".")
	if !c.None() {
		q.Text = append(q.Text, "The values go with it, and events tell of that. The log keeps what they were.")
		q.Typed, q.Label = s.Title(), "the name of the schema"
		if v.field("values") == "" {
			q.Fields = []hidden{{"values", "remove"}}
		}
	}
	if c.N > enough || !c.All {
		q.Text = append(q.Text, "Of 100,000 it may take longer than a page is given. Nothing is removed then, and whoever runs the server can: purescim schema remove --force.")
	}
	q.Text = append(q.Text, "Products that send its attributes go on: the server leaves them out, or refuses them where the organisation is strict.")
	return q, nil
}

func deleteSchema(v *visit) error {
	err := v.Directory.DeleteSchema(v.r.Context(), v.org, v.parameter("id"), v.field("values") == "remove")
	if told := mendable(err); told != nil && told.Status == http.StatusConflict {
		return v.showSchema(told.Status, sentence(told.Detail))
	}
	if err != nil {
		return err
	}
	return v.to(v.home("/catalogue/schemas?done=undeclared"))
}

// askChangeSchema shows what another definition changes, the attributes that it removes first.
// Of a form that is wrong, or that the rules refuse, changeSchema tells.
func askChangeSchema(v *visit) (q question, err error) {
	old, form, err := v.changedSchema()
	if err != nil || v.asksForRows() {
		return q, err
	}
	next, err := form.parsed()
	if err != nil {
		return q, nil //nolint:nilerr // changeSchema tells
	}
	q.Changes, q.Text = schemaChanges(old.SchemaDocument, next.Describe())
	if len(q.Changes) == 0 {
		return q, nil
	}
	before, err := schema.ParseSchema([]byte(documentText(old.SchemaDocument)))
	if err != nil {
		return q, err
	}
	if before.CheckReplacement(next) != nil {
		c, err := v.carriersOf(old)
		switch {
		case err != nil:
			return q, err
		case next.ID != old.ID, c.N > 0:
			return question{}, nil
		case !c.All:
			q.Text = append(q.Text, c.Text+". It is refused if one of them has.")
		default:
			q.Text = append(q.Text, c.Text+", so all of this may change.")
		}
	}
	if slices.ContainsFunc(q.Changes, func(c changeRow) bool { return c.After == "" }) {
		q.Danger = true
		q.Text = append(q.Text, "What is removed is not known any more: the server leaves it out where a product goes on to send it, or refuses it where the organisation is strict.")
	}
	q.Text = append(q.Text, "It counts on every server within a second.")
	q.Heading, q.Yes, q.Place, q.Back = "Change "+old.Title()+"?", "Change it", "catalogue", v.schemaPath(old.ID)
	return q, nil
}

func changeSchema(v *visit) error {
	old, form, err := v.changedSchema()
	if err != nil {
		return err
	}
	if v.asksForRows() {
		return v.showSchemaForm(http.StatusOK, form)
	}
	definition, err := form.definition()
	var changed directory.CustomSchema
	if err == nil {
		changed, err = v.Directory.UpdateSchema(v.r.Context(), v.org, old.ID, &form.Version, definition)
	}
	if told := mendable(err); told != nil && told.Status != http.StatusNotFound {
		form.blame(told)
		return v.showSchemaForm(told.Status, form)
	}
	if err != nil {
		return err
	}
	if changed.Revision == form.Version {
		return v.to(v.schemaPath(old.ID))
	}
	return v.to(v.schemaPath(old.ID) + "?done=redeclared")
}

// changedSchema is the schema of the path, and the form that is to change it.
func (v *visit) changedSchema() (old shownSchema, form schemaForm, err error) {
	if old, err = v.findOwnSchema(); err != nil {
		return old, form, err
	}
	form = v.readSchemaForm(old)
	if form.Version, err = strconv.ParseInt(v.field("version"), 10, 64); err != nil {
		err = scim.BadRequest("the form does not say of which version the schema was")
	}
	return old, form, err
}
