package servertest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// SCIM is the mount that paths without one are below.
const SCIM = "/api/v2/scim/v2"

// Answer is a response that has been read.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte

	asked string
}

// Do sends a request with the organisation's token and reads the answer. A path
// that begins with none of /api/, /oauth/, /.well-known/, /openapi and /docs is below
// SCIM, but for a whole URL. A body that is neither nil nor a string is sent as its JSON. headers are lines such as
// "If-Match: 1".
func (o *Org) Do(t testing.TB, method, path string, body any, headers ...string) *Answer {
	t.Helper()
	if !slices.ContainsFunc([]string{o.server.URL, "/api/", "/oauth/", "/.well-known/", "/openapi", "/docs"}, func(root string) bool { return strings.HasPrefix(path, root) }) {
		path = SCIM + path
	}
	url := o.server.URL + strings.TrimPrefix(path, o.server.URL)
	r, err := http.NewRequestWithContext(t.Context(), method, url, reader(t, body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+o.Token)
	return Send(t, r, headers...)
}

// Send sends a request with more headers, lines such as "If-Match: 1", and reads the answer.
func Send(t testing.TB, r *http.Request, headers ...string) *Answer {
	t.Helper()
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(r) //nolint:gosec // tests ask their own servers
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return &Answer{Status: response.StatusCode, Header: response.Header, Body: text, asked: r.Method + " " + r.URL.Path}
}

func reader(t testing.TB, body any) io.Reader {
	t.Helper()
	switch body := body.(type) {
	case nil:
		return nil
	case string:
		return strings.NewReader(body)
	default:
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		return bytes.NewReader(text)
	}
}

// Want ends the test unless the answer has the status.
func (a *Answer) Want(t testing.TB, status int) *Answer {
	t.Helper()
	if a.Status != status {
		t.Fatalf("%s: status %d, want %d: %s", a.asked, a.Status, status, a.Body)
	}
	return a
}

// Refused ends the test unless the answer is an error with the status and the
// scimType, which may be empty. It returns the detail.
func (a *Answer) Refused(t testing.TB, status int, scimType string) string {
	t.Helper()
	a.Want(t, status)
	var e struct{ ScimType, Detail string }
	a.Decode(t, &e)
	if e.ScimType != scimType || e.Detail == "" {
		t.Fatalf("%s: want scimType %q and a detail: %s", a.asked, scimType, a.Body)
	}
	return e.Detail
}

// Object is the body as a JSON object.
func (a *Answer) Object(t testing.TB) map[string]any {
	t.Helper()
	var object map[string]any
	a.Decode(t, &object)
	return object
}

// ID is the id in the body.
func (a *Answer) ID(t testing.TB) string {
	t.Helper()
	var resource struct{ ID string }
	a.Decode(t, &resource)
	if resource.ID == "" {
		t.Fatalf("%s: no id: %s", a.asked, a.Body)
	}
	return resource.ID
}

// List is a ListResponse.
type List struct {
	Schemas      []string
	TotalResults int
	StartIndex   int
	ItemsPerPage int
	NextCursor   string
	Resources    []map[string]any
}

// List is the body as a ListResponse.
func (a *Answer) List(t testing.TB) List {
	t.Helper()
	var list List
	a.Want(t, http.StatusOK).Decode(t, &list)
	return list
}

// IDs are those of the resources, in their order.
func (l List) IDs() []string {
	ids := make([]string, len(l.Resources))
	for i, resource := range l.Resources {
		ids[i], _ = resource["id"].(string)
	}
	return ids
}

// Decode reads the body, which must be JSON, into v.
func (a *Answer) Decode(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(a.Body, v); err != nil {
		t.Fatalf("%s: %d with a body that is not as expected: %v: %s", a.asked, a.Status, err, a.Body)
	}
}

// NewUser makes a user of nothing but a userName and returns the id.
func (o *Org) NewUser(t testing.TB, userName string) string {
	t.Helper()
	return o.Do(t, http.MethodPost, "/Users", map[string]any{"userName": userName}).Want(t, http.StatusCreated).ID(t)
}

// NewGroup makes a group with members and returns the id.
func (o *Org) NewGroup(t testing.TB, displayName string, members ...string) string {
	t.Helper()
	id := o.Do(t, http.MethodPost, "/api/v2/groups", map[string]any{
		"name": displayName, "type": "official", "visibility": "public", "rulesVisible": true,
	}).Want(t, http.StatusOK).ID(t)
	if len(members) > 0 {
		o.Do(t, http.MethodPut, "/Groups/"+id, map[string]any{"displayName": displayName, "members": Values(members...)}).Want(t, http.StatusOK)
	}
	return id
}

// Values are ids as the elements of a multi-valued attribute.
func Values(ids ...string) []any {
	elements := make([]any, len(ids))
	for i, id := range ids {
		elements[i] = map[string]any{"value": id}
	}
	return elements
}

// Patch is the body of a PATCH.
func Patch(operations ...map[string]any) map[string]any {
	if operations == nil {
		operations = []map[string]any{}
	}
	return map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"}, "Operations": operations}
}
