package server_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/servertest"
)

// All tokens of a client spend from one bucket, whoever made them and for whom.
func TestRateLimit_CountsByClient(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	s := servertest.NewWith(t, servertest.Options{RateLimit: 4, HTTPClient: i.Client()})
	o, other := s.NewOrg(t), s.NewOrg(t)
	client, secret := o.NewClient(t, "SCIM Integration")
	if _, err := s.OAuth.AddIssuer(t.Context(), o.ID, i.pins(client.ID)); err != nil {
		t.Fatal(err)
	}
	forUser, _, err := s.OAuth.IssueFor(t.Context(), client, uuid.MustParse(o.NewUser(t, "ada@example.org")), 0)
	if err != nil {
		t.Fatal(err)
	}
	fresh := func() string {
		t.Helper()
		token, _ := o.Do(t, "POST", "/oauth/token", "grant_type=client_credentials", form, asClient(client.ID.String(), secret)).
			Want(t, http.StatusOK).Object(t)["access_token"].(string)
		return token
	}
	first := fresh()
	for _, token := range []string{first, fresh(), i.sign(t, jwt.SigningMethodRS256, "rsa", i.keys["rsa"], nil)} {
		with(o, token).Do(t, "GET", "/Users", nil).Want(t, http.StatusOK)
	}
	with(o, forUser).Do(t, "GET", "/Me", nil).Want(t, http.StatusOK)
	for _, token := range []string{first, fresh(), forUser} {
		with(o, token).Do(t, "GET", "/Me", nil).Refused(t, http.StatusTooManyRequests, "")
	}
	o.Do(t, "GET", "/Users", nil).Want(t, http.StatusOK) // another client of the organisation
	other.Do(t, "GET", "/Users", nil).Want(t, http.StatusOK)
}

// A scan that keeps the database busy counts as many requests, is told so, and who makes
// it is refused afterwards; others are not.
func TestRateLimit_CountsScansByTheirCost(t *testing.T) {
	t.Parallel()
	const limit, cost = 20, "400 ms" // twice as much
	s := servertest.NewWith(t, servertest.Options{RateLimit: limit})
	o, other := s.NewOrg(t), s.NewOrg(t)
	user := o.NewUser(t, "ada@example.org")
	release := hold(t, s, `lock table users in access exclusive mode`)
	scanned := make(chan *servertest.Answer, 1)
	go func() { scanned <- o.Do(t, http.MethodGet, `/Users?filter=title+co+"x"`, nil) }()
	const waiting = `select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()
		and clock_timestamp() - query_start > interval '` + cost + `'`
	for count(t, s, waiting) == 0 {
		time.Sleep(20 * time.Millisecond)
	}
	release()
	a := (<-scanned).Want(t, http.StatusOK)
	if a.Header.Get("Inin-Ratelimit-Count") != fmt.Sprint(limit) || a.Header.Get("Inin-Ratelimit-Allowed") != fmt.Sprint(limit) {
		t.Errorf("after a scan of %s: %v", cost, a.Header)
	}
	refused := o.Do(t, http.MethodGet, "/Users/"+user, nil)
	refused.Refused(t, http.StatusTooManyRequests, "")
	retryLater(t, "after a scan", refused)
	other.Do(t, http.MethodGet, `/Users?filter=title+co+"x"`, nil).Want(t, http.StatusOK)
}

// Issuing, introspecting and revoking have a bucket of their own, which nobody can
// empty who is not the client.
func TestRateLimit_OfOAuthItself(t *testing.T) {
	t.Parallel()
	o := servertest.NewWith(t, servertest.Options{RateLimit: 3}).NewOrg(t)
	client, secret := o.NewClient(t, "SCIM Integration")
	other, otherSecret := o.NewClient(t, "SCIM Integration")
	own := asClient(client.ID.String(), secret)
	for range 4 {
		o.Do(t, "POST", "/oauth/token", "grant_type=client_credentials", form, asClient(client.ID.String(), "guess")).Want(t, http.StatusUnauthorized)
	}
	token, _ := o.Do(t, "POST", "/oauth/token", "grant_type=client_credentials", form, own).Want(t, http.StatusOK).Object(t)["access_token"].(string)
	o.Do(t, "POST", "/oauth/introspect", "token=x", form, own).Want(t, http.StatusOK)
	o.Do(t, "POST", "/oauth/revoke", "token=x", form, own).Want(t, http.StatusOK)
	for path, body := range map[string]string{
		"/oauth/token": "grant_type=client_credentials", "/oauth/introspect": "token=x", "/oauth/revoke": "token=x",
	} {
		a := o.Do(t, "POST", path, body, form, own).Want(t, http.StatusTooManyRequests)
		if a.Object(t)["error"] != "slow_down" || a.Header.Get("Retry-After") != "20" {
			t.Errorf("%s: %v %s", path, a.Header, a.Body)
		}
	}
	with(o, token).Do(t, "GET", "/Users", nil).Want(t, http.StatusOK)
	o.Do(t, "POST", "/oauth/introspect", "token=x", form, asClient(other.ID.String(), otherSecret)).Want(t, http.StatusOK)
}
