package server_test

import (
	"testing"
	"time"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/servertest"
)

// A token that was renewed is good until its successor is used, or until its time is over;
// those of programs and of users stay.
func TestRenewal_EndsTheOldTokens(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	user := o.NewUser(t, "ada@example.org")
	client, _ := o.NewClient(t, "SCIM Integration", "employee")
	issue := func(to string) string {
		t.Helper()
		token, _, err := server.OAuth.IssueTo(t.Context(), client, 72*time.Hour, to)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	status := func(token string) int {
		as := *o
		as.Token = token
		return as.Do(t, "GET", "/Users/"+user, nil).Status
	}
	renew := func(within time.Duration) string {
		t.Helper()
		r, err := server.OAuth.Renew(t.Context(), client, within)
		if err != nil {
			t.Fatal(err)
		}
		return r.Token
	}
	until := func(token string, want int) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); status(token) != want; time.Sleep(100 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("the token is answered %d, want %d", status(token), want)
			}
		}
	}
	first, second, program := issue(""), issue(""), issue("192.0.2.1")
	renewed := renew(oauth.AtFirstUse)
	if a, b := status(first), status(second); a != 200 || b != 200 {
		t.Errorf("before the new token is used the old ones are answered %d and %d", a, b)
	}
	until(renewed, 200)
	until(first, 401)
	until(second, 401)
	last := renew(time.Second)
	until(renewed, 401)
	if a, b := status(last), status(program); a != 200 || b != 200 {
		t.Errorf("the token that was not used yet, and that of a program, are answered %d and %d", a, b)
	}
	entries(t, o, "type=Token&operation=revoke", 3)
	for i, attribute := range []string{"ends", "successor", "successor"} { // the newest first
		if e := entries(t, o, "type=Token&operation=update", 3)[i]; e.Target.ID == "" || e.Changes[len(e.Changes)-1].Attribute != attribute {
			t.Errorf("the end of a token has the entry %+v, want %s", e, attribute)
		}
	}
	atOnce := renew(0)
	if n := len(entriesOf(t, o, "type=Token&operation=revoke")); n != 4 || status(atOnce) != 200 {
		t.Errorf("at once %d tokens have ended", n-3)
	}
	until(last, 401)
	ending, err := server.OAuth.Ending(t.Context(), o.ID, 451*24*time.Hour)
	if err != nil || len(ending) != 1 { // that of the program, which lives longer than two days
		t.Errorf("%d tokens end: %v, %v", len(ending), ending, err)
	}
	if ending, err = server.OAuth.Ending(t.Context(), o.ID, time.Hour); err != nil || len(ending) != 0 {
		t.Errorf("within an hour %d tokens end: %v", len(ending), err)
	}
}
