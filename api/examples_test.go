package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "write the examples of openapi.yaml from the traffic")

// The examples stand at the end of the description, behind this line.
const examplesBegin = "\n  # Written by 'go test ./api -update' from the recorded traffic; long lists are cut.\n  examples:\n"

// TestMain compares the examples of the description with the traffic, when all of it has
// been replayed: what they show must be in it.
func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	whole := flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.list").Value.String() == ""
	if code == 0 && whole {
		if err := compareExamples(); err != nil {
			fmt.Fprintln(os.Stderr, "FAIL: examples:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// compareExamples writes each example that the description refers to, and compares the
// text with that of the description, or replaces it.
func compareExamples() error {
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		return err
	}
	description, written, _ := strings.Cut(string(text), examplesBegin)
	var wanted strings.Builder
	var missing []string
	for _, name := range referred(description) {
		body, ok := recorded.best(name)
		if !ok {
			missing = append(missing, name)
		}
		fmt.Fprintf(&wanted, "    %s:\n      value:\n%s", name, indented(plain(body), "        "))
	}
	switch {
	case missing != nil:
		return fmt.Errorf("no traffic has a body for %v: add requests of them to a test of the traffic", missing)
	case *update:
		return os.WriteFile("openapi.yaml", []byte(description+examplesBegin+wanted.String()), 0o644)
	case !holds(parsed(wanted.String()), parsed(written)):
		return fmt.Errorf("they tell what the traffic does not; 'go test ./api -update' writes them (-written +traffic):\n%s",
			cmp.Diff(strings.Split(written, "\n"), strings.Split(wanted.String(), "\n")))
	default:
		return nil
	}
}

func parsed(examples string) (value any) {
	if err := yaml.Unmarshal([]byte(examples), &value); err != nil {
		return err
	}
	return value
}

// holds reports whether all that an example shows is in a body of the traffic, which may
// have further members: those that were added since are no untruth of the example.
func holds(body, example any) bool {
	switch example := example.(type) {
	case map[string]any:
		object, ok := body.(map[string]any)
		for name, value := range example {
			ok = ok && object[name] != nil == (value != nil) && holds(object[name], value)
		}
		return ok
	case []any:
		list, ok := body.([]any)
		return ok && slices.EqualFunc(list, example, holds)
	default:
		return body == example
	}
}

// withoutExamples is a description whose examples are empty, for the time in which they
// are written.
func withoutExamples(text []byte) []byte {
	description, _, _ := strings.Cut(string(text), examplesBegin)
	empty := description + examplesBegin
	for _, name := range referred(description) {
		empty += "    " + name + ": {value: {}}\n"
	}
	return []byte(empty)
}

// referred are the names of the examples that the description refers to, sorted.
func referred(description string) []string {
	names := map[string]bool{}
	for _, match := range regexp.MustCompile(`"#/components/examples/([\w.]+)"`).FindAllStringSubmatch(description, -1) {
		names[match[1]] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// traffic keeps the bodies that may become examples.
type traffic struct {
	mu    sync.Mutex
	turns map[string]int // exchanges of each test
	kept  map[string]candidate
}

// candidate is a body with what makes it better or worse than another.
type candidate struct {
	rank string // the least is the best
	body []byte
}

var recorded = traffic{turns: map[string]int{}, kept: map[string]candidate{}}

// record keeps the bodies of an exchange that succeeded, under the names of the
// operation's examples. Which are the best does not depend on the order of the tests.
func (tr *traffic) record(t *testing.T, operation string, r *http.Request, request []byte, status int, answer []byte) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.turns[t.Name()]++
	if status >= 300 {
		return
	}
	rank := fmt.Sprintf("%d %s %04d", preference(t.Name()), t.Name(), tr.turns[t.Name()])
	if r.Header.Get("Content-Type") == "application/x-www-form-urlencoded" {
		request = fromForm(request)
	}
	tr.keep(operation+".request", rank, request)
	tr.keep(operation+".response", rank, answer)
}

func (tr *traffic) keep(name, rank string, body []byte) {
	if !json.Valid(body) {
		return
	}
	empty := bytes.Contains(body, []byte(`"Resources":[]`)) || bytes.Contains(body, []byte(`"entities":[]`)) || len(body) <= len("{}")
	rank = fmt.Sprintf("%t %t %s", empty, len(body) > 3000, rank)
	if old, ok := tr.kept[name]; !ok || rank < old.rank {
		tr.kept[name] = candidate{rank, bytes.Clone(body)}
	}
}

func (tr *traffic) best(name string) ([]byte, bool) {
	found, ok := tr.kept[name]
	return found.body, ok
}

// preference puts what an administrator may recognise first, and odd cases last.
func preference(test string) int {
	for i, part := range []string{"/entra", "/okta", "/saviynt", "/onelogin", "/ping", "/google", "/sailpoint"} {
		if strings.HasPrefix(test, "TestTraffic"+part) {
			return i
		}
	}
	if strings.HasPrefix(test, "TestTraffic") {
		return 9
	}
	return 8
}

func fromForm(body []byte) []byte {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil
	}
	object := map[string]string{}
	for name := range form {
		object[name] = form.Get(name)
	}
	text, _ := json.Marshal(object)
	return text
}

// What is another with each run of the tests, and what stands in its place.
var (
	anyID     = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	anyTime   = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	anyServer = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)
	anyNumber = regexp.MustCompile(`^\d{15,}$`)
	anyToken  = regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]+`)
	anyValue  = map[string]string{
		"secret": "shown-this-once", "client_secret": "the-secret", "password": "correct horse battery staple", "nextCursor": "b3BhcXVl",
		"x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "the-id-of-the-key", "exp": "1799000000", "iat": "1760120000",
		"organization": "acme", "durationMs": "12.5", "moreAvailable": "false", "jti": "the-id-of-the-token",
	}
)

// plain writes a body as YAML, with made-up values where they are another in each run.
func plain(body []byte) string {
	var document yaml.Node
	if err := yaml.Unmarshal(body, &document); err != nil {
		return err.Error()
	}
	ids := map[string]string{}
	tidy(&document, ids, "")
	var out strings.Builder
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(&document); err != nil {
		return err.Error()
	}
	return out.String()
}

// tidy changes a node, the value of the member of that name. Members named $ref, which
// readers of the description would take for references of its own, are left out.
func tidy(n *yaml.Node, ids map[string]string, name string) {
	n.Style = 0
	if n.Kind == yaml.MappingNode {
		for i := 0; i < len(n.Content); i += 2 {
			if n.Content[i].Value == "$ref" {
				n.Content = slices.Delete(n.Content, i, i+2)
				break
			}
		}
	}
	if n.Kind == yaml.SequenceNode && len(n.Content) > 3 {
		n.Content = n.Content[:3]
	}
	for i, child := range n.Content {
		of := name
		if n.Kind == yaml.MappingNode {
			of = n.Content[i&^1].Value
			if i%2 == 0 {
				of = ""
			}
		}
		tidy(child, ids, of)
	}
	if n.Kind != yaml.ScalarNode {
		if len(n.Content) == 0 {
			n.Style = yaml.FlowStyle // {} and []
		}
		return
	}
	if value, ok := anyValue[name]; ok {
		n.Value = value
		return
	}
	n.Value = anyServer.ReplaceAllString(n.Value, "https://scim.example.org")
	n.Value = anyTime.ReplaceAllString(n.Value, "2026-11-28T09:30:00Z")
	n.Value = anyNumber.ReplaceAllString(n.Value, "1883142430669335277")
	n.Value = anyToken.ReplaceAllString(n.Value, "eyJhbGciOiJFZERTQSJ9.eyJpc3MiOiJwdXJlc2NpbSJ9.c2lnbmF0dXJl")
	n.Value = anyID.ReplaceAllStringFunc(n.Value, func(id string) string {
		if ids[id] == "" {
			ids[id] = fmt.Sprintf("01a22403-0000-7000-8000-%012d", len(ids)+1)
		}
		return ids[id]
	})
}

func indented(text, by string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString(by + line)
	}
	return out.String()
}

// TestExamples asks each operation for an example of what it takes and what it gives.
func TestExamples(t *testing.T) {
	t.Parallel()
	for path, item := range load(t).Paths.Map() {
		for method, operation := range item.Operations() {
			if operation.RequestBody != nil {
				wantExamples(t, operation.OperationID+".request", operation.RequestBody.Value.Content)
			}
			for status, response := range operation.Responses.Map() {
				if status[0] == '2' && !strings.HasPrefix(path, "/openapi.") {
					wantExamples(t, fmt.Sprintf("%s.response of %s %s, %s", operation.OperationID, method, path, status), response.Value.Content)
				}
			}
		}
	}
}

func wantExamples(t *testing.T, name string, content openapi3.Content) {
	t.Helper()
	for mediaType, body := range content {
		asJSON := strings.HasSuffix(mediaType, "json") && mediaType != "application/x-ndjson"
		if len(body.Examples) == 0 && (asJSON || mediaType == "application/x-www-form-urlencoded") {
			t.Errorf("%s (%s) has no example: refer to #/components/examples/%s, and let 'go test ./api -update' write it", name, mediaType, strings.Fields(name)[0])
		}
	}
}
