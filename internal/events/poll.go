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
	// PollTime is how long a poll waits for an event.
	PollTime = 20 * time.Second
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

// PollAnswer gives the tokens that a receiver gets (RFC 8936 section 2.3), each with its
// `jti`, until one is not taken, and tells whether there are events beyond these. They are
// read in parts and made one by one, since all of them may be large: a token is no longer
// there when take has returned.
type PollAnswer func(take func(id uuid.UUID, token []byte) error) (more bool, err error)

// NewLetter is what a receiver says of an event that it refuses (RFC 8936
// section 2.6): the code of an error and its description.
func NewLetter(id uuid.UUID, code, description string) Letter {
	return Letter{ID: id, Fault: fault{Err: code, Description: description}.String()}
}

// Poll acknowledges events and gives the first of those that are not, in the
// order of the changes, of MaxBytes about: the same ones until they are acknowledged. Without any it
// waits for one, up to 20 seconds. Errors are ErrNotFound and ErrPushed.
func (s *Service) Poll(ctx context.Context, o org.ID, r PollRequest) (PollAnswer, error) {
	stream, err := s.store.Stream(ctx, o)
	switch {
	case err != nil:
		return nil, err
	case stream.Method != Poll:
		return nil, ErrPushed
	}
	if len(r.Acknowledged)+len(r.Refused) > 0 {
		if err := s.store.Acknowledge(ctx, o, r.Acknowledged, r.Refused); err != nil {
			return nil, err
		}
	}
	first, more, err := s.await(ctx, stream, r)
	return func(take func(id uuid.UUID, token []byte) error) (bool, error) {
		return s.tell(ctx, stream, part{first, more, r.Max, MaxBytes}, take)
	}, err
}

// part is a part of what a poll gives, with what may follow it.
type part struct {
	events []Event
	more   bool
	left   int // events that are wanted, these among them
	bytes  int // of claims, likewise
}

// tell makes the tokens of a part, and reads the next one while there is room.
func (s *Service) tell(ctx context.Context, stream Stream, p part, take func(id uuid.UUID, token []byte) error) (more bool, err error) {
	var token []byte
	for last := int64(0); ; {
		for _, e := range p.events {
			if token, err = s.appendToken(ctx, token[:0], stream, e); err == nil {
				err = take(e.ID, token)
			}
			if err != nil {
				return false, err
			}
			last, p.left, p.bytes = e.Seq, p.left-1, p.bytes-len(e.Claims)
		}
		if !p.more || p.left <= 0 || p.bytes <= 0 {
			return p.more, nil
		}
		if p.events, p.more, err = s.store.Pending(ctx, stream.Org, last, p.left, partBytes); err != nil {
			return false, err
		}
	}
}

// await reads events, and waits for the first.
func (s *Service) await(ctx context.Context, stream Stream, r PollRequest) (found []Event, more bool, err error) {
	if stream.Status == Paused {
		return nil, false, nil
	}
	deadline := time.Now().Add(PollTime)
	for {
		found, more, err := s.store.Pending(ctx, stream.Org, 0, r.Max, partBytes)
		if err != nil || len(found) > 0 || r.Max == 0 || r.Immediately || time.Now().After(deadline) {
			return found, more, err
		}
		select {
		case <-ctx.Done():
			return nil, false, ctx.Err()
		case <-time.After(glance):
		}
	}
}
