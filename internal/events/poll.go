package events

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
)

const (
	// MaxPolled is how many events one poll may give.
	MaxPolled = 1000
	// DefaultPolled is how many one gives that names no number.
	DefaultPolled = 100
	// pollTime is how long a poll waits for an event.
	pollTime = 20 * time.Second
	// glance is how often it looks for one.
	glance = 250 * time.Millisecond
)

// PollRequest is what a receiver says and asks (RFC 8936 section 2.2).
type PollRequest struct {
	Acknowledged []uuid.UUID
	Refused      []Letter
	Max          int  // events wanted; 0 only acknowledges
	Immediately  bool // do not wait for an event
}

// PollAnswer is what it gets (RFC 8936 section 2.3).
type PollAnswer struct {
	Tokens map[uuid.UUID]string // by `jti`
	More   bool                 // there are events beyond these
}

// NewLetter is what a receiver says of an event that it refuses (RFC 8936
// section 2.6): the code of an error and its description.
func NewLetter(id uuid.UUID, code, description string) Letter {
	return Letter{ID: id, Fault: fault{Err: code, Description: description}.String()}
}

// Poll acknowledges events and gives the first of those that are not, in the
// order of the changes: the same ones until they are acknowledged. Without any it
// waits for one, up to 20 seconds. Errors are ErrNotFound and ErrPushed.
func (s *Service) Poll(ctx context.Context, o org.ID, r PollRequest) (PollAnswer, error) {
	stream, err := s.store.Stream(ctx, o)
	switch {
	case err != nil:
		return PollAnswer{}, err
	case stream.Method != Poll:
		return PollAnswer{}, ErrPushed
	}
	if len(r.Acknowledged)+len(r.Refused) > 0 {
		if err := s.store.Acknowledge(ctx, o, r.Acknowledged, r.Refused); err != nil {
			return PollAnswer{}, err
		}
	}
	pending, err := s.await(ctx, stream, r)
	if err != nil {
		return PollAnswer{}, err
	}
	answer := PollAnswer{Tokens: make(map[uuid.UUID]string, len(pending)), More: len(pending) > r.Max}
	for _, e := range pending[:min(r.Max, len(pending))] {
		if answer.Tokens[e.ID], err = s.token(ctx, stream, e); err != nil {
			return PollAnswer{}, err
		}
	}
	return answer, nil
}

// await reads events, one more than are wanted, and waits for the first.
func (s *Service) await(ctx context.Context, stream Stream, r PollRequest) ([]Event, error) {
	if stream.Status == Paused {
		return nil, nil
	}
	deadline := time.Now().Add(pollTime)
	for {
		pending, err := s.store.Pending(ctx, stream.Org, r.Max+1)
		if err != nil || len(pending) > 0 || r.Max == 0 || r.Immediately || time.Now().After(deadline) {
			return pending, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(glance):
		}
	}
}
