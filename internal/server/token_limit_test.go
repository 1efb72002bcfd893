package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/purescim/purescim/internal/servertest"
)

// A client has a bounded number of good tokens. The one too many is refused with what to
// do, and one that is revoked makes room.
func TestTokens_AreBounded(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	s := servertest.NewWith(t, servertest.Options{MaxTokens: 3, HTTPClient: i.Client()})
	o := s.NewOrg(t)
	client, secret := o.NewClient(t, "SCIM Integration")
	other, otherSecret := o.NewClient(t, "SCIM Integration")
	if _, err := s.OAuth.AddIssuer(t.Context(), o.ID, i.pins(client.ID)); err != nil {
		t.Fatal(err)
	}
	grant := func(id, secret string) *servertest.Answer {
		return o.Do(t, "POST", "/oauth/token", "grant_type=client_credentials", form, asClient(id, secret))
	}
	var token string
	for range 3 {
		token, _ = grant(client.ID.String(), secret).Want(t, http.StatusOK).Object(t)["access_token"].(string)
	}
	refused := grant(client.ID.String(), secret).Want(t, http.StatusTooManyRequests)
	if text, _ := refused.Object(t)["error_description"].(string); !strings.Contains(text, "has 3 access tokens") ||
		!strings.Contains(text, "revoke") || refused.Header.Get("Retry-After") != "60" {
		t.Errorf("%v %s", refused.Header, refused.Body)
	}
	foreign := with(o, i.sign(t, jwt.SigningMethodRS256, "rsa", i.keys["rsa"], nil))
	detail := foreign.Do(t, "GET", "/Users", nil).Refused(t, http.StatusTooManyRequests, "")
	if !strings.Contains(detail, "has 3 access tokens") {
		t.Error(detail)
	}
	if _, _, err := s.OAuth.Issue(t.Context(), client, 0); err == nil || !strings.Contains(err.Error(), "has 3 access tokens") {
		t.Errorf("from the command line: %v", err)
	}
	grant(other.ID.String(), otherSecret).Want(t, http.StatusOK)
	with(o, token).Do(t, "GET", "/Users", nil).Want(t, http.StatusOK)
	o.Do(t, "POST", "/oauth/revoke", "token="+token, form, asClient(client.ID.String(), secret)).Want(t, http.StatusOK)
	foreign.Do(t, "GET", "/Users", nil).Want(t, http.StatusOK)
	grant(client.ID.String(), secret).Want(t, http.StatusTooManyRequests)
}
