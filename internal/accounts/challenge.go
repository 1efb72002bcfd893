package accounts

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/guesses"
)

// challengeLife is how long somebody may take to use a passkey.
const challengeLife = 5 * time.Minute

// MaxChallenges is how many wait for an answer at most, and MaxChallengesOf how many of
// one source. Who begins a sign-in has shown nothing yet, so that anybody could have made
// them: one more pushes out the oldest of its source, and beyond MaxChallenges the oldest
// of all.
const (
	MaxChallenges   = 10_000
	MaxChallengesOf = 100
)

// Purpose is what a challenge is for: an answer to one is none to another.
type Purpose string

// The purposes.
const (
	registering Purpose = "register passkey"
	recognising Purpose = "sign in by passkey"
)

// Challenge is what a browser was asked, until it answers.
type Challenge struct {
	Hash    []byte // of what the answer names
	Purpose Purpose
	Account uuid.UUID // whose browser it is; zero is not known yet
	Asked   string    // what the answer is compared with
	Source  string    // of the address of the browser, as package guesses counts it
	Expires time.Time
}

// ChallengeStore keeps challenges.
type ChallengeStore interface {
	// AddChallenge keeps one, and forgets those that have ended at a time, and the oldest
	// beyond MaxChallengesOf and MaxChallenges.
	AddChallenge(ctx context.Context, c Challenge, at time.Time) error
	// TakeChallenge takes away one for a purpose that has not ended at a time, or returns
	// ErrNotFound.
	TakeChallenge(ctx context.Context, hash []byte, purpose Purpose, at time.Time) (Challenge, error)
}

// ask keeps what a browser is asked. An answer names the secret.
func (s *Service) ask(ctx context.Context, secret string, purpose Purpose, account uuid.UUID, asked string, life time.Duration, from From) error {
	now := s.store.Now()
	return s.store.AddChallenge(ctx, Challenge{
		Hash: hashOf(secret), Purpose: purpose, Account: account, Asked: asked,
		Source: guesses.SourceOf(from.Address), Expires: now.Add(life),
	}, now)
}

// answered takes away what a browser was asked, so that it is answered once.
func (s *Service) answered(ctx context.Context, secret string, purpose Purpose) (Challenge, error) {
	return s.store.TakeChallenge(ctx, hashOf(secret), purpose, s.store.Now())
}
