package events

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/egress"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/printable"
)

// Method is how events are delivered.
type Method string

// The methods of delivery.
const (
	Push Method = "push" // RFC 8935
	Poll Method = "poll" // RFC 8936
)

// Form is what events say of a change (RFC 9967 section 2.4).
type Form string

// The forms.
const (
	Notice Form = "notice" // which attributes
	Full   Form = "full"   // and their values
)

// Status is what becomes of changes.
type Status string

// The statuses, as those of the OpenID Shared Signals Framework.
const (
	Enabled  Status = "enabled"  // events are made and delivered
	Paused   Status = "paused"   // events are made and kept
	Disabled Status = "disabled" // no events are made
)

// Stream is the stream of an organisation's events.
type Stream struct {
	Org      org.ID
	Method   Method
	Endpoint string // where events are pushed to
	// Credential is the Authorization header of pushes: a secret, which is never shown.
	Credential string
	Audience   string // `aud` of the tokens
	Form       Form
	Kinds      []Kind // those that are told, in the order of Kinds
	// Group narrows the stream to one group and its members; uuid.Nil is all.
	Group             uuid.UUID
	Status            Status
	Created, Modified time.Time
	// Full is since when so much waits that no events are made; nil is not.
	Full *time.Time
}

// Shown is the status as it is, and why if that is not what was set.
func (s Stream) Shown() (status Status, reason string) {
	if s.Full == nil || s.Status == Disabled {
		return s.Status, ""
	}
	return Paused, fmt.Sprintf("full since %s: %d events or %d MiB wait to be taken, and no more are made; "+
		"changes since then are not told. It goes on when what waits is taken, or when its status is set to enabled",
		s.Full.UTC().Format(time.RFC3339), MaxWaiting, MaxWaitingBytes>>20)
}

// The limits of settings, in bytes.
const (
	maxURL        = 2048
	maxAudience   = 1024
	maxCredential = 8192
)

// check returns an *InvalidError unless the settings are allowed, with defaults
// for those that are empty. reach is which endpoints may be named.
func (s Stream) check(reach egress.Reach) (Stream, error) {
	s.Form, s.Status = cmp.Or(s.Form, Notice), cmp.Or(s.Status, Enabled)
	if len(s.Kinds) == 0 {
		s.Kinds = slices.Clone(Kinds)
	}
	if err := oneOf("method", s.Method, Push, Poll); err != nil {
		return s, err
	}
	if err := oneOf("form", s.Form, Notice, Full); err != nil {
		return s, err
	}
	if err := oneOf("status", s.Status, Enabled, Paused, Disabled); err != nil {
		return s, err
	}
	for _, k := range s.Kinds {
		if err := oneOf("events", k, Kinds...); err != nil {
			return s, err
		}
	}
	s.Kinds = slices.DeleteFunc(slices.Clone(Kinds), func(k Kind) bool { return !slices.Contains(s.Kinds, k) })
	if err := checkText("audience", s.Audience, maxAudience); err != nil {
		return s, err
	}
	return s, s.checkPush(reach)
}

func (s Stream) checkPush(reach egress.Reach) error {
	switch {
	case s.Method == Poll && s.Endpoint != "":
		return invalid("endpointUrl", "is for streams of the method push; who polls has none")
	case s.Method == Poll && s.Credential != "":
		return invalid("authorizationHeader", "is for streams of the method push; who polls sends an access token")
	case s.Method == Poll:
		return nil
	case len(s.Endpoint) > maxURL:
		return invalid("endpointUrl", "is longer than the %d bytes allowed", maxURL)
	case len(s.Credential) > maxCredential:
		return invalid("authorizationHeader", "is longer than the %d bytes allowed", maxCredential)
	case strings.ContainsFunc(s.Credential, func(c rune) bool { return c < ' ' || c > '~' }):
		return invalid("authorizationHeader", "may hold only visible ASCII characters and blanks")
	}
	if err := egress.CheckURL(s.Endpoint, reach); err != nil {
		return invalid("endpointUrl", "%s", err)
	}
	return nil
}

func oneOf[T ~string](field string, word T, allowed ...T) error {
	if slices.Contains(allowed, word) {
		return nil
	}
	words := make([]string, len(allowed))
	for i, a := range allowed {
		words[i] = string(a)
	}
	return invalid(field, "is %q; one of %s is expected", word, strings.Join(words, ", "))
}

func checkText(field, text string, limit int) error {
	switch {
	case text == "":
		return invalid(field, "is required")
	case len(text) > limit:
		return invalid(field, "is longer than the %d bytes allowed", limit)
	case !printable.Is(text):
		return invalid(field, "must be UTF-8 without control characters, line ends or marks of direction")
	default:
		return nil
	}
}
