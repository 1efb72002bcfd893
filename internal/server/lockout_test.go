package server_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/guesses"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/servertest"
)

// floodings are how many connections a flood comes by.
const floodings = 8

// Unknown ids from all over one network of IPv6, more of them than the guard has records,
// count as one source. They push out neither who has authenticated from there nor who has
// failed elsewhere, and a client's right secret is accepted among them.
func TestToken_UnknownIDsOfOneNetwork(t *testing.T) {
	t.Parallel()
	server := servertest.NewWith(t, servertest.Options{TrustProxy: true})
	connections := &http.Transport{MaxIdleConnsPerHost: floodings}
	t.Cleanup(connections.CloseIdleConnections)
	o := server.NewOrg(t)
	client, secret := o.NewClient(t)
	newcomer, itsSecret := o.NewClient(t)
	guessed, _ := o.NewClient(t)
	ask := func(address, id, secret string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+oauth.TokenPath, strings.NewReader("grant_type=client_credentials"))
		if err != nil {
			t.Error(err)
			return 0
		}
		r.Header.Set("X-Forwarded-For", address)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth(id, secret)
		answer, err := connections.RoundTrip(r)
		if err != nil {
			t.Error(err)
			return 0
		}
		defer answer.Body.Close()
		_, _ = io.Copy(io.Discard, answer.Body) // so that the connection is used again
		return answer.StatusCode
	}
	want := func(what string, got, want int) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %d, want %d", what, got, want)
		}
	}
	const own, elsewhere = "2001:db8:1:2::1", "2001:db8:1:3::1"
	want("the client before the flood", ask(own, client.ID.String(), secret), http.StatusOK)
	for range 50 {
		ask(elsewhere, guessed.ID.String(), "guess")
	}

	// A failure that comes after a pause is told so, and makes the next pause twice as long.
	// Those that are under way when a pause begins or ends may be told too.
	const told = 40 + 5*floodings
	var failures atomic.Int32
	var flood sync.WaitGroup
	for part := range floodings {
		flood.Go(func() {
			for n := part; n < guesses.Size+100; n += floodings {
				if ask(fmt.Sprintf("2001:db8:1:2:%x:%x:%x:1", n%7, n%11, n), uuid.NewString(), "guess") != http.StatusTooManyRequests {
					failures.Add(1)
				}
			}
		})
	}
	flood.Wait()
	if n := failures.Load(); n > told {
		t.Errorf("%d unknown ids of one network were told that they are, want %d at most", n, told)
	}
	// waits reports whether a wrong secret is told to wait, also if a pause has just ended.
	waits := func(address, id string) bool {
		for range 3 {
			if ask(address, id, "guess") == http.StatusTooManyRequests {
				return true
			}
		}
		return false
	}
	want("a wrong secret of who was good", ask(own, client.ID.String(), "guess"), http.StatusUnauthorized)
	if !waits(own, newcomer.ID.String()) || !waits(elsewhere, guessed.ID.String()) {
		t.Error("a newcomer of the network, or who has failed elsewhere, may guess without a pause")
	}
	want("the right secret of who was good", ask(own, client.ID.String(), secret), http.StatusOK)
	want("the right secret of a newcomer", ask(own, newcomer.ID.String(), itsSecret), http.StatusOK)
}
