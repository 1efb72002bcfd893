package events

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/egress"
	"github.com/purescim/purescim/internal/org"
)

const (
	// Kept is how long events wait to be polled, or to be accepted when they are pushed. Then
	// they are dead.
	Kept = 7 * 24 * time.Hour
	// KeptDead is how long dead events are kept.
	KeptDead = 30 * 24 * time.Hour

	// MaxWaiting is how many events of a stream may wait. A stream that has more makes none.
	MaxWaiting = 100_000
	// MaxWaitingBytes bounds their claims likewise.
	MaxWaitingBytes = 512 << 20
)

// Options are what a Service may be told.
type Options struct {
	Issuer string // `iss` of the tokens: the URL that clients use; "purescim" when empty
	Log    *slog.Logger
	// HTTPClient pushes. Nil is one that keeps to Egress; another is trusted to
	// reach what it may.
	HTTPClient *http.Client
	Egress     egress.Reach // public addresses alone when empty
	// Pause is how long a failed push waits before the second attempt; each
	// attempt that fails doubles it. 0 is a second.
	Pause time.Duration
}

// Service keeps the streams of organisations and delivers their events. It is
// safe for concurrent use.
type Service struct {
	store  Store
	signer Signer
	issuer string
	log    *slog.Logger
	client *http.Client
	reach  egress.Reach
	pause  time.Duration
	holder uuid.UUID // of leases
}

// New makes a Service on the streams of store, with tokens signed by signer.
func New(store Store, signer Signer, o Options) *Service {
	s := &Service{
		store: store, signer: signer,
		issuer: cmp.Or(o.Issuer, "purescim"),
		log:    o.Log,
		client: new(http.Client),
		reach:  o.Egress,
		pause:  cmp.Or(o.Pause, time.Second),
		holder: uuid.New(),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if o.HTTPClient != nil {
		*s.client, s.reach = *o.HTTPClient, egress.Any
	} else {
		s.client.Transport = egress.Transport(egress.Options{Reach: o.Egress})
	}
	s.client.Timeout = pushTimeout
	// A redirect would take the credential and the event to somewhere else.
	s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return s
}

// Issuer is the `iss` of the tokens.
func (s *Service) Issuer() string { return s.issuer }

// Stream reads the stream of an organisation, or ErrNotFound.
func (s *Service) Stream(ctx context.Context, o org.ID) (Stream, error) {
	return s.store.Stream(ctx, o)
}

// SetStream checks the settings and stores them. They hold for changes that begin a second
// later, on whatever server. An empty Credential keeps the present one, unless the endpoint
// changes. A wrong setting is an *InvalidError.
func (s *Service) SetStream(ctx context.Context, stream Stream) (Stream, error) {
	stream, err := stream.check(s.reach)
	if err != nil {
		return stream, err
	}
	stream.Created = s.store.Now().Truncate(time.Millisecond)
	stream.Modified = stream.Created
	if stream, err = s.store.SetStream(ctx, stream); err != nil {
		return stream, err
	}
	s.log.InfoContext(ctx, "stream of events set", "org", stream.Org, "method", stream.Method, "status", stream.Status)
	return stream, nil
}

// RemoveStream removes the stream and all of its events, or answers ErrNotFound.
func (s *Service) RemoveStream(ctx context.Context, o org.ID) error {
	if err := s.store.RemoveStream(ctx, o); err != nil {
		return err
	}
	s.log.InfoContext(ctx, "stream of events removed", "org", o)
	return nil
}

// Progress tells how far the delivery of a stream is.
func (s *Service) Progress(ctx context.Context, o org.ID) (Progress, error) {
	p, err := s.store.Progress(ctx, o)
	if p.Fault != "" && !slices.Contains(egress.Faults, egress.Fault(p.Fault)) {
		p.Fault = string(egress.Unreachable) // releases before noted more than customers may know
	}
	return p, err
}

// Dead reads a page of the events that could not be delivered, and how many
// there are.
func (s *Service) Dead(ctx context.Context, o org.ID, p Page) ([]Event, int, error) {
	return s.store.Dead(ctx, o, p)
}

// Requeue has dead events delivered after all, of nil all, in their old places.
// It tells how many those are.
func (s *Service) Requeue(ctx context.Context, o org.ID, ids []uuid.UUID) (int, error) {
	n, err := s.store.Requeue(ctx, o, ids)
	if err == nil && n > 0 {
		s.log.InfoContext(ctx, "dead events queued again", "org", o, "events", n)
	}
	return n, err
}

// tokenType tells the token of an event from other JWTs (RFC 8417 section 2.3).
const tokenType = "secevent+jwt"

// errClaims says that what is stored of an event is no JSON object.
var errClaims = errors.New("its claims are no JSON object")

// appendToken appends the Security Event Token of an event. What it says beside the claims
// of the change stands before them: those may be large, and are not parsed.
func (s *Service) appendToken(ctx context.Context, dst []byte, stream Stream, e Event) ([]byte, error) {
	rest, isObject := bytes.CutPrefix(e.Claims, []byte("{"))
	if !isObject {
		return dst, fmt.Errorf("read event %s: %w", e.ID, errClaims)
	}
	head, err := json.Marshal(map[string]any{
		"iss": s.issuer, "aud": stream.Audience, "iat": e.Made.Unix(), "jti": e.ID.String(), "seq": e.Seq,
	})
	if err != nil {
		return dst, err
	}
	claims := append(make([]byte, 0, len(head)+len(e.Claims)), head...)
	if claims[len(claims)-1] = ','; len(rest) == 1 { // it says nothing
		claims[len(claims)-1] = ' '
	}
	return s.signer.AppendSigned(ctx, dst, tokenType, append(claims, rest...))
}
