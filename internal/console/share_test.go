package console_test

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/servertest"
)

// fill takes all that an organisation has of the server's connections, until release is called.
func fill(t *testing.T, s *servertest.Server, o org.ID) (release func()) {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	var holders sync.WaitGroup
	for {
		inside := make(chan struct{})
		waiting, stop := context.WithCancel(ctx)
		holders.Go(func() {
			_ = s.Store.Of(o).InTx(waiting, pool.Nothing, func(pgx.Tx) error {
				close(inside)
				<-waiting.Done()
				return nil
			})
		})
		for entered := false; !entered; {
			select {
			case <-inside:
				entered = true
			default:
				if n, _ := s.Store.Waiting(); n > 0 { // this one, for whom nothing is left
					stop()
					settled(s)
					return func() { leave(); holders.Wait() }
				}
			}
		}
	}
}

// settled returns when nobody waits for a connection.
func settled(s *servertest.Server) {
	for n := 1; n > 0; {
		n, _ = s.Store.Waiting()
	}
}

// waitsFor asks for a page, and reports whether it waits for a connection. The page is not.
func (b *browser) waitsFor(path string) bool {
	b.t.Helper()
	ctx, leave := context.WithCancel(b.t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.server.URL+path, http.NoBody)
	if err != nil {
		b.t.Fatal(err)
	}
	answered := make(chan struct{})
	go func() {
		if answer, err := b.client.Do(r); err == nil {
			answer.Body.Close()
		}
		close(answered)
	}()
	defer func() {
		leave()
		<-answered
		settled(b.server)
	}()
	for {
		if n, _ := b.server.Store.Waiting(); n > 0 {
			return true
		}
		select {
		case <-answered:
			return false
		default:
		}
	}
}

// Each page of an organisation takes of the connections that the organisation has: where those
// are taken, it waits, and pages of others do not. So it is for those of no organisation.
func TestPages_TakeOfTheirOrganisationsShare(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s)
	other := s.NewOrg(t)
	owner := member(t, s, f.ID, "ada@example.org", accounts.Owner)
	neighbour := member(t, s, other.ID, "otto@example.org", accounts.Owner)
	operator := member(t, s, accounts.Everywhere, "olga@example.org", accounts.Owner)
	places := f.places(owner)
	f.doors(owner)
	// Those for which it is enough to look up by their keys what they show, or that are refused
	// to who is of one organisation.
	enough := []string{"connect", "group-try", "person-try", "operator-providers", "organisations", "schema-built-in", "schema-document", "schema-new"}
	if err := s.Log.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	release := fill(t, s, f.ID)
	for _, name := range slices.Sorted(maps.Keys(places)) {
		switch waits, exempt := owner.waitsFor(places[name]), slices.Contains(enough, name); {
		case !waits && !exempt:
			t.Errorf("%s: takes nothing of the share of its organisation; are look-ups by key all that it asks?", name)
		case waits && exempt:
			t.Errorf("%s: takes of the share of its organisation, and needs no exception", name)
		}
		path := strings.ReplaceAll(places[name], f.ID.String(), other.ID.String())
		if neighbour.waitsFor(path) {
			t.Errorf("%s: waits for another organisation's share", name)
		}
	}
	if operator.waitsFor("/console/administrators") || newBrowser(t, s).waitsFor("/console/signin") {
		t.Error("pages of no organisation wait for one")
	}
	release()
	defer fill(t, s, accounts.Everywhere)()
	for _, path := range []string{"/console/organisations", "/console/administrators", "/console/account"} {
		if !operator.waitsFor(path) {
			t.Errorf("%s: takes nothing of the share of nobody", path)
		}
	}
	if !newBrowser(t, s).waitsFor("/console/signin") || !newBrowser(t, s).waitsFor("/console/invitation/x") {
		t.Error("what strangers ask takes nothing of the share of nobody")
	}
	if neighbour.waitsFor("/console/o/" + other.ID.String() + "/groups") {
		t.Error("an organisation waits for strangers")
	}
}
