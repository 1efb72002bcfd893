package console

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
)

// attributeRow is what a page tells of an attribute.
type attributeRow struct {
	Parent, Name, Description string
	Value                     string   // which values it takes
	Rules                     []string // that they keep
	Values                    []string // that are suggested
}

const (
	mostSuggested = 20  // values of an attribute
	mostWords     = 200 // letters of what a difference tells of an attribute
)

// Path is the name below the schema.
func (r attributeRow) Path() string { return r.Parent + r.Name }

// Suggested tells of the values that are suggested, as far as there is room.
func (r attributeRow) Suggested() string {
	if len(r.Values) == 0 {
		return ""
	}
	text := "such as " + strings.Join(r.Values[:min(len(r.Values), mostSuggested)], ", ")
	if more := len(r.Values) - mostSuggested; more > 0 {
		text += " and " + count(more) + " more"
	}
	return text
}

// String is all that is told of it.
func (r attributeRow) String() string {
	text := strings.Join(append([]string{r.Value}, r.Rules...), ", ")
	if len(r.Values) > 0 {
		text += "; " + r.Suggested()
	}
	if r.Description != "" {
		text += "; " + r.Description
	}
	return text
}

// rowsOf are the attributes, each before its sub-attributes.
func rowsOf(attributes []schema.AttributeDocument) (rows []attributeRow) {
	for _, a := range attributes {
		rows = append(rows, rowOf("", a))
		for _, sub := range a.SubAttributes {
			rows = append(rows, rowOf(a.Name+".", sub))
		}
	}
	return rows
}

func rowOf(parent string, a schema.AttributeDocument) attributeRow {
	row := attributeRow{
		Parent: parent, Name: a.Name, Description: a.Description, Value: typeWords[a.Type], Values: a.CanonicalValues,
	}
	if a.MultiValued {
		row.Value += ", several values"
	}
	add := func(yes bool, words string) {
		if yes {
			row.Rules = append(row.Rules, words)
		}
	}
	add(a.Required, "required")
	add(a.Mutability == schema.ReadOnly, "read only")
	add(a.Mutability == schema.Immutable, "set once")
	add(a.Mutability == schema.WriteOnly, "write only")
	add(a.Uniqueness == schema.UniqueServer, "unique")
	add(a.Uniqueness == schema.UniqueGlobal, "unique everywhere")
	exact := a.CaseExact != nil && *a.CaseExact
	add(a.Type == schema.String && exact, "upper and lower case differ")
	add((a.Type == schema.Reference || a.Type == schema.Binary) && !exact, "upper and lower case are one")
	add(a.Returned == schema.ReturnedAlways, "in every answer")
	add(a.Returned == schema.ReturnedRequest, "in answers that ask for it")
	add(a.Returned == schema.ReturnedNever, "in no answer")
	add(len(a.ReferenceTypes) > 0, "refers to "+strings.Join(a.ReferenceTypes, " or "))
	return row
}

// typeChoices are the types of attributes, in the order in which a form offers them.
var typeChoices = []struct {
	Kind  schema.Kind
	Words string
}{
	{schema.String, "text"},
	{schema.Boolean, "yes or no"},
	{schema.Integer, "whole number"},
	{schema.Decimal, "number"},
	{schema.DateTime, "date and time"},
	{schema.Reference, "reference"},
	{schema.Binary, "binary"},
	{schema.Complex, "set of parts"},
}

// typeWords are their words.
var typeWords = func() map[schema.Kind]string {
	words := map[schema.Kind]string{}
	for _, c := range typeChoices {
		words[c.Kind] = c.Words
	}
	return words
}()

// schemaChanges are the differences of two definitions, what goes first, then what is changed
// and what comes; and what there is no room for.
func schemaChanges(old, next schema.SchemaDocument) (changes []changeRow, more []string) {
	for _, member := range []changeRow{{"name", old.Name, next.Name}, {"description", old.Description, next.Description}} {
		if member.Before != member.After {
			changes = append(changes, member)
		}
	}
	before, after := rowsOf(old.Attributes), rowsOf(next.Attributes)
	were, are := byPath(before), byPath(after)
	var gone, changed, come []changeRow
	for _, r := range before {
		if _, stays := are[r.Path()]; !stays {
			gone = append(gone, changeRow{r.Path(), clipped(r.String()), ""})
		}
	}
	for _, r := range after {
		switch was, known := were[r.Path()]; {
		case !known:
			come = append(come, changeRow{r.Path(), "", clipped(r.String())})
		case !reflect.DeepEqual(was, r):
			changed = append(changed, changeRow{r.Path(), clipped(was.String()), clipped(r.String())})
		}
	}
	changes = slices.Concat(gone, changes, changed, come)
	if n := len(changes) - mostAttributes; n > 0 {
		changes, more = changes[:mostAttributes], []string{"There are " + count(n) + " more differences of this kind."}
	}
	return changes, more
}

func byPath(rows []attributeRow) map[string]attributeRow {
	found := make(map[string]attributeRow, len(rows))
	for _, r := range rows {
		found[r.Path()] = r
	}
	return found
}

// clipped is what of a text a difference has room for.
func clipped(text string) string {
	if letters := []rune(text); len(letters) > mostWords {
		return string(letters[:mostWords]) + "…"
	}
	return text
}

// definitionChanges are those of an entry of the log, which has the whole definitions. One that
// was refused may have anything in their place, which tells nothing.
func definitionChanges(c provisioning.Change) []changeRow {
	var documents [2]schema.SchemaDocument
	for i, value := range []any{c.Before, c.After} {
		text, err := json.Marshal(value)
		if err == nil {
			_ = json.Unmarshal(text, &documents[i])
		}
	}
	changes, _ := schemaChanges(documents[0], documents[1])
	return changes
}
