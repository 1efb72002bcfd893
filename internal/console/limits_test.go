package console_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/console"
	"github.com/purescim/purescim/internal/servertest"
)

// What who has shown nothing yet, or may only look, can take of a server.

// Guesses that are sent at once are as slow as those that follow each other.
func TestAccounts_GuessesAtOnceAreSlowToo(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	member(t, s, o.ID, "ada@example.org", accounts.Owner)
	const free = 20 // failures of a source, whoever is named
	var told atomic.Int32
	var all sync.WaitGroup
	for n := range 60 {
		b := newBrowser(t, s)
		all.Go(func() {
			form := fmt.Sprintf("login=nobody%d@example.org&password=guess", n)
			b.send(http.MethodPost, "/console/signin", strings.NewReader(form), "Content-Type", "application/x-www-form-urlencoded")
			switch b.status {
			case http.StatusUnauthorized:
				told.Add(1)
			case http.StatusTooManyRequests, http.StatusServiceUnavailable:
			default:
				t.Errorf("answered %d", b.status)
			}
		})
	}
	all.Wait()
	const later = 10 // more, when pauses have ended on a slow machine
	if n := told.Load(); n > free+later {
		t.Errorf("%d guesses were told that they are wrong, want some %d", n, free)
	}
}

// Texts that no browser sends are refused, and never a fault of the server.
func TestAccounts_OddTexts(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	ada := member(t, s, o.ID, "ada@example.org", accounts.Owner)
	long := strings.Repeat("a", 200<<10)
	for login, signIn := range map[string]int{
		"\x00": http.StatusBadRequest, "\xff@example.org": http.StatusBadRequest, "ada\r\n@example.org": http.StatusUnauthorized,
		long: http.StatusRequestEntityTooLarge, "": http.StatusUnauthorized,
	} {
		newBrowser(t, s).post("/console/signin", "login", login, "password", "guess").want(signIn)
		newBrowser(t, s).post("/console/signin", "login", "ada@example.org", "password", "\xff"+login[:min(len(login), 100)]).want(http.StatusBadRequest)
		ada.post("/console/administrators", "login", "ada@example.org", "role", "x").want(http.StatusForbidden)
		ada.post("/console/o/"+o.ID.String()+"/administrators", "login", login, "role", "viewer").want(http.StatusBadRequest)
	}
	newBrowser(t, s).do(http.MethodPost, "/console/signin", map[string][]string{"login": {"ada@example.org"}, "password": {password}}, "User-Agent", "\xff"+strings.Repeat("ä", 300)).want(http.StatusOK)
	ada.get("/console/account").want(http.StatusOK).lacks("\xff")
	newBrowser(t, s).post("/console/signin", "login", "ada@example.org", "password", strings.Repeat("a", 300<<10)).want(http.StatusRequestEntityTooLarge)
	newBrowser(t, s).do(http.MethodGet, "/console/account", nil, "Cookie", "purescim-console=\xff").want(http.StatusOK).has("Sign in")
	for _, path := range []string{"/console/invitation/%00", "/console/invitation/%ff", "/console/setup/%00", "/console/setup/" + long[:1000]} {
		newBrowser(t, s).get(path).want(http.StatusNotFound)
	}
}

// An account has so many sessions; one more ends the one that was used the longest ago.
func TestAccounts_SessionsAreBounded(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	ada := member(t, s, o.ID, "ada@example.org", accounts.Owner)
	eve := member(t, s, o.ID, "eve@example.org", accounts.Owner)
	sql(t, s, `update console_sessions set used_at = used_at - interval '30 seconds'`)
	sql(t, s, `insert into console_sessions (id, hash, account_id, created_at, used_at, address, agent)
		select gen_random_uuid(), int4send(n), a.id, now(), now(), '', '' from console_accounts a, generate_series(1, $1) n where a.login = 'ada@example.org'`, accounts.MaxSessions-1)
	ada.get("/console/account").want(http.StatusOK).has("this one")
	newBrowser(t, s).post("/console/signin", "login", "ada@example.org", "password", password).want(http.StatusOK)
	ada.get("/console/account").want(http.StatusOK).has("Sign in")
	eve.get("/console/account").want(http.StatusOK).has("this one")
	if n := count(t, s, `select count(*) from console_sessions`); n != accounts.MaxSessions+1 {
		t.Errorf("there are %d sessions, want %d of one account and 1 of another", n, accounts.MaxSessions)
	}
}

// Pages of one organisation that are watched leave those of another their places.
func TestLive_OrganisationsLeaveEachOtherPlaces(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	first, second := s.NewOrg(t), s.NewOrg(t)
	ada := member(t, s, first.ID, "ada@example.org", accounts.Viewer)
	eve := member(t, s, second.ID, "eve@example.org", accounts.Viewer)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	// watch opens a stream that lasts as long as the test.
	watch := func(b *browser, o *servertest.Org) int {
		url := s.URL + "/console/o/" + o.ID.String() + "/activity/new?after=00000000-0000-7000-8000-000000000000"
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := b.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { answer.Body.Close() })
		return answer.StatusCode
	}
	watched := 0
	for range 300 {
		if watch(ada, first) != http.StatusOK {
			break
		}
		watched++
	}
	if status := watch(eve, second); status != http.StatusOK {
		t.Errorf("beside %d streams of another organisation one is answered %d", watched, status)
	}
}

// Who asks for pages without end is told to wait, in plain words, and keeps another browser;
// pages that are watched take nothing of that, and others notice nothing.
func TestLimits_PeopleHaveABudget(t *testing.T) {
	t.Parallel()
	s := servertest.NewWith(t, servertest.Options{RateLimit: 40})
	o := s.NewOrg(t)
	home := "/console/o/" + o.ID.String()
	ada := member(t, s, o.ID, "ada@example.org", accounts.Administrator)
	eve := member(t, s, o.ID, "eve@example.org", accounts.Viewer)
	elsewhere := newBrowser(t, s).post("/console/signin", "login", "ada@example.org", "password", password).want(http.StatusOK)
	watch := func(b *browser) int {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+home+"/activity/new?after=00000000-0000-7000-8000-000000000000", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := b.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		return answer.StatusCode
	}
	for n := 0; watch(ada) == http.StatusOK; n++ {
		if n > 400 {
			t.Fatal("streams are begun without end")
		}
	}
	ada.get(home + "/groups").want(http.StatusOK)
	for n := 0; ada.get(home+"/groups").status == http.StatusOK; n++ {
		if n > 400 {
			t.Fatal("pages are answered without end")
		}
	}
	ada.want(http.StatusTooManyRequests).has("Too fast", "40 requests a minute", "ada@example.org")
	if seconds, err := strconv.Atoi(ada.header.Get("Retry-After")); err != nil || seconds < 1 || seconds > 60 {
		t.Errorf("Retry-After is %q", ada.header.Get("Retry-After"))
	}
	ada.get(ada.found(`href="(/console/static/console[^"]*css)"`)).want(http.StatusOK)
	elsewhere.get(home + "/groups").want(http.StatusOK)
	eve.get(home + "/groups").want(http.StatusOK)
	if status := watch(eve); status != http.StatusOK {
		t.Errorf("a stream of somebody else is answered %d", status)
	}
	o.Do(t, http.MethodGet, "/Groups", nil).Want(t, http.StatusOK)
}

// The calls that are counted as streams are those that are.
func TestStreams_AreNamed(t *testing.T) {
	t.Parallel()
	var calls []string
	for _, c := range console.Calls() {
		if strings.HasSuffix(c.Call, "/live") || strings.HasSuffix(c.Call, "/activity/new") {
			calls = append(calls, c.Call)
		}
	}
	slices.Sort(calls)
	if want := slices.Sorted(slices.Values(console.Streams)); !slices.Equal(calls, want) {
		t.Errorf("streams are %v, want %v", want, calls)
	}
}
