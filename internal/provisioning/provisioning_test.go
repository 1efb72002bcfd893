package provisioning_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/scim"
)

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

// TestDifference compares documents, and makes the earlier of the later one again.
func TestDifference(t *testing.T) {
	t.Parallel()
	emails := func(values ...string) []any {
		var list []any
		for _, value := range values {
			list = append(list, map[string]any{"value": value, "type": "work"})
		}
		return list
	}
	for _, test := range []struct {
		name          string
		before, after scim.Document
		want          []string
	}{
		{"nothing", scim.Document{"id": "1", "title": "a"}, scim.Document{"id": "2", "title": "a", "meta": map[string]any{"version": "2"}}, nil},
		{"values", scim.Document{"title": "a", "active": true, "nickName": "n"}, scim.Document{"title": "b", "active": false, "locale": "de"}, []string{"active", "locale", "nickName", "title"}},
		{"lists", scim.Document{"emails": emails("a", "b")}, scim.Document{"emails": emails("b", "a")}, nil},
		{"a list", scim.Document{"emails": emails("a", "b")}, scim.Document{"emails": emails("a")}, []string{"emails"}},
		{"parts", scim.Document{"name": map[string]any{"givenName": "A", "familyName": "B"}}, scim.Document{"name": map[string]any{"givenName": "C"}}, []string{"name.familyName", "name.givenName"}},
		{"a whole", scim.Document{}, scim.Document{"name": map[string]any{"givenName": "C"}}, []string{"name.givenName"}},
		{
			"extensions",
			scim.Document{enterprise: map[string]any{"department": "x", "manager": map[string]any{"value": "1"}}},
			scim.Document{enterprise: map[string]any{"department": "y"}, "urn:a.b:c:2.0:User": map[string]any{"size": int64(3)}},
			[]string{"urn:a.b:c:2.0:User:size", enterprise + ":department", enterprise + ":manager.value"},
		},
	} {
		changes := provisioning.Difference(test.before, test.after)
		var names []string
		for _, c := range changes {
			names = append(names, c.Attribute)
		}
		if diff := cmp.Diff(test.want, names); diff != "" {
			t.Errorf("%s: attributes (-want +got):\n%s", test.name, diff)
		}
		back := test.after.Clone()
		provisioning.Revert(back, changes)
		for _, kept := range []string{"id", "meta"} {
			delete(back, kept)
			delete(test.before, kept)
		}
		if !back.Equal(test.before) {
			t.Errorf("%s: taken back it is %v, want %v", test.name, back, test.before)
		}
	}
}

// TestClean takes secrets out of bodies, wherever they stand.
func TestClean(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		``: ``,
		` {"userName" : "a", "password":"x1x", "active": null}`:                           `{"userName":"a","password":"(removed)","active":null}`,
		`{"Operations":[{"value":"x1x","op":"replace","path":"Password"},{"value":"y"}]}`: `{"Operations":[{"value":"(removed)","op":"replace","path":"Password"},{"value":"y"}]}`,
		`{"Operations":[{"op":"add","value":{"urn:x:User:password":{"a":"x1x"}}}]}`:       `{"Operations":[{"op":"add","value":{"urn:x:User:password":"(removed)"}}]}`,
		`{"a":["{\"password\":\"x1x\",\"b\":1}"],"clientSecret":["x1x"]}`:                 `{"a":["{\"password\":\"(removed)\",\"b\":1}"],"clientSecret":"(removed)"}`,
		`{"a":"{\"p\\u0061ssword\":\"x1x\"}","b":"[\"p\\u0061ssword\":x1x"}`:              `{"a":"{\"password\":\"(removed)\"}","b":"(removed)"}`,
		`{"op":"add","path":"p\u0061ssword","value":"x1x"}`:                               `{"op":"add","path":"password","value":"(removed)"}`,
		`{"x":[{"name":"Password","value":"x1x"},{"KEY":"api_key","values":["x1x"]}]}`:    `{"x":[{"name":"Password","value":"(removed)"},{"KEY":"api_key","values":"(removed)"}]}`,
		`{"pass_word":"x1x","api-key":"x1x","urn:a:box":{"pin":"x1x"},"passport":"p"}`:    `{"pass_word":"(removed)","api-key":"(removed)","urn:a:box":{"pin":"(removed)"},"passport":"p"}`,
		`{"path":"emails[password eq \"x1x\\\"x1x\" and type pr].value","op":"remove"}`:   `{"path":"emails[password eq \"(removed)\" and type pr].value","op":"remove"}`,
		`{"path":"password[value eq \"x1x\"]"}`:                                           `{"path":"password[value eq \"(removed)\"]"}`,
		`{"keys":[{"kty":"OKP","x":"pub","d":"x1x"}],"d":"day"}`:                          `{"keys":[{"kty":"OKP","x":"pub","d":"(removed)"}],"d":"day"}`,
		`{"url":"https://a.example/?id=7&access_token=x1x&b=c"}`:                          `{"url":"https://a.example/?id=7&access_token=(removed)&b=c"}`,
		`{"endpointUrl":"https://me:x1x@example.org/","header":"Bearer x1xx1xx1xx1x"}`:    `{"endpointUrl":"https://(removed)@example.org/","header":"(removed)"}`,
		`{"title":"eyJhbGciOiJFUzI1NiJ9.eyJ4MXgiOjF9.x1x"}`:                               `{"title":"(removed)"}`,
		`{"password":"x1x"`:                            `(a body of 17 bytes that is not JSON)`,
		`grant_type=x&secret=x1x`:                      `(a body of 23 bytes that is not JSON)`,
		`{"a":"` + strings.Repeat("x", 300<<10) + `"}`: `(a body of 307208 bytes, too large to be kept)`,
	} {
		if got := provisioning.Clean([]byte(body)); got != want {
			t.Errorf("%.80s is kept as\n%s, want\n%s", body, got, want)
		}
	}
	long := provisioning.Clean([]byte(`{"a":["` + strings.Repeat(`ü","`, 20<<10) + `"],"password":"x1x"}`))
	if len(long) > provisioning.MaxBody || !strings.HasSuffix(long, "…") || !strings.HasPrefix(long, `{"a":["ü"`) {
		t.Errorf("of a long body %d bytes are kept: %.40s", len(long), long)
	}
	deep := provisioning.Clean([]byte(strings.Repeat(`{"a":`, 2000) + `{"password":"x1x"}` + strings.Repeat("}", 2000)))
	if strings.Contains(deep, "x1x") {
		t.Errorf("a deep secret is kept: %s", deep)
	}
}

// What a client was told quotes what it has sent, secrets too.
func TestCleanText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		fmt.Sprintf("path %q: a path is one name", `password eq "x1x"`):       `path "password eq "(removed)"": a path is one name`,
		fmt.Sprintf("path %q: a path is one name", `password eq "x1\"x1x"`):   `path "password eq "(removed)"": a path is one name`,
		`access token "eyJhbGciOiJFUzI1NiJ9.eyJ4MXgiOjF9.x1x" does not exist`: `access token "(removed)" does not exist`,
		`userName: "ada" is taken`: `userName: "ada" is taken`,
	} {
		if got := provisioning.CleanText(text); got != want {
			t.Errorf("%s is kept as\n%s, want\n%s", text, got, want)
		}
	}
}

// TestAsked tells requests apart by their methods and paths.
func TestAsked(t *testing.T) {
	t.Parallel()
	for request, want := range map[string]string{
		"POST /Users": "create User", "PUT /Users/{id}": "update User", "PATCH /Me": "update User", "DELETE /Groups/{id}": "delete Group",
		"POST /Bulk": "bulk Bulk", "POST /api/v2/groups/{id}/members": "member_add Group", "DELETE /api/v2/groups/{id}/members": "member_remove Group",
		"POST /api/v2/oauth/clients": "create Client", "POST /api/v2/oauth/clients/{id}/secret": "update Client",
		"DELETE /api/v2/oauth/clients/{id}/tokens": "revoke Token", "DELETE /api/v2/tokens/me": "revoke Token",
		"POST /api/v2/authorization/roles": "create Role", "PUT /api/v2/directory/schemas/{id}": "update Schema",
		"PUT /api/v2/events/stream": "update Stream", "POST /api/v2/events/deadletters/requeue": "requeue Stream",
		"POST /api/v2/events/poll": "create ", "DELETE /api/v2/async/requests/{id}": "cancel Request",
		"POST /Users/.search": "create ", "POST /.search": "create ",
	} {
		method, path, _ := strings.Cut(request, " ")
		operation, target := provisioning.Asked(method, path)
		if got := string(operation) + " " + string(target); got != want {
			t.Errorf("%s is %q, want %q", request, got, want)
		}
	}
}

// memory is a store that keeps entries, or fails.
type memory struct {
	provisioning.Store
	kept map[org.ID][]provisioning.Entry
	fail error

	counted []provisioning.Counted
	refused bool // a user is, at present
}

func (m *memory) NewID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

func (m *memory) Now() time.Time { return time.Now() }

func (m *memory) Add(_ context.Context, _ org.ID, c provisioning.Counted) (bool, error) {
	m.counted = append(m.counted, c)
	return m.refused, m.fail
}

func (m *memory) Record(_ context.Context, o org.ID, entries []provisioning.Entry) error {
	if m.fail == nil {
		m.kept[o] = append(m.kept[o], entries...)
	}
	return m.fail
}

// What is too much to be written is dropped and counted, and one organisation leaves room
// for others.
func TestLog_CountsWhatItDrops(t *testing.T) {
	t.Parallel()
	m := &memory{kept: map[org.ID][]provisioning.Entry{}}
	l := provisioning.New(m, nil)
	large := provisioning.Entry{Body: strings.Repeat("x", 1<<20-1<<10)}
	for range 10 {
		l.Refuse(1, large)
	}
	l.Refuse(2, provisioning.Entry{})
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(len(m.kept[1]), len(m.kept[2]), l.Dropped()); got != "8 1 2" {
		t.Errorf("kept and dropped: %s, want 8 of one, 1 of the other, and 2 dropped", got)
	}
	if id := m.kept[2][0].ID; time.Since(provisioning.TimeOf(id)) > time.Minute {
		t.Errorf("an entry has the id %s", id)
	}
	m.fail = errors.New("away")
	l.Refuse(2, provisioning.Entry{})
	if err := l.Flush(t.Context()); !errors.Is(err, m.fail) || l.Dropped() != 3 {
		t.Errorf("%v, %d dropped", err, l.Dropped())
	}
}

// Each advice is that of an entry that it is for; one before it takes no other's.
func TestAdvice_IsGivenForEachStatus(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, e := range []provisioning.Entry{
		refused(405, "", provisioning.Group, "POST is not allowed here: groups are made and deleted in the platform"),
		refused(400, "invalidValue", provisioning.User, `roles: the organisation has no role named "x"; create it first`),
		refused(400, "invalidValue", provisioning.User, `division: the organisation has no division named "x"; create it first`),
		refused(400, "invalidValue", provisioning.User, `routingSkills: the organisation has no routing skill named "x"; create it first`),
		refused(400, "invalidValue", provisioning.User, `routingLanguages: the organisation has no routing language named "x"; create it first`),
		refused(400, "invalidValue", provisioning.User, `phoneNumbers: "12" is not a possible number in the region US`),
		refused(400, "invalidValue", provisioning.User, `manager: "x" is not the id of a user of the organisation`),
		refused(400, "invalidValue", provisioning.Group, `members: "x" is not the id of a user of the organisation`),
		refused(409, "uniqueness", provisioning.User, "userName is taken"), refused(409, "uniqueness", provisioning.Group, "displayName is taken"),
		refused(400, "tooMany", provisioning.Group, "the request would remove 2000 members"),
		refused(403, "", provisioning.User, "held: this client may deactivate"), refused(403, "", provisioning.User, "the client has none of the permissions that allow this"), refused(403, "", provisioning.User, "no"),
		refused(400, "invalidPath", provisioning.User, "x"), refused(400, "mutability", provisioning.User, "x"), refused(400, "noTarget", provisioning.User, "x"),
		refused(400, "invalidFilter", provisioning.User, "x"), refused(400, "invalidSyntax", provisioning.User, "GET /Schemas lists those that are"),
		refused(400, "invalidSyntax", provisioning.User, "x"), refused(400, "invalidValue", provisioning.User, "userName is required"),
		refused(400, "invalidValue", provisioning.User, "emails has two values with primary true"), refused(412, "invalidVers", provisioning.User, "x"),
		refused(409, "", provisioning.Role, "x"), refused(413, "", provisioning.Group, "x"), refused(415, "", provisioning.User, "x"),
		refused(404, "", provisioning.User, "x"), refused(404, "", provisioning.Group, "x"), refused(405, "", provisioning.User, "x"),
		refused(406, "", provisioning.User, "x"), refused(400, "invalidValue", provisioning.User, "x"),
	} {
		for _, system := range []provisioning.System{
			"", provisioning.Entra, provisioning.Okta, provisioning.Saviynt, provisioning.OneLogin, provisioning.Ping,
			provisioning.Google, provisioning.SailPoint, provisioning.Authentik, provisioning.JumpCloud,
		} {
			e.System = system
			advice, ok := e.Advice()
			if !ok || advice.Text() == "" {
				t.Errorf("no advice for %d %s of %s", e.Status, e.Error.Detail, system)
			}
			seen[advice.Text()] = true
			checkGuide(t, advice.Guide)
		}
	}
	named := map[provisioning.Action]bool{"": true}
	for _, advice := range provisioning.Advised() {
		if !seen[advice.Text()] {
			t.Errorf("never given: %s", advice.Text())
		}
		for _, part := range advice.Parts {
			if named[part.Action] = true; part.Action != "" && part.Action.Command() == "" {
				t.Errorf("%q is no action: %s", part.Action, advice.Text())
			}
		}
	}
	for _, action := range provisioning.Actions {
		if !named[action] {
			t.Errorf("no advice names %s", action)
		}
	}
	if _, ok := (provisioning.Entry{Result: provisioning.Success}).Advice(); ok {
		t.Error("there is advice on a success")
	}
}

// checkGuide fails if there is no such section of a guide.
func checkGuide(t *testing.T, link string) {
	t.Helper()
	path, section, _ := strings.Cut(link, "#")
	text, err := os.ReadFile("../../" + path)
	if err != nil {
		t.Fatal(err)
	}
	headings := strings.ReplaceAll(strings.ToLower(string(text)), " ", "-")
	if section != "" && !strings.Contains(headings, "\n##-"+section+"\n") {
		t.Errorf("%s has no section %q", path, section)
	}
}

func refused(status int, scimType string, t provisioning.TargetType, detail string) provisioning.Entry {
	return provisioning.Entry{
		Result: provisioning.Refused, Status: status, Target: provisioning.Target{Type: t}, Error: &provisioning.Error{Type: scimType, Detail: detail},
	}
}
