package oauth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
)

// RenewalStore keeps which tokens end because another was made in their place.
type RenewalStore interface {
	// Succeed has those good tokens of a client that were made by an administrator, and
	// carry no user, end with the first use of their successor, or at a time that is not
	// zero: at once where that is no time to come. Of several calls the last counts. It
	// gives how many there are.
	Succeed(ctx context.Context, o org.ID, client, successor uuid.UUID, at time.Time) (int, error)
	// EndSucceeded ends the tokens that were to end by now, of all organisations, and
	// gives them.
	EndSucceeded(ctx context.Context, now time.Time) ([]Token, error)
	// Ending lists the good tokens of an organisation that were made to live longer than
	// two days and end before a time, the first to end first. It ends at 1,000.
	Ending(ctx context.Context, o org.ID, now, before time.Time) ([]Token, error)
}

// Renewal is a new token in the place of others.
type Renewal struct {
	Token    string
	Expires  time.Time
	Replaced int // tokens that end because of it
}

// AtFirstUse is when old tokens end for which no time is given.
const AtFirstUse time.Duration = -1

// Renew makes a token for an active client in the place of those that were made by hand:
// they end within a time from now, which may be 0, or AtFirstUse of the new one.
func (s *Service) Renew(ctx context.Context, c Client, within time.Duration) (r Renewal, err error) {
	id := s.store.NewID()
	if r.Token, r.Expires, err = s.issue(ctx, Token{ID: id, Org: c.Org, Client: c.ID}, c, 0); err != nil {
		return r, err
	}
	at := time.Time{}
	if within != AtFirstUse {
		at = s.store.Now().Add(within)
	}
	if r.Replaced, err = s.store.Succeed(ctx, c.Org, c.ID, id, at); err != nil {
		return r, fmt.Errorf("note which tokens end: %w", err)
	}
	return r, nil
}

// Ending lists the good tokens of an organisation that somebody must replace within a time.
func (s *Service) Ending(ctx context.Context, o org.ID, within time.Duration) ([]Token, error) {
	at := s.store.Now()
	return s.store.Ending(ctx, o, at, at.Add(within))
}

// endSucceeded ends the tokens whose time has come, or whose successor was used.
func (s *Service) endSucceeded(ctx context.Context) error {
	ended, err := s.store.EndSucceeded(ctx, s.store.Now())
	for _, t := range ended {
		s.revoked.hear(time.Now(), Revocation{ID: t.ID, Recorded: s.store.Now()})
		s.log.InfoContext(ctx, "a token that was renewed has ended", "org", t.Org, "client", t.Client, "token", t.ID)
	}
	return err
}

// flushUses writes the uses of late, with which tokens may end.
func (s *Service) flushUses(ctx context.Context) error {
	return errors.Join(s.flush(ctx), s.endSucceeded(ctx))
}
