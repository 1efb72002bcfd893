package server_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/servertest"
)

// A token that carries a user is served that user's resource, as /Users serves it
// (RFC 7644 section 3.11).
func TestMe_IsTheUserOfTheToken(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	ada := o.NewUser(t, "ada@example.org")
	o.NewUser(t, "bob@example.org")
	o.NewGroup(t, "Night Shift", ada)
	me := o.AsUser(t, ada, "SCIM Integration")
	for path, users := range map[string]string{"/Me": "/Users/", "/me": "/Users/", "/api/v2/scim/Me": "/api/v2/scim/Users/"} {
		answer := me.Do(t, "GET", path, nil).Want(t, 200)
		there := o.Do(t, "GET", users+ada, nil).Want(t, 200)
		if diff := cmp.Diff(there.Object(t), answer.Object(t)); diff != "" {
			t.Errorf("%s (-there +here):\n%s", path, diff)
		}
		meta, _ := answer.Object(t)["meta"].(map[string]any)
		if location := answer.Header.Get("Location"); location != meta["location"] || !strings.HasSuffix(location, "/Users/"+ada) {
			t.Errorf("%s: Location %q", path, location)
		}
		if answer.Header.Get("ETag") != there.Header.Get("ETag") {
			t.Errorf("%s: ETag %q", path, answer.Header.Get("ETag"))
		}
	}
	if groups, _ := me.Do(t, "GET", "/Me?attributes=groups", nil).Object(t)["groups"].([]any); len(groups) != 1 {
		t.Errorf("the groups are %v", groups)
	}
	me.Do(t, "GET", "/Me", nil, `If-None-Match: "1"`).Want(t, 304)

	me.Do(t, "PATCH", "/Me", servertest.Patch(map[string]any{"op": "add", "path": "title", "value": "Countess"}), `If-Match: "7"`).Refused(t, 412, "invalidVers")
	changed := me.Do(t, "PATCH", "/Me", servertest.Patch(map[string]any{"op": "add", "path": "title", "value": "Countess"})).Want(t, 200)
	if changed.Object(t)["title"] != "Countess" || !strings.HasSuffix(changed.Header.Get("Location"), "/Users/"+ada) {
		t.Errorf("PATCH: %s", changed.Body)
	}
	me.Do(t, "PUT", "/Me", map[string]any{"userName": "bob@example.org"}).Refused(t, 409, "uniqueness")
	me.Do(t, "PUT", "/Me", map[string]any{"userName": "lovelace@example.org"}).Want(t, 200)
	if user := o.Do(t, "GET", "/Users/"+ada, nil).Object(t); user["userName"] != "lovelace@example.org" || user["title"] != nil {
		t.Errorf("PUT left %v", user)
	}
	if allow := me.Do(t, "POST", "/Me", "{}").Want(t, 405).Header.Get("Allow"); allow != "DELETE, GET, HEAD, OPTIONS, PATCH, PUT" {
		t.Errorf("Allow %q", allow)
	}
	me.Do(t, "DELETE", "/Me", nil).Want(t, 204)
	o.Do(t, "GET", "/Users/"+ada, nil).Refused(t, 404, "")
}

// What the client may not do to users, its token for one of them may not either;
// to read itself takes no permission.
func TestMe_NeedsThePermissionsOfUsers(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	ada := o.NewUser(t, "ada@example.org")
	me := o.AsUser(t, ada)
	me.Do(t, "GET", "/Me", nil).Want(t, 200)
	me.Do(t, "PUT", "/Me", map[string]any{"userName": "x"}).Refused(t, 403, "")
	me.Do(t, "PATCH", "/Me", servertest.Patch()).Refused(t, 403, "")
	me.Do(t, "DELETE", "/Me", nil).Refused(t, 403, "")
	o.Do(t, "GET", "/Users/"+ada, nil).Want(t, 200)
}

// A token for a user is for nothing else, whatever its client may do, and one of
// the client itself has no resource of its own.
func TestMe_IsAllThatATokenForAUserReaches(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	ada := o.NewUser(t, "ada@example.org")
	me := o.AsUser(t, ada, "admin")
	for _, call := range privateCalls(t, server, o) {
		method, path, _ := strings.Cut(call, " ")
		answer := me.Do(t, method, parameter.ReplaceAllString(path, ada), "{}")
		if answer.Status != 403 {
			t.Errorf("%s: %d %s", call, answer.Status, answer.Body)
		}
	}
	me.Do(t, "GET", "/Me", nil).Want(t, 200)
	me.Do(t, "GET", "/ServiceProviderConfig", nil).Want(t, 200)
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		o.Do(t, method, "/Me", "{}").Refused(t, 501, "")
		o.As(t).Do(t, method, "/Me", "{}").Refused(t, 501, "")
	}
}

// The token ends with its user. Until servers look it up again, nobody is there
// whom it could be for; a user who is made again does not bring it back.
func TestMe_EndsWithTheUser(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	ada := o.NewUser(t, "ada@example.org")
	me := o.AsUser(t, ada, "SCIM Integration")
	me.Do(t, "GET", "/Me", nil).Want(t, 200)
	activate := func(active bool) {
		o.Do(t, "PATCH", "/Users/"+ada, servertest.Patch(map[string]any{"op": "replace", "path": "active", "value": active})).Want(t, 200)
	}
	other := servertest.NewWith(t, servertest.Options{Database: server.Database}) // remembers nothing of the token

	activate(false)
	for _, method := range []string{"GET", "PATCH", "DELETE"} {
		me.Do(t, method, "/Me", servertest.Patch()).Refused(t, 404, "")
		me.At(other).Do(t, method, "/Me", servertest.Patch()).Refused(t, 401, "")
	}
	activate(true)
	me.Do(t, "GET", "/Me", nil).Want(t, 200)

	o.Do(t, "DELETE", "/Users/"+ada, nil).Want(t, 204)
	me.Do(t, "GET", "/Me", nil).Refused(t, 404, "")
	again := servertest.NewWith(t, servertest.Options{Database: server.Database})
	me.At(again).Do(t, "GET", "/Me", nil).Refused(t, 401, "")
	if id := o.NewUser(t, "ada@example.org"); id != ada {
		t.Fatalf("the user came back as %s", id)
	}
	me.At(again).Do(t, "GET", "/Me", nil).Refused(t, 401, "")
}

// Who asks about a token for a user learns whose it is.
func TestMe_IsTheSubjectOfTheToken(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	ada := o.NewUser(t, "ada@example.org")
	client, secret := o.NewClient(t, "SCIM Integration")
	as := asClient(client.ID.String(), secret)
	about := func(token string) map[string]any {
		return o.Do(t, "POST", "/oauth/introspect", "token="+url.QueryEscape(token), form, as).Want(t, 200).Object(t)
	}
	if found := about(o.AsUser(t, ada).Token); found["active"] != true || found["sub"] != ada || found["client_id"] == ada {
		t.Errorf("of a user: %v", found)
	}
	if found := about(o.Token); found["active"] != true || found["sub"] != found["client_id"] {
		t.Errorf("of a client: %v", found)
	}
}

// A client issues tokens for the users of its own organisation.
func TestMe_IsolatesOrganisations(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o, other := server.NewOrg(t), server.NewOrg(t)
	ada, eve := o.NewUser(t, "ada@example.org"), other.NewUser(t, "ada@example.org")
	client, _ := o.NewClient(t, "admin")
	for _, user := range []string{eve, uuid.NewString()} {
		if _, _, err := server.OAuth.IssueFor(t.Context(), client, uuid.MustParse(user), 0); !errors.Is(err, oauth.ErrNoUser) {
			t.Errorf("a token for %s: error %v", user, err)
		}
	}
	if id := other.AsUser(t, eve).Do(t, "GET", "/Me", nil).Want(t, 200).ID(t); id != eve {
		t.Errorf("the other's is %s", id)
	}
	if id := o.AsUser(t, ada).Do(t, "GET", "/Me", nil).Want(t, 200).ID(t); id != ada {
		t.Errorf("ours is %s", id)
	}
}

// An administrator ends the tokens of one user, whichever clients have them, at once and
// on every server, and no token but theirs.
func TestTokens_OfAUserEndOnEveryServer(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	other := servertest.NewWith(t, servertest.Options{Database: server.Database})
	o, stranger := server.NewOrg(t), server.NewOrg(t)
	ada, bob := o.NewUser(t, "ada@example.org"), o.NewUser(t, "bob@example.org")
	first, second, his := o.AsUser(t, ada), o.AsUser(t, ada), o.AsUser(t, bob)
	for _, token := range []*servertest.Org{first, second, his} {
		token.Do(t, "GET", "/Me", nil).Want(t, 200)
		token.At(other).Do(t, "GET", "/Me", nil).Want(t, 200)
	}
	const tokens = "/api/v2/tokens/"
	o.As(t, "SCIM Integration").Do(t, "DELETE", tokens+ada, nil).Want(t, 403)
	stranger.Do(t, "DELETE", tokens+ada, nil).Want(t, 404)
	for _, unknown := range []string{uuid.NewString(), "nobody", strings.ToUpper(ada)} {
		o.Do(t, "DELETE", tokens+unknown, nil).Want(t, 404)
	}
	first.Do(t, "GET", "/Me", nil).Want(t, 200)

	o.Do(t, "DELETE", tokens+ada, nil).Want(t, 204)
	for _, token := range []*servertest.Org{first, second} {
		token.Do(t, "GET", "/Me", nil).Refused(t, 401, "")
		await(t, func() bool { return token.At(other).Do(t, "GET", "/Me", nil).Status == 401 })
	}
	his.Do(t, "GET", "/Me", nil).Want(t, 200)
	o.Do(t, "GET", "/Users/"+ada, nil).Want(t, 200)
	o.AsUser(t, ada).Do(t, "GET", "/Me", nil).Want(t, 200)
	o.Do(t, "DELETE", tokens+bob, nil).Want(t, 204)
	o.Do(t, "DELETE", tokens+bob, nil).Want(t, 204)
	o.Do(t, "DELETE", "/Users/"+bob, nil).Want(t, 204)
	o.Do(t, "DELETE", tokens+bob, nil).Want(t, 404)
}
