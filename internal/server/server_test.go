package server_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/servertest"
)

// TestToken goes the way of a client: credentials for a token, the token for users.
func TestToken(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	client, secret := o.NewClient(t, "admin")
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {client.ID.String()}, "client_secret": {secret}}
	response, err := http.PostForm(server.URL+"/oauth/token", form)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.TokenType != "bearer" {
		t.Fatalf("%d: token_type %q: %v", response.StatusCode, answer.TokenType, err)
	}
	o.Token = answer.AccessToken
	o.NewUser(t, "ada@example.org")
}

func TestUnknownPaths_HaveTheErrorsOfTheirDoor(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	o.Do(t, "GET", "/api/v2/scim/v2/nothing", nil).Refused(t, 404, "")
	for _, path := range []string{"/api/v2/nothing", "/api/v2/scimitar", "/api/v2/"} {
		if got := o.Do(t, "GET", path, nil).Want(t, 404); !strings.Contains(string(got.Body), `"code":"not.found"`) {
			t.Errorf("%s: %s", path, got.Body)
		}
	}
}
