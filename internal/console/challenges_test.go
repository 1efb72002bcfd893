package console_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/servertest"
)

// sql changes the database behind the server's back.
func sql(t *testing.T, s *servertest.Server, statement string, args ...any) {
	t.Helper()
	db, err := pgx.Connect(t.Context(), s.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	if _, err := db.Exec(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// count is the number that a statement selects.
func count(t *testing.T, s *servertest.Server, statement string, args ...any) (n int) {
	t.Helper()
	db, err := pgx.Connect(t.Context(), s.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	if err := db.QueryRow(t.Context(), statement, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// An answer that comes too late is none; one to what another account was asked makes no
// passkey; a passkey answers for the account that made it alone.
func TestPasskeys_AnswersEndAndBelongToAnAccount(t *testing.T) {
	t.Parallel()
	s := byName(t)
	o := s.NewOrg(t)
	ada := member(t, s, o.ID, "ada@example.org", accounts.Administrator)
	member(t, s, o.ID, "eve@example.org", accounts.Owner)
	b := newTab(t, s)
	b.signInAs(ada)
	b.authenticate()
	b.open("/console/account")
	register := func() *browser {
		made := b.answerTo("Creation", "/console/account/challenge", "password="+password)
		return ada.post("/console/account/passkeys", "name", "Laptop", "answer", made)
	}
	for _, change := range []string{
		`update console_challenges set expires_at = now()`,
		`update console_challenges set account_id = (select id from console_accounts where login_key = 'eve@example.org')`,
	} {
		made := b.answerTo("Creation", "/console/account/challenge", "password="+password)
		sql(t, s, change)
		ada.post("/console/account/passkeys", "name", "Laptop", "answer", made).want(http.StatusUnauthorized).lacks("is made")
	}
	register().want(http.StatusOK).has("passkey is made")

	answer := b.answerTo("Request", "/console/signin/challenge", "")
	sql(t, s, `update console_challenges set expires_at = now()`)
	newBrowser(t, s).post("/console/signin/passkey", "answer", answer).want(http.StatusUnauthorized).has("took too long")
	b.answerTo("Request", "/console/signin/challenge", "") // forgets those that have ended
	if n := count(t, s, `select count(*) from console_challenges`); n != 1 {
		t.Errorf("%d challenges wait, want 1", n)
	}

	answer = b.answerTo("Request", "/console/signin/challenge", "")
	sql(t, s, `update console_passkeys set account_id = (select id from console_accounts where login_key = 'eve@example.org')`)
	newBrowser(t, s).post("/console/signin/passkey", "answer", answer).want(http.StatusUnauthorized).has("was not accepted")
}

// Who begins many sign-ins pushes out what they began themselves, and what others did only
// when there are more than anybody can need.
func TestPasskeys_ChallengesAreBounded(t *testing.T) {
	t.Parallel()
	s := byName(t)
	begin := func(address string) {
		if _, err := s.Accounts.BeginSignIn(t.Context(), s.URL, accounts.From{Address: address}); err != nil {
			t.Fatal(err)
		}
	}
	const of = `select count(*) from console_challenges where source = $1`
	begin("192.0.2.1")
	for i := range accounts.MaxChallengesOf + 5 {
		begin("198.51.100.7")
		begin(fmt.Sprintf("2001:db8:1:2::%x", i)) // one network, which is one source
	}
	for source, want := range map[string]int{"192.0.2.1": 1, "198.51.100.7": accounts.MaxChallengesOf, "2001:db8:1:2::/64": accounts.MaxChallengesOf} {
		if n := count(t, s, of, source); n != want {
			t.Errorf("%d challenges of %s wait, want %d", n, source, want)
		}
	}
	sql(t, s, `
		insert into console_challenges (hash, purpose, asked, source, expires_at)
		select int4send(n), '', '', 'many', now() + interval '1 hour' + n * interval '1 millisecond' from generate_series(1, $1::int) n`, accounts.MaxChallenges)
	begin("192.0.2.9")
	if n := count(t, s, `select count(*) from console_challenges`); n != accounts.MaxChallenges {
		t.Errorf("%d challenges wait, want %d", n, accounts.MaxChallenges)
	}
	if n := count(t, s, of, "192.0.2.9"); n != 1 {
		t.Error("the newest is not among them")
	}
}

// An owner resets who has lost a device: password, passkeys and sessions are good for nothing,
// and a link sets a new password.
func TestAccounts_AreReset(t *testing.T) {
	t.Parallel()
	s := byName(t)
	o := s.NewOrg(t)
	owner := member(t, s, o.ID, "olga@example.org", accounts.Owner)
	ada := member(t, s, o.ID, "ada@example.org", accounts.Administrator)
	b := newTab(t, s)
	b.signInAs(ada)
	b.authenticate()
	b.open("/console/account")
	made := b.answerTo("Creation", "/console/account/challenge", "password="+password)
	ada.post("/console/account/passkeys", "name", "Stolen phone", "answer", made).want(http.StatusOK)
	answer := b.answerTo("Request", "/console/signin/challenge", "")

	path := "/console/o/" + o.ID.String() + "/administrators"
	reset := owner.get(path).want(http.StatusOK).has(`<td class="fit wide wider">1</td>`).found(`action="([^"]*/reset)"`)
	ada.post(reset, "sure", "yes").want(http.StatusForbidden)
	owner.sure(reset).want(http.StatusOK).has("Send this link to ada@example.org").lacks(`<td class="fit wide wider">1</td>`)
	link := owner.found(`(/console/invitation/[A-Za-z0-9_-]{43})`)

	ada.get("/console/account").want(http.StatusOK).has("Sign in")
	ada.post("/console/signin", "login", "ada@example.org", "password", password).want(http.StatusUnauthorized)
	newBrowser(t, s).post("/console/signin/passkey", "answer", answer).want(http.StatusUnauthorized)
	const other = "another correct horse"
	newBrowser(t, s).post(link, "password", other, "again", other).want(http.StatusOK)
	ada.post("/console/signin", "login", "ada@example.org", "password", other, "next", "/console/account").want(http.StatusOK).has("You are ada@example.org, administrator", "None yet")
	ada.get("/console/o/" + o.ID.String() + "/activity").want(http.StatusOK)
	id := owner.get("/console/o/" + o.ID.String() + "/activity?q=type:account+op:update+by:olga@example.org").found(`/activity/([0-9a-f-]{36})"`)
	owner.get("/console/o/"+o.ID.String()+"/activity/"+id).want(http.StatusOK).has("Stolen phone", "<code>password</code>")

	sql(t, s, `update console_accounts set role = 'owner' where login_key = 'ada@example.org'`)
	self := ada.get(path).want(http.StatusOK).lacks("olga@example.org/").found(`action="([^"]*/reset)"`)
	if self == reset {
		t.Error("an owner is offered to reset their own account")
	}
	owner.post(self, "sure", "yes").want(http.StatusConflict)
}
