package patch_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/patch"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/scimtest"
)

// FuzzApply runs any body on a rich document: it fails with an error that
// the client can be told, or makes a document that the schema gives back as it
// is; and a PATCH that only replaces whole values, repeated, changes nothing.
func FuzzApply(f *testing.F) {
	seed(f)
	user, _ := stored(f, ada)
	group, _ := stored(f, nightShift)
	f.Fuzz(func(t *testing.T, text string) {
		for kind, doc := range map[*schema.Type]scim.Document{schema.User: user, schema.Group: group} {
			fuzzApply(t, kind, doc, text)
		}
	})
}

// TestRandomOperations has the properties of FuzzApply with operations that are
// mostly sound, several in one request.
func TestRandomOperations(t *testing.T) {
	t.Parallel()
	user, _ := stored(t, ada)
	random := rand.New(rand.NewPCG(3, 4))
	applied := 0
	const rounds = 20_000
	for range rounds {
		text := randomBody(random)
		if _, err := run(schema.User, user, text); err == nil {
			applied++
		}
		if fuzzApply(t, schema.User, user, text); t.Failed() {
			t.Fatal(text)
		}
	}
	if applied < rounds/10 {
		t.Errorf("only %d of %d were sound", applied, rounds)
	}
}

var (
	randomPaths = []string{
		"title", "active", "password", "name", "name.givenName", "emails", "emails.value", "emails.type", "emails.primary",
		"addresses", "addresses.type", "addresses.locality", "phoneNumbers", "roles", "roles.value", "photos.value",
		"manager", "manager.value", "schemas", "x509Certificates", "routingSkills", "routingSkills.proficiency", "externalIds",
		scim.EnterpriseUserURN, scim.GenesysUserURN, scim.EnterpriseUserURN + ":dateHire",
	}
	randomFilters = []string{
		`type eq "work"`, `type eq "home"`, `type eq "x"`, `value eq "ada@home.example"`, `primary eq true`, `name eq "Sales"`,
		`type eq "y" and primary eq "True"`, `not (type eq "work")`, `type eq null`, `value pr`, `authority eq "zoomphone"`,
	}
	randomSubs   = []string{"value", "type", "primary", "display", "locality", "proficiency", "name", "authority"}
	randomValues = []string{
		`null`, `""`, `"x"`, `"work"`, `"home"`, `true`, `"False"`, `3.5`, `[]`, `{}`, `"+13175550113"`, `"eA=="`, `"2026-01-31"`,
		`{"value":"x"}`, `{"value":"x","type":"work","primary":true}`, `[{"value":"x","type":"home"},{"value":"y","primary":true}]`,
		`{"value":"ada@home.example","type":"HOME","primary":"true"}`, `{"locality":"Bonn","type":"work"}`, `{"locality":null}`,
		`{"name":"Sales","proficiency":1}`, `{"authority":"zoomphone","value":"z"}`, `["x","y","X"]`, `[null,{}]`, `{"type":"work"}`,
		`{"givenName":null}`, `{"department":"x","manager":{"value":"u9"}}`, `"{\"value\":\"Admin\"}"`,
	}
)

func randomBody(random *rand.Rand) string {
	operations := make([]string, 1+random.IntN(4))
	for i := range operations {
		path := pick(random, randomPaths)
		if random.IntN(3) == 0 {
			path = strings.Split(path, ".")[0] + "[" + strings.ReplaceAll(pick(random, randomFilters), `"`, `\"`) + "]"
			if random.IntN(2) == 0 {
				path += "." + pick(random, randomSubs)
			}
		}
		op, value := pick(random, []string{"add", "replace", "remove"}), pick(random, randomValues)
		switch {
		case random.IntN(5) == 0 && op != "remove":
			operations[i] = `{"op":"` + op + `","value":{"` + path + `":` + value + `}}`
		case op == "remove" && random.IntN(2) == 0:
			operations[i] = `{"op":"remove","path":"` + path + `"}`
		default:
			operations[i] = `{"op":"` + op + `","path":"` + path + `","value":` + value + `}`
		}
	}
	return body(strings.Join(operations, ","))
}

func pick(random *rand.Rand, from []string) string { return from[random.IntN(len(from))] }

func fuzzApply(t *testing.T, kind *schema.Type, doc scim.Document, text string) {
	ops, err := scim.ParsePatch([]byte(text))
	if err != nil {
		checkTold(t, err)
		return
	}
	plan, err := patch.Compile(kind, ops, schema.Options{Region: "US"})
	if err != nil {
		checkTold(t, err)
		return
	}
	before := doc.Clone()
	after, err := plan.Apply(doc)
	if diff := cmp.Diff(before, doc); diff != "" {
		t.Fatalf("the document itself was changed: %s", diff)
	}
	if err != nil {
		checkTold(t, err)
		return
	}
	checkRedecodes(t, kind, after)
	if !onlyReplaces(ops) {
		return
	}
	again, err := plan.Apply(after)
	if err != nil {
		t.Fatalf("the second time: %v", err)
	}
	if !again.Equal(after) {
		t.Fatalf("the second time changes: %s", cmp.Diff(after, again))
	}
}

func checkTold(t *testing.T, err error) {
	t.Helper()
	var e *scim.Error
	if !errors.As(err, &e) || e.Status != 400 && e.Status != 413 || e.Detail == "" {
		t.Fatalf("%v is no error for a client", err)
	}
}

func checkRedecodes(t *testing.T, kind *schema.Type, doc scim.Document) {
	t.Helper()
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	object, err := scim.ParseObject(text)
	if err != nil {
		t.Fatal(err)
	}
	in, err := kind.Decode(object, schema.Options{Region: "US"})
	if err != nil {
		t.Fatalf("the schema refuses the result: %v\n%s", err, text)
	}
	in.Doc["id"] = doc["id"]
	kind.Tidy(in.Doc)
	if !in.Doc.Equal(doc) {
		t.Fatalf("the schema reads the result as another: %s", cmp.Diff(doc, in.Doc))
	}
}

// onlyReplaces reports whether each operation replaces one whole attribute, none twice.
func onlyReplaces(ops []scim.PatchOp) bool {
	seen := map[*schema.Attribute]bool{}
	for _, op := range ops {
		ref, ok := schema.User.Resolve(op.Path)
		if op.Op != "replace" || !ok || ref.Sub != nil || seen[ref.Attr] {
			return false
		}
		seen[ref.Attr] = true
	}
	return true
}

func seed(f *testing.F) {
	for _, test := range changes {
		f.Add(body(test.operations))
	}
	for _, test := range refusals {
		f.Add(body(test.operations))
	}
	for _, c := range scimtest.LoadPatchCases(f) {
		f.Add(string(c.Request))
	}
	for _, s := range scimtest.LoadScenarios(f) {
		for _, step := range s.Steps {
			if step.Request != nil && strings.Contains(string(step.Request.Body), "Operations") {
				f.Add(string(step.Request.Body))
			}
		}
	}
}
