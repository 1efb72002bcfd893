package servertest_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/scimtest"
	"github.com/purescim/purescim/internal/servertest"
)

// forgiven are the cases that are no requests of the standard but of clients, by
// the scimType with which strict organisations are refused.
var forgiven = map[string]string{
	"empty_operations":                        "invalidSyntax",
	"replace_enterprise_manager_plain_string": "invalidSyntax",
	"replace_value_filter_attribute_absent":   "noTarget",
	"remove_members_with_value_list":          "invalidSyntax",
	"add_extension_urn_as_path":               "invalidPath",
	"replace_boolean_as_string":               "invalidSyntax",
	"add_flattened_keys_without_path":         "invalidSyntax",

	"boolean_as_string":               "invalidFilter",
	"extension_attribute_without_urn": "invalidFilter",
	"entra_value_path_dot_sub":        "invalidFilter",
}

// ownRules are the cases that pass in no organisation as they stand, by the row of
// docs/behaviour.md that says why; ordinaryRules those that do in strict ones alone.
var (
	ownRules = map[string]string{
		"boolean_eq_true":                       "27",
		"pr_boolean_false_is_present":           "27",
		"datetime_eq_same_instant_other_offset": "24",
		"datetime_le_fraction":                  "24",
	}
	ordinaryRules = map[string]string{
		"value_path_not":                 "29",
		"dotted_and_is_not_same_element": "29",
		"ne_multi_valued_any_value":      "29",
		"schemas_eq_extension":           "26a",
	}
)

// TestPatchCases sends every PATCH case of the standard, in an organisation that is
// strict and in one that is not.
func TestPatchCases(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	for _, c := range scimtest.LoadPatchCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			playPatch(t, newWorld(t, server, false), c)
			playPatch(t, newWorld(t, server, true), c)
		})
	}
}

func playPatch(t *testing.T, w *world, c scimtest.PatchCase) {
	t.Helper()
	path := w.create(t, c)
	if kind := forgiven[c.Name]; w.strict && kind != "" {
		c.Error = &scimtest.PatchError{Status: 400, ScimType: kind}
	}
	before := w.stored(t, c.Before, nil)
	old := w.Do(t, "GET", path, nil).Want(t, 200)
	if diff := scimtest.DiffResource(before, json.RawMessage(old.Body)); diff != "" {
		t.Fatalf("before the PATCH (-want +got):\n%s", diff)
	}
	want := before
	answer := w.Do(t, "PATCH", path, string(w.translate(c.Request)))
	if c.Error != nil {
		answer.Refused(t, c.Error.Status, c.Error.ScimType)
	} else {
		if !w.strict {
			delete(before, "displayName") // it follows the name (BEHAVIOUR 26)
		}
		want = w.stored(t, c.After, before)
		if diff := scimtest.DiffResource(want, json.RawMessage(answer.Want(t, 200).Body)); diff != "" {
			t.Errorf("the answer (-want +got):\n%s", diff)
		}
	}
	got := w.Do(t, "GET", path, nil).Want(t, 200)
	if diff := scimtest.DiffResource(want, json.RawMessage(got.Body)); diff != "" {
		t.Errorf("after the PATCH (-want +got):\n%s", diff)
	}
	same := cmp.Equal(old.Object(t)["meta"], got.Object(t)["meta"])
	if unchanged := c.Noop || c.Error != nil; unchanged && !same {
		t.Errorf("nothing changed, but meta is %v, and was %v", got.Object(t)["meta"], old.Object(t)["meta"])
	}
}

// create makes the resource of the case and everyone it speaks of, and returns
// its path.
func (w *world) create(t *testing.T, c scimtest.PatchCase) string {
	t.Helper()
	var document map[string]any
	if err := json.Unmarshal(c.Before, &document); err != nil {
		t.Fatal(err)
	}
	name := document["id"].(string)
	w.populate(t, name, c.Before, c.Request, c.After)
	if name[0] == 'g' {
		display := document["displayName"].(string)
		w.ids[name] = w.NewGroup(t, display)
		w.Do(t, "PUT", "/Groups/"+w.ids[name], string(w.translate(c.Before))).Want(t, 200)
		return "/Groups/" + w.ids[name]
	}
	id := w.Do(t, "POST", "/Users", string(w.translate(c.Before))).Want(t, 201).ID(t)
	w.ids[name] = id
	for _, group := range elements(document["groups"]) {
		w.Do(t, "PATCH", "/Groups/"+w.ids[group["value"].(string)], servertest.Patch(map[string]any{
			"op": "add", "path": "members", "value": servertest.Values(id),
		})).Want(t, 200)
	}
	return "/Users/" + id
}

// TestFilterCases sends every filter case of the standard, in an organisation that is
// strict and in one that is not. Each finds what the case says, but for what the tables
// name.
func TestFilterCases(t *testing.T) {
	t.Parallel()
	extension, err := schema.ParseSchema(scimtest.ExtensionSchema(t))
	if err != nil {
		t.Fatal(err)
	}
	user := schema.User.With(extension)
	server := servertest.NewWith(t, servertest.Options{Types: schema.Types{user, schema.Group}})
	for _, c := range scimtest.LoadFilterCases(t) {
		for kind, strict := range map[string]bool{"ordinary": false, "strict": true} {
			t.Run(c.Name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				playFilter(t, newWorld(t, server, strict), user, c)
			})
		}
	}
}

func playFilter(t *testing.T, w *world, user *schema.Type, c scimtest.FilterCase) {
	t.Helper()
	documents := w.createAll(t, user, c.Docs)
	path := "/Users?count=1000&filter=" + url.QueryEscape(c.Filter)
	switch kind := forgiven[c.Name]; {
	case c.Expect.ScimType != "":
		w.Do(t, "GET", path, nil).Refused(t, 400, c.Expect.ScimType)
		return
	case w.strict && kind != "":
		w.Do(t, "GET", path, nil).Refused(t, 400, kind)
		return
	}
	list := w.Do(t, "GET", path, nil).List(t)
	found := slices.Sorted(slices.Values(list.IDs()))
	if want := w.found(t, user, c, documents); !slices.Equal(want, found) || list.TotalResults != len(want) {
		t.Errorf("%s finds %v, total %d; want %v", c.Filter, found, list.TotalResults, want)
	}
}

// found are the ids that a filter must find: those of the case, unless a rule of the
// server has the stored users differ from the case's. Then they are matched in memory,
// which package filter proves on the cases as they are.
func (w *world) found(t *testing.T, user *schema.Type, c scimtest.FilterCase, documents []scim.Document) []string {
	t.Helper()
	f, err := filter.Parse(user, c.Filter)
	if err != nil {
		t.Fatal(err)
	}
	var expected, matched []string
	for _, name := range c.Expect.IDs {
		expected = append(expected, w.ids[name])
	}
	for _, document := range documents {
		if filter.Match(f.Root(), document) {
			matched = append(matched, document["id"].(string))
		}
	}
	slices.Sort(expected)
	slices.Sort(matched)
	row, differs := ownRules[c.Name]
	if !w.strict {
		if mirrored := ordinaryRules[c.Name]; mirrored != "" {
			row, differs = mirrored, true
		}
	}
	if differs == slices.Equal(expected, matched) {
		t.Errorf("the case finds %v, the stored users that match are %v, BEHAVIOUR %q", expected, matched, row)
	}
	return matched
}

// createAll makes the users of a case and returns them as the server has them,
// after a check that this is the case's document by the documented rules. All
// are there before the first is filled, since they refer to each other.
func (w *world) createAll(t *testing.T, user *schema.Type, docs []json.RawMessage) []scim.Document {
	t.Helper()
	names := make([]string, len(docs))
	for i, doc := range docs {
		var named struct{ ID, UserName string }
		if err := json.Unmarshal(doc, &named); err != nil {
			t.Fatal(err)
		}
		names[i], w.ids[named.ID] = named.ID, w.newUser(t, named.UserName, "")
	}
	documents := make([]scim.Document, len(docs))
	for i, doc := range docs {
		answer := w.Do(t, "PUT", "/Users/"+w.ids[names[i]], string(w.translate(doc))).Want(t, 200)
		if diff := scimtest.DiffResource(w.stored(t, doc, nil), json.RawMessage(answer.Body)); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", names[i], diff)
		}
		var err error
		if documents[i], err = user.Load(answer.Body); err != nil {
			t.Fatal(err)
		}
	}
	return documents
}
