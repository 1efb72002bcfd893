// Package events tells others what happened to an organisation's users and
// groups: Security Event Tokens (RFC 8417) of the SCIM profile (RFC 9967), pushed
// (RFC 8935) or polled (RFC 8936).
//
// It owns what an event is, how its token is made, the stream that an
// organisation may have, and the delivery. That each change is written down as an
// event in the transaction that makes it, and where, is left to the Store; the
// keys that sign, to the Signer.
package events

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
)

// What a Store and a Service may answer.
var (
	ErrNotFound = errors.New("the organisation has no stream of events")
	// ErrPushed is the answer to a poll of events that are pushed.
	ErrPushed = errors.New("the events of the stream are pushed; a stream of the method poll can be polled")
	// ErrNotHeld says that another server delivers the stream.
	ErrNotHeld = errors.New("another server delivers the stream")
)

// InvalidError is a setting of a stream that is not allowed.
type InvalidError struct {
	Field   string // the setting, as the API names it
	Problem string // a sentence that goes on from the name
}

func (e *InvalidError) Error() string { return e.Field + " " + e.Problem }

func invalid(field, format string, args ...any) error {
	return &InvalidError{Field: field, Problem: fmt.Sprintf(format, args...)}
}

// Event is a change that is to be told. Its token is made when it is sent, so
// that it is signed with a key that is in use then.
type Event struct {
	// Seq numbers the events of an organisation in the order of the changes,
	// from 1. A number that is left out stands for events that were not made, while the
	// stream was full.
	Seq  int64
	ID   uuid.UUID // its `jti`
	Made time.Time // its `iat`
	// Queued is when it was made or, after that, put back among those to be sent.
	Queued time.Time
	// Claims are what its token says of the change, as a JSON object: sub_id,
	// txn and events.
	Claims []byte
	// Fault is why it cannot be delivered; empty while that is tried.
	Fault string
}

// Letter is an event that could not be delivered.
type Letter struct {
	ID    uuid.UUID
	Fault string // an egress.Fault, or what the receiver that polls said of it
}

// Progress is how far the delivery of a stream is.
type Progress struct {
	Seq       int64     // of the last event that was made
	Pending   int       // events not delivered yet
	Oldest    time.Time // when the first of those was made; zero when there is none
	Dead      int       // events that could not be delivered and are kept
	Failures  int       // attempts in a row that failed
	Fault     string    // what the last of those met, an egress.Fault
	Retry     time.Time // when the next is made
	Delivered time.Time // when something was delivered last
}

// Lease is the right to deliver a stream until it ends.
type Lease struct {
	Stream   Stream
	Failures int // attempts in a row that failed
}

// Outcome is what came of a stretch of delivery.
type Outcome struct {
	Delivered []uuid.UUID
	Dead      []Letter
	// Failures, Fault and Retry are as in Progress.
	Failures int
	Fault    string
	Retry    time.Time
	// Done gives the lease back.
	Done bool
}

const (
	// MaxBytes is how many bytes of claims one answer has, about. Their tokens have some
	// 4 MB.
	MaxBytes = 3 << 20
	// partBytes is how many of them a poll holds at once, about.
	partBytes = 256 << 10
)

// Page is a part of a list.
type Page struct{ Offset, Limit int }

// Store keeps streams and their events.
type Store interface {
	StreamStore
	EventStore
	DeliveryStore
}

// StreamStore keeps the streams of organisations.
type StreamStore interface {
	// Stream reads the stream of an organisation, or ErrNotFound.
	Stream(ctx context.Context, o org.ID) (Stream, error)
	// SetStream stores the stream of its organisation in place of the one that
	// may be there, whose events stay. An empty Credential leaves that of before,
	// unless the endpoint is another.
	SetStream(ctx context.Context, s Stream) (Stream, error)
	// RemoveStream removes the stream and its events, or answers ErrNotFound.
	RemoveStream(ctx context.Context, o org.ID) error
	// Progress tells how far the delivery is.
	Progress(ctx context.Context, o org.ID) (Progress, error)
}

// EventStore keeps events until they are delivered.
type EventStore interface {
	// Pending reads the first events behind a number that are not delivered, in their
	// order: at most limit, and until their claims have so many bytes, but one if there is
	// any. more tells that there are others.
	Pending(ctx context.Context, o org.ID, after int64, limit int, bytes int64) (found []Event, more bool, err error)
	// Acknowledge removes the events that were delivered, and keeps the dead as
	// such. Events that are not pending are left as they are.
	Acknowledge(ctx context.Context, o org.ID, delivered []uuid.UUID, dead []Letter) error
	// Dead reads a page of the events that could not be delivered, in their
	// order and of MaxBytes about, and how many there are in all.
	Dead(ctx context.Context, o org.ID, p Page) ([]Event, int, error)
	// Requeue puts dead events back among those to be sent, of nil all, and tells
	// how many.
	Requeue(ctx context.Context, o org.ID, ids []uuid.UUID) (int, error)
	// Expire makes the events that were queued before a time dead, with the
	// fault, and removes those that have been dead since another.
	Expire(ctx context.Context, queued, dead time.Time, fault string) error
	// Fill makes streams full that have at least so many events waiting, or so many bytes
	// of claims, and tells whose. A full stream makes no events, until it is set or none
	// waits.
	Fill(ctx context.Context, most int, bytes int64) ([]org.ID, error)
}

// DeliveryStore keeps the leases of delivery.
type DeliveryStore interface {
	// Now is the time by which all servers of the store go. It never goes back.
	Now() time.Time
	// Due lists the organisations with events to be pushed whose lease is free at a time.
	Due(ctx context.Context, at time.Time) ([]org.ID, error)
	// Lease lets the holder deliver a stream until a time, also once more, or
	// answers ErrNotHeld.
	Lease(ctx context.Context, o org.ID, holder uuid.UUID, at, until time.Time) (Lease, error)
	// Settle is Acknowledge with the outcome of the holder's work. When another
	// has the lease by now, only what was delivered counts.
	Settle(ctx context.Context, o org.ID, holder uuid.UUID, done Outcome) error
}

// Signer appends a token of a type to dst, with claims that are a JSON object.
type Signer interface {
	AppendSigned(ctx context.Context, dst []byte, typ string, claims []byte) ([]byte, error)
}
