package scimtest

import (
	"encoding/json"
	"testing"
)

// FilterCase is one filter on /Users and what it must find. The schema is that
// of the server plus [ExtensionSchema].
type FilterCase struct {
	Name      string            `json:"name"`
	Filter    string            `json:"filter"`
	Docs      []json.RawMessage `json:"docs"` // the stored users, each with its id
	Expect    FilterResult      `json:"expect"`
	Section   string            `json:"section"` // where the standard says so
	Note      string            `json:"note"`
	Contested bool              `json:"contested"` // other servers may answer otherwise
}

// FilterResult is either the ids found (in the order of the documents; compare
// as sets) or, when the filter is refused with status 400, the scimType.
type FilterResult struct {
	IDs      []string
	ScimType string
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *FilterResult) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, &r.ScimType) == nil {
		return nil
	}
	return json.Unmarshal(text, &r.IDs)
}

// PatchCase is one PATCH request to a stored resource, whose type its schemas
// say, and what must come of it.
type PatchCase struct {
	Name    string            `json:"name"`
	Before  json.RawMessage   `json:"before"`
	Request json.RawMessage   `json:"request"`
	Others  []json.RawMessage `json:"others"` // further stored resources

	// After is the resource then (see [EqualResource]); nil when Error is set,
	// and then the stored resource must still equal Before.
	After json.RawMessage `json:"after"`
	Error *PatchError     `json:"error"`
	// Noop: neither meta.lastModified nor meta.version may move.
	Noop bool `json:"noop"`

	Section   string `json:"section"`
	Note      string `json:"note"`
	Contested bool   `json:"contested"`
}

// PatchError is how a PATCH is refused.
type PatchError struct {
	Status   int    `json:"status"`
	ScimType string `json:"scimType"`
}

// LoadFilterCases returns the filter cases.
func LoadFilterCases(t testing.TB) []FilterCase {
	t.Helper()
	return loadCases[FilterCase](t, "rfc-cases/filters.json")
}

// LoadPatchCases returns the PATCH cases.
func LoadPatchCases(t testing.TB) []PatchCase {
	t.Helper()
	return loadCases[PatchCase](t, "rfc-cases/patches.json")
}

func loadCases[Case any](t testing.TB, name string) []Case {
	t.Helper()
	var cases []Case
	if err := decodeStrict(name, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) == 0 {
		t.Fatalf("%s holds no cases", name)
	}
	return cases
}

// ExtensionSchema returns the schema resource of the extension that the filter
// cases use on top of the server's own: it has the attribute types that the
// standard schemas lack.
func ExtensionSchema(t testing.TB) []byte {
	t.Helper()
	return read(t, "rfc-cases/test-extension.json")
}

// Characteristics returns the standard's tables of attributes: a JSON object
// from schema URN to the list of that schema's attributes.
func Characteristics(t testing.TB) []byte {
	t.Helper()
	return read(t, "rfc-cases/characteristics.json")
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	text, err := testdata.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
