package servertest_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/servertest"
	"github.com/purescim/purescim/internal/testdb"
)

// elsewhen is a server whose machine has another time than PostgreSQL, which is ahead of it.
type elsewhen struct {
	*servertest.Org
	ahead time.Duration
}

// newElsewhen has PostgreSQL tell another time, by a function that hides its own.
func newElsewhen(t *testing.T, ahead time.Duration) elsewhen {
	t.Helper()
	database := testdb.New(t)
	c, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Exec(t.Context(), fmt.Sprintf(`create schema elsewhen;
create function elsewhen.clock_timestamp() returns timestamptz language sql as
$$ select pg_catalog.clock_timestamp() + interval '%d seconds' $$`, int(ahead.Seconds())))
	if err := errors.Join(err, c.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", "elsewhen,public,pg_catalog")
	u.RawQuery = q.Encode()
	s := servertest.NewWith(t, servertest.Options{Database: u.String()})
	return elsewhen{s.NewOrg(t), ahead}
}

// now is PostgreSQL's time.
func (o elsewhen) now() time.Time { return time.Now().Add(o.ahead) }

// wantNow fails the test unless a time that the server has told is about now.
func (o elsewhen) wantNow(t *testing.T, what string, told time.Time) {
	t.Helper()
	if apart := o.now().Sub(told); apart.Abs() > 30*time.Second {
		t.Errorf("%s is %v ago", what, apart)
	}
}

// What is kept for all servers goes by PostgreSQL's time, whatever the machine's clock says.
func TestClocks_DoNotMatterToClients(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{26 * time.Hour, -26 * time.Hour} {
		t.Run(ahead.String(), func(t *testing.T) {
			t.Parallel()
			o := newElsewhen(t, ahead)
			clientsKeepTime(t, o)
			entriesKeepTime(t, o)
			cursorsKeepTime(t, o)
			assertionsKeepTime(t, o)
			acceptedKeepTime(t, o)
		})
	}
}

// members reads the entities of a listing.
func members(t *testing.T, o *servertest.Org, path string) []map[string]any {
	t.Helper()
	var listing struct{ Entities []map[string]any }
	o.Do(t, http.MethodGet, path, nil).Want(t, http.StatusOK).Decode(t, &listing)
	return listing.Entities
}

// madeAt is the time in an id of version 7.
func madeAt(id uuid.UUID) time.Time { return time.Unix(id.Time().UnixTime()) }

// told reads a time of an object.
func told(t *testing.T, object map[string]any, name string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, fmt.Sprint(object[name]))
	if err != nil {
		t.Errorf("%s of %v: %v", name, object, err)
	}
	return at
}

// clientsKeepTime makes a client, and has its secrets and tokens believed.
func clientsKeepTime(t *testing.T, o elsewhen) {
	t.Helper()
	made := o.Do(t, http.MethodPost, "/api/v2/oauth/clients", map[string]any{
		"name": "C", "authorizedGrantType": "CLIENT-CREDENTIALS", "accessTokenValiditySeconds": 300,
	}).Want(t, http.StatusOK).Object(t)
	id, first := made["id"].(string), made["secret"].(string)
	o.wantNow(t, "the id of a client", madeAt(uuid.MustParse(id)))
	path := "/api/v2/oauth/clients/" + id
	o.Do(t, http.MethodPost, path+"/secret", nil).Want(t, http.StatusOK)
	shown := o.Do(t, http.MethodGet, path, nil).Want(t, http.StatusOK).Object(t)
	o.wantNow(t, "dateCreated", told(t, shown, "dateCreated"))
	o.wantNow(t, "dateModified", told(t, shown, "dateModified"))
	o.wantNow(t, "a day before the end of the secret before", told(t, shown, "previousSecretExpires").Add(-oauth.SecretOverlap))
	o.signIn(t, url.Values{"client_id": {id}, "client_secret": {first}})
	tokens := members(t, o.Org, path+"/tokens")
	if len(tokens) != 1 || tokens[0]["state"] != string(oauth.TokenActive) {
		t.Fatalf("a token that was just made is shown as %v", tokens)
	}
	o.wantNow(t, "the id of a token", madeAt(uuid.MustParse(tokens[0]["id"].(string))))
}

// signIn asks for a token.
func (o elsewhen) signIn(t *testing.T, form url.Values) {
	t.Helper()
	form.Set("grant_type", "client_credentials")
	o.Do(t, http.MethodPost, "/oauth/token", form.Encode(), "Content-Type: application/x-www-form-urlencoded", "Authorization: ").Want(t, http.StatusOK)
}

func entriesKeepTime(t *testing.T, o elsewhen) {
	t.Helper()
	made := o.Do(t, http.MethodPost, "/api/v2/authorization/divisions", map[string]any{"name": "D"}).Want(t, http.StatusOK)
	o.wantNow(t, "the id of a division", madeAt(uuid.MustParse(made.ID(t))))
	skill := o.Do(t, http.MethodPost, "/api/v2/routing/skills", map[string]any{"name": "S"}).Want(t, http.StatusOK).Object(t)
	o.wantNow(t, "dateModified of a skill", told(t, skill, "dateModified"))
}

// cursorsKeepTime looks into a cursor: its second part is when it ends.
func cursorsKeepTime(t *testing.T, o elsewhen) {
	t.Helper()
	for range 2 {
		o.Do(t, http.MethodPost, "/Users", map[string]any{"userName": uuid.NewString()}).Want(t, http.StatusCreated)
	}
	var list servertest.List
	o.Do(t, http.MethodGet, "/Users?cursor&count=1", nil).Want(t, http.StatusOK).Decode(t, &list)
	o.Do(t, http.MethodGet, "/Users?count=1&cursor="+list.NextCursor, nil).Want(t, http.StatusOK)
	b, err := base64.RawURLEncoding.DecodeString(list.NextCursor)
	if err != nil {
		t.Fatal(err)
	}
	until, _ := binary.Uvarint(b[1:])
	o.wantNow(t, "an hour before the end of a cursor", time.Unix(int64(until), 0).Add(-schema.DefaultService.CursorTimeout))
}

// assertionsKeepTime has a client sign in with a key.
func assertionsKeepTime(t *testing.T, o elsewhen) {
	t.Helper()
	client, _ := o.NewClient(t, "SCIM Reader")
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(map[string]any{"keys": []any{map[string]any{
		"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": base64.RawURLEncoding.EncodeToString(public),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Server().OAuth.SetClientKeys(t.Context(), o.ID, client.ID, oauth.ClientKeys{Set: set}); err != nil {
		t.Fatal(err)
	}
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
		"iss": client.ID, "sub": client.ID, "aud": o.Server().URL + "/oauth/token", "jti": uuid.NewString(),
		"iat": o.now().Unix(), "exp": o.now().Add(4 * time.Minute).Unix(),
	})
	token.Header["kid"] = "k"
	signed, err := token.SignedString(private)
	if err != nil {
		t.Fatal(err)
	}
	o.signIn(t, url.Values{"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {signed}})
}

// acceptedKeepTime has a request carried out later, and its answer kept.
func acceptedKeepTime(t *testing.T, o elsewhen) {
	t.Helper()
	o.Do(t, http.MethodPost, "/Bulk", map[string]any{
		"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"},
		"Operations": []any{map[string]any{
			"method": "POST", "path": "/Users", "bulkId": "a", "data": map[string]any{"userName": "later@example.org"},
		}},
	}, "Prefer: respond-async, wait=20").Want(t, http.StatusOK)
	requests := members(t, o.Org, "/api/v2/async/requests")
	if len(requests) != 1 {
		t.Fatalf("requests: %v", requests)
	}
	o.wantNow(t, "dateAccepted", told(t, requests[0], "dateAccepted"))
}
