package postgres

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/oauth"
)

// Servers that issue tokens of a client at once stay within the limit together.
func TestAddToken_HoldsTheLimitTogether(t *testing.T) {
	t.Parallel()
	r := register(t)
	const limit = 5
	var added atomic.Int32
	var servers sync.WaitGroup
	for range 8 {
		servers.Go(func() {
			for range 3 {
				token := oauth.Token{
					ID: uuid.Must(uuid.NewV7()), Org: r.org.ID, Client: r.client.ID, IssuedTo: "192.0.2.1",
					Issued: stamp(), Expires: stamp().Add(time.Hour),
				}
				many := (*oauth.TokenLimitError)(nil)
				switch err := r.registry.AddToken(t.Context(), token, "k", limit); {
				case err == nil:
					added.Add(1)
				case !errors.As(err, &many) || many.Limit != limit:
					t.Error(err)
				}
			}
		})
	}
	servers.Wait()
	expect(t, "added", added.Load(), limit)
	expect(t, "tokens", r.number(`select count(*) from access_tokens`), limit)
}

// Who has as many tokens as are allowed loses those that nobody will miss, and no other.
func TestAddToken_MakesRoom(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		origin, issued, used string // the last two as SQL
		room                 bool
	}{
		"used once, a minute ago":             {"client", "1 hour", "59 minutes", true},
		"never used":                          {"client", "1 hour", "", true},
		"used just now":                       {"client", "1 hour", "1 second", false},
		"issued just now":                     {"client", "1 second", "", false},
		"pasted, and used now and then":       {"client", "9 days", "6 days", false},
		"not used for a week":                 {"client", "9 days", "8 days", true},
		"made by hand":                        {"administrator", "9 days", "", false},
		"of another issuer, used all its day": {"issuer", "20 hours", "2 minutes", true},
		"of another issuer, used just now":    {"issuer", "20 hours", "1 second", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := register(t)
			old := r.token(t, time.Now().Add(time.Hour))
			r.write(fmt.Sprintf(`update access_tokens set origin = '%s', issued_at = now() - interval '%s'`, test.origin, test.issued))
			if test.used != "" {
				r.write(fmt.Sprintf(`update access_tokens set used_at = now() - interval '%s'`, test.used))
			}
			token := old
			token.ID, token.Issued = uuid.Must(uuid.NewV7()), stamp()
			err := r.registry.AddToken(t.Context(), token, "k", 1)
			if many := (*oauth.TokenLimitError)(nil); test.room != (err == nil) || err != nil && !errors.As(err, &many) {
				t.Errorf("room %v, want %v: %v", err == nil, test.room, err)
			}
			expect(t, "tokens", r.number(`select count(*) from access_tokens`), 1)
			expect(t, "servers are told", r.number(`select count(*) from revocations`) == 1, test.room)
		})
	}
}
