package server_test

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/lestrrat-go/jwx/v3/jwk"

	"github.com/purescim/purescim/internal/servertest"
)

const eventPrefix = "urn:ietf:params:scim:event:"

// told is the token of an event, as its receiver reads it.
type told struct {
	ID       string `json:"jti"`
	Issuer   string `json:"iss"`
	Audience string `json:"aud"`
	Issued   int64  `json:"iat"`
	Sequence int64  `json:"seq"`
	Txn      string `json:"txn"`
	Subject  struct {
		Format, URI, ID, ExternalID string
	} `json:"sub_id"`
	Events map[string]map[string]any `json:"events"`
}

// kinds are the events of a token, as in "patch:notice deactivate".
func (e told) kinds() string {
	var kinds []string
	for uri := range e.Events {
		kinds = append(kinds, strings.TrimPrefix(strings.TrimPrefix(uri, eventPrefix), "prov:"))
	}
	slices.Sort(kinds)
	return strings.Join(kinds, " ")
}

// verifier checks tokens with the keys that a server publishes.
type verifier struct{ keys jwk.Set }

func newVerifier(t testing.TB, url string) verifier {
	t.Helper()
	response, err := http.Get(url + "/.well-known/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := jwk.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return verifier{keys}
}

// key is that with which a token must be signed.
func (v verifier) key(token *jwt.Token) (any, error) {
	id, _ := token.Header["kid"].(string)
	key, ok := v.keys.LookupKeyID(id)
	if !ok || token.Header["typ"] != "secevent+jwt" {
		return nil, fmt.Errorf("the header of the token is %v", token.Header)
	}
	var public ed25519.PublicKey
	err := jwk.Export(key, &public)
	return public, err
}

func (v verifier) read(token string) (e told, err error) {
	claims := jwt.MapClaims{}
	if _, err := jwt.ParseWithClaims(token, claims, v.key, jwt.WithValidMethods([]string{"EdDSA"})); err != nil {
		return e, err
	}
	if claims["sub"] != nil {
		return e, fmt.Errorf("a token has a sub: %v", claims)
	}
	text, err := json.Marshal(claims)
	if err == nil {
		err = json.Unmarshal(text, &e)
	}
	return e, err
}

// poll takes everything that waits, and acknowledges it.
func poll(t testing.TB, o *servertest.Org, v verifier) []told {
	t.Helper()
	var all []told
	acknowledged := []string{}
	for {
		var answer struct {
			Sets          map[string]string
			MoreAvailable bool
		}
		o.Do(t, "POST", "/api/v2/events/poll", map[string]any{"ack": acknowledged, "maxEvents": 7, "returnImmediately": true}).
			Want(t, http.StatusOK).Decode(t, &answer)
		acknowledged = nil
		var page []told
		for id, token := range answer.Sets {
			e, err := v.read(token)
			if err != nil || e.ID != id {
				t.Fatalf("%s: %v: %s", id, err, token)
			}
			page = append(page, e)
			acknowledged = append(acknowledged, id)
		}
		slices.SortFunc(page, func(a, b told) int { return int(a.Sequence - b.Sequence) })
		all = append(all, page...)
		if len(page) == 0 {
			return all
		}
		if len(page) > 7 || answer.MoreAvailable && len(page) < 7 {
			t.Fatalf("%d events, more %v", len(page), answer.MoreAvailable)
		}
	}
}

// listen makes a stream that is polled.
func listen(t testing.TB, o *servertest.Org, settings map[string]any) {
	t.Helper()
	body := map[string]any{"method": "poll", "audience": "https://receiver.example/"}
	maps.Copy(body, settings)
	o.Do(t, "PUT", "/api/v2/events/stream", body).Want(t, http.StatusOK)
}

// Each way to change something writes its events; what changes nothing, or is
// refused, writes none.
func TestEvents_TellEveryChange(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	o.NewUser(t, "before@example.org") // of which nobody is told
	listen(t, o, nil)
	v := newVerifier(t, s.URL)
	names := map[string]string{}
	expect := func(want ...string) {
		t.Helper()
		var got []string
		for _, e := range poll(t, o, v) {
			line := names[e.Subject.ID] + " " + e.kinds()
			for uri, payload := range e.Events {
				if attributes, ok := payload["attributes"].([]any); ok && strings.HasSuffix(uri, ":patch:notice") {
					line += fmt.Sprint(" ", attributes)
				}
			}
			got = append(got, line)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	}
	do := func(method, path string, body any, status int) *servertest.Answer {
		t.Helper()
		return o.Do(t, method, path, body).Want(t, status)
	}
	replace := func(path string, value any) map[string]any {
		return servertest.Patch(map[string]any{"op": "replace", "path": path, "value": value})
	}
	boss, ada := o.NewUser(t, "boss@example.org"), o.NewUser(t, "ada@example.org")
	night := o.NewGroup(t, "Night Shift")
	names[boss], names[ada], names[night] = "boss", "ada", "night"
	expect("boss create:notice", "ada create:notice", "night create:notice")

	do("POST", "/Users", map[string]any{"userName": "ADA@example.org"}, 409)
	do("PATCH", "/Users/"+ada, replace("title", "Countess"), 200)
	do("PATCH", "/Users/"+ada, replace("title", "Countess"), 200) // changes nothing
	do("PATCH", "/Users/"+ada, replace("password", "Correct-Horse-9"), 200)
	do("PATCH", "/Users/"+ada, replace("active", false), 200)
	do("PUT", "/Users/"+ada, map[string]any{"userName": "ada@example.org", "active": true}, 200)
	do("PATCH", "/Users/"+ada, replace("manager", boss), 200)
	do("PATCH", "/Users/"+ada, replace("manager", ada+"0"), 200) // left out (33a)
	const manager = "[urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager]"
	expect("ada patch:notice [title]", "ada patch:notice [password]", "ada deactivate patch:notice [active]",
		"ada activate put:notice", "ada patch:notice "+manager)

	members := func(op string, ids ...string) map[string]any {
		return servertest.Patch(map[string]any{"op": op, "path": "members", "value": servertest.Values(ids...)})
	}
	do("PATCH", "/Groups/"+night, members("add", ada, boss), 200)
	do("PATCH", "/Groups/"+night, members("add", ada), 200) // is one already
	do("PATCH", "/Groups/"+night, members("add", night), 400)
	do("PUT", "/Groups/"+night, map[string]any{"displayName": "Day Shift", "members": servertest.Values(ada)}, 200)
	do("PUT", "/Groups/"+night, map[string]any{"displayName": "Late Shift"}, 200)
	do("POST", "/api/v2/groups/"+night+"/members", map[string]any{"memberIds": []string{boss}, "version": 4}, 202)
	do("DELETE", "/api/v2/groups/"+night+"/members?ids="+ada, nil, 202)
	do("PUT", "/api/v2/groups/"+night, map[string]any{"name": "Early Shift"}, 200)
	do("PUT", "/api/v2/groups/"+night, map[string]any{"description": "which SCIM does not know"}, 200)
	expect("night patch:notice [members]", "night put:notice", "night patch:notice [displayName]",
		"night patch:notice [members]", "night patch:notice [members]", "night patch:notice [displayName]")

	skill := do("POST", "/api/v2/routing/skills", map[string]any{"name": "Welding"}, 200).ID(t)
	do("PATCH", "/Users/"+ada, replace("urn:ietf:params:scim:schemas:extension:genesys:purecloud:2.0:User:routingSkills",
		[]any{map[string]any{"name": "Welding", "proficiency": 3}}), 200)
	do("PUT", "/api/v2/routing/skills/"+skill, map[string]any{"name": "Riveting"}, 200)
	const skills = "[urn:ietf:params:scim:schemas:extension:genesys:purecloud:2.0:User:routingSkills]"
	expect("ada patch:notice "+skills, "ada patch:notice "+skills)

	do("DELETE", "/Users/"+boss, nil, 204)
	do("DELETE", "/Users/"+boss, nil, 404)
	do("POST", "/Users", map[string]any{"userName": "boss@example.org"}, 201)
	do("DELETE", "/api/v2/groups/"+night, nil, 204)
	expect("night patch:notice [members]", "ada patch:notice "+manager, "boss delete", "boss create:notice", "night delete")

	listen(t, o, map[string]any{"status": "disabled"})
	o.NewUser(t, "eve@example.org")
	expect()
}

// The full form tells values, and never a password.
func TestEvents_InFull(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	listen(t, o, map[string]any{"form": "full"})
	const secret = "Correct-Horse-9"
	ada := o.Do(t, "POST", "/Users", map[string]any{"userName": "ada@example.org", "externalId": "e1", "password": secret},
		"ININ-Correlation-Id: of-the-request").Want(t, 201).ID(t)
	group := o.NewGroup(t, "Night Shift", ada)
	o.Do(t, "PATCH", "/Users/"+ada, servertest.Patch(
		map[string]any{"op": "add", "path": "title", "value": "Countess"},
		map[string]any{"op": "replace", "path": "password", "value": secret + "!"},
	)).Want(t, 200)
	found := poll(t, o, newVerifier(t, s.URL))
	if len(found) != 4 {
		t.Fatalf("%d events: %+v", len(found), found)
	}
	text, err := json.Marshal(found)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), secret) || strings.Contains(string(text), "argon2") {
		t.Errorf("a password is told: %s", text)
	}
	e := found[0]
	data, _ := e.Events[eventPrefix+"prov:create:full"]["data"].(map[string]any)
	if data["userName"] != "ada@example.org" || data["id"] != ada || e.Txn != "of-the-request" || e.Sequence != 1 ||
		e.Subject.URI != "/Users/"+ada || e.Subject.ExternalID != "e1" || e.Subject.Format != "scim" || e.Issuer != "purescim" ||
		e.Audience != "https://receiver.example/" || time.Since(time.Unix(e.Issued, 0)) > time.Minute {
		t.Errorf("%+v", e)
	}
	want := map[string]any{
		"version": `"2"`,
		"data": map[string]any{
			"schemas": []any{"urn:ietf:params:scim:schemas:core:2.0:Group"}, "id": group,
			"displayName": "Night Shift", "members": servertest.Values(ada),
		},
	}
	if diff := cmp.Diff(want, found[2].Events[eventPrefix+"prov:put:full"]); diff != "" {
		t.Error(diff)
	}
	operations := []any{map[string]any{"op": "replace", "path": "title", "value": "Countess"}}
	data, _ = found[3].Events[eventPrefix+"prov:patch:full"]["data"].(map[string]any)
	if diff := cmp.Diff(operations, data["Operations"]); diff != "" {
		t.Error(diff)
	}
}

// A stream may be of one group and its members, who come and go.
func TestEvents_OfOneGroup(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	ada, bob, eve := o.NewUser(t, "ada@example.org"), o.NewUser(t, "bob@example.org"), o.NewUser(t, "eve@example.org")
	group, other := o.NewGroup(t, "Night Shift", ada), o.NewGroup(t, "Day Shift", eve)
	listen(t, o, map[string]any{"groupId": group})
	title := servertest.Patch(map[string]any{"op": "add", "path": "title", "value": "Countess"})
	change := func(group, op string, ids ...string) {
		o.Do(t, "PATCH", "/Groups/"+group, servertest.Patch(map[string]any{"op": op, "path": "members", "value": servertest.Values(ids...)})).Want(t, 200)
	}
	o.Do(t, "PATCH", "/Users/"+ada, title).Want(t, 200)
	o.Do(t, "PATCH", "/Users/"+bob, title).Want(t, 200)
	change(group, "add", bob)
	change(other, "add", bob)
	change(group, "remove", bob)
	o.Do(t, "DELETE", "/Users/"+ada, nil).Want(t, 204)
	o.Do(t, "DELETE", "/Users/"+eve, nil).Want(t, 204)
	names := map[string]string{ada: "ada", bob: "bob", group: "group"}
	var got []string
	for _, e := range poll(t, o, newVerifier(t, s.URL)) {
		got = append(got, names[e.Subject.ID]+" "+e.kinds())
	}
	want := []string{
		"ada patch:notice", "group patch:notice", "bob feed:add", "group patch:notice", "bob feed:remove", "group patch:notice", "ada delete",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}
