package console_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/openidtest"
	"github.com/purescim/purescim/internal/servertest"
)

// Whatever takes from somebody what they signed in with ends their other sessions at once, at
// each server, and their tokens to try the API within the second in which servers hear of
// that; of whoever did it themselves the session goes on in which they did.
func TestEndings(t *testing.T) {
	t.Parallel()
	p := openidtest.New(t)
	here := servertest.NewWith(t, servertest.Options{HTTPClient: reach(p)})
	there := servertest.NewWith(t, servertest.Options{HTTPClient: reach(p), Database: here.Database})
	o := here.NewOrg(t)
	acme := provide(t, here, p, o.ID, "Acme Okta")
	chief := member(t, here, o.ID, "chief@example.org", accounts.Owner)
	home := "/console/o/" + o.ID.String()
	row := func(login string) string { // of the list of administrators
		return chief.get(home + "/administrators").found(`(?s)` + login + `.*?action="(` + home + `/administrators/[0-9a-f-]{36})/role"`)
	}
	const other = "another correct horse"
	invited := func(login string) string {
		secret, _, err := here.Accounts.Invite(t.Context(), "test", o.ID, login, accounts.Administrator)
		if err != nil {
			t.Fatal(err)
		}
		return "/console/invitation/" + secret
	}
	for _, way := range []struct {
		name  string
		end   func(ada *browser, login string)
		stays bool // the session in which it is done
		// all is that sessions that began by a provider end too, and those that did not.
		byProvider, byPassword bool
	}{
		{"their own new password", func(ada *browser, _ string) {
			ada.post("/console/account/password", "old", password, "password", other, "again", other).want(http.StatusOK).has("Your other sessions have ended")
		}, true, true, true},
		{"signing out everywhere", func(ada *browser, _ string) {
			ada.sure("/console/account/sessions/end").want(http.StatusOK)
		}, false, true, true},
		{"an owner's reset", func(_ *browser, login string) { chief.sure(row(login) + "/reset").want(http.StatusOK) }, false, true, true},
		{"a reset at the command line", func(_ *browser, login string) {
			if _, _, err := there.Accounts.ResetLogin(t.Context(), "cli:root", login); err != nil {
				t.Error(err)
			}
		}, false, true, true},
		{"removal by an owner", func(_ *browser, login string) { chief.sure(row(login) + "/remove").want(http.StatusOK) }, false, true, true},
		{"removal at the command line", func(_ *browser, login string) {
			if err := there.Accounts.RemoveLogin(t.Context(), login); err != nil {
				t.Error(err)
			}
		}, false, true, true},
		{"a password by another invitation", func(_ *browser, login string) {
			newBrowser(t, here).post(invited(login), "password", other, "again", other).want(http.StatusOK)
		}, false, true, true},
		{"removal of the link to the provider", func(ada *browser, _ string) {
			ada.get("/console/account").sure(ada.found(`action="(/console/account/identities/[^"]*/remove)"`)).want(http.StatusOK)
		}, true, true, false},
		{"removal of the provider", func(*browser, string) { // the last one, which takes it from all
			if err := there.Accounts.RemoveProvider(t.Context(), o.ID, acme.ID); err != nil {
				t.Error(err)
			}
		}, true, true, false},
	} {
		login := "a" + time.Now().Format("150405.000000000") + "@example.org"
		ada := member(t, here, o.ID, login, accounts.Administrator)
		elsewhere := newBrowser(t, there).post("/console/signin", "login", login, "password", password).want(http.StatusOK)
		p.Claims = map[string]any{"sub": login, "email": login}
		provided := signOn(t, there, p, acme).want(http.StatusOK)
		token := ada.open(o)
		token.Do(t, http.MethodGet, "/Users", nil).Want(t, http.StatusOK)
		if status := statusFor(t, there, token.Token, http.MethodGet, servertest.SCIM+"/Users"); status != http.StatusOK {
			t.Fatalf("the token is answered %d", status)
		}
		way.end(ada, login)
		if got := ada.isIn(); got != way.stays {
			t.Errorf("%s: signed in where it was done: %v, want %v", way.name, got, way.stays)
		}
		if got := elsewhere.isIn(); got == way.byPassword {
			t.Errorf("%s: signed in elsewhere: %v", way.name, got)
		}
		if got := provided.isIn(); got == way.byProvider {
			t.Errorf("%s: signed in by the provider: %v", way.name, got)
		}
		for _, s := range []*servertest.Server{here, there} {
			hears(t, way.name, s, token.Token)
		}
		if n := count(t, here, `select count(*) from oauth_clients c join console_accounts a on a.id = c.client_id where a.login = $1`, login); n != 0 {
			t.Errorf("%s: %d clients are left", way.name, n)
		}
	}
}

// hears waits until a server refuses a token that has ended, which takes it a second at most:
// longer than that here means that it never does.
func hears(t *testing.T, what string, s *servertest.Server, token string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); statusFor(t, s, token, http.MethodGet, servertest.SCIM+"/Users") != http.StatusUnauthorized; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("%s: the token works on", what)
			return
		}
	}
}

// Another role ends the tokens that were made with the one before, and not the sessions: what
// they may do is read anew for each page.
func TestEndings_AnotherRole(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	chief := member(t, s, o.ID, "chief@example.org", accounts.Owner)
	ada := member(t, s, o.ID, "ada@example.org", accounts.Administrator)
	token := ada.open(o)
	home := "/console/o/" + o.ID.String() + "/administrators/" + ada.personal()
	chief.post(home+"/role", "role", "viewer").want(http.StatusOK)
	token.Do(t, http.MethodGet, "/Users", nil).Want(t, http.StatusUnauthorized)
	ada.get("/console/account").want(http.StatusOK).has("viewer of")
	ada.post("/console/o/"+o.ID.String()+"/groups", "names", "x").want(http.StatusForbidden)
}

// A token is not given out that was made while its session was ended or its role changed: it
// is confirmed, under the locks that those take, before anybody sees it.
func TestEndings_WhileATokenIsMade(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	const waiting = `select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
	for n, statement := range []string{
		`update console_accounts set role = 'viewer' where id = $1`,
		`delete from console_sessions where account_id = $1`,
		`delete from console_accounts where id = $1`,
		`update console_accounts set role = role where id = $1`, // which takes nothing
	} {
		login := fmt.Sprintf("ada%d@example.org", n)
		member(t, s, o.ID, login, accounts.Administrator)
		secret, _, err := s.Accounts.SignIn(t.Context(), login, password, accounts.From{})
		if err != nil {
			t.Fatal(err)
		}
		session, a, err := s.Accounts.Session(t.Context(), secret)
		if err != nil {
			t.Fatal(err)
		}
		db, err := pgx.Connect(t.Context(), s.Database)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close(t.Context())
		tx, err := db.Begin(t.Context())
		if err == nil {
			_, err = tx.Exec(t.Context(), statement, a.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
		confirmed := make(chan error)
		go func() { confirmed <- s.Accounts.Confirm(t.Context(), a, session.ID) }()
		for count(t, s, waiting) == 0 {
			select {
			case err := <-confirmed:
				t.Fatalf("%s: it does not wait: %v", statement, err)
			default:
			}
		}
		if err := tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-confirmed; (err == nil) != strings.Contains(statement, "role = role") {
			t.Errorf("%s: the session is confirmed: %v", statement, err)
		}
	}
}
