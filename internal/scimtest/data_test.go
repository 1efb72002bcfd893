package scimtest

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
)

// Every placeholder of a scenario is saved before it is used, and every JSON
// path can be read: a slip in the data is found here, not as a strange answer.
func TestScenariosAreSound(t *testing.T) {
	t.Parallel()
	files := map[string]bool{}
	for _, scenario := range LoadScenarios(t) {
		files[scenario.File] = true
		known := map[string]bool{"token": true}
		for _, step := range slices.Concat(scenario.Setup, scenario.Steps) {
			checkPlaceholders(t, scenario.File, step, known)
			for path := range step.Expect.Body {
				if _, _, err := lookUp(nil, placeholder.ReplaceAllString(path, "x")); err != nil {
					t.Errorf("%s, %q: %v", scenario.File, step.Name, err)
				}
			}
			for name := range maps.Keys(step.Save) {
				known[name] = true
			}
			if step.CreateGroup != nil {
				known["groupId"] = true
				known[step.CreateGroup.SaveAs] = true
			}
			if step.CreateUsers != nil {
				known[step.CreateUsers.SaveAs] = true
			}
		}
	}
	if want := "saviynt/01-account-import-page-params.json"; !files[want] {
		t.Errorf("%s was not loaded", want)
	}
}

func checkPlaceholders(t *testing.T, file string, step Step, known map[string]bool) {
	t.Helper()
	step.CreateUsers = nil // its {{n}} is its own
	text, err := json.Marshal(step)
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range placeholder.FindAllStringSubmatch(string(text), -1) {
		if !known[found[1]] {
			t.Errorf("%s, %q: %s is used before it is saved", file, step.Name, found[0])
		}
	}
}

func TestFilterCasesAreSound(t *testing.T) {
	t.Parallel()
	for _, c := range LoadFilterCases(t) {
		if c.Name == "" || c.Filter == "" || c.Section == "" || len(c.Docs) == 0 {
			t.Errorf("incomplete: %+v", c)
		}
		if (c.Expect.IDs == nil) == (c.Expect.ScimType == "") {
			t.Errorf("%s expects neither ids nor a scimType, or both", c.Name)
		}
		ids := map[string]bool{}
		for _, doc := range c.Docs {
			var user struct{ ID string }
			if err := json.Unmarshal(doc, &user); err != nil || user.ID == "" || ids[user.ID] {
				t.Errorf("%s: document %s: id missing or doubled, %v", c.Name, doc, err)
			}
			ids[user.ID] = true
		}
		for _, id := range c.Expect.IDs {
			if !ids[id] {
				t.Errorf("%s expects %s, which is not among its documents", c.Name, id)
			}
		}
	}
}

func TestPatchCasesAreSound(t *testing.T) {
	t.Parallel()
	for _, c := range LoadPatchCases(t) {
		if c.Name == "" || c.Before == nil || c.Request == nil || c.Section == "" {
			t.Errorf("incomplete: %+v", c)
		}
		if (c.After == nil) == (c.Error == nil) {
			t.Errorf("%s has neither after nor error, or both", c.Name)
		}
		if c.Noop && !EqualResource(c.Before, c.After) {
			t.Errorf("%s is no no-op: %s", c.Name, DiffResource(c.Before, c.After))
		}
	}
}

func TestSchemaDataIsJSON(t *testing.T) {
	t.Parallel()
	for _, text := range [][]byte{ExtensionSchema(t), Characteristics(t)} {
		if !json.Valid(text) {
			t.Errorf("not JSON: %.60s", text)
		}
	}
}
