package events

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/purescim/purescim/internal/egress"
)

const (
	pushTimeout = 10 * time.Second
	maxAnswer   = 64 << 10 // bytes of an answer that are read
	maxFault    = 300      // bytes of what a receiver says that are logged or kept
)

// undelivered says why an event did not arrive: fault is all that the customer sees, cause is
// for the log.
type undelivered struct {
	fault egress.Fault
	cause error
	final bool // sending it again would not help
}

func (u *undelivered) Error() string { return string(u.fault) + ": " + u.cause.Error() }

// rejected is an answer of the receiver.
func rejected(format string, args ...any) *undelivered {
	return &undelivered{fault: egress.Rejected, cause: fmt.Errorf(format, args...)}
}

// push delivers one event (RFC 8935 section 2). It answers an *undelivered when
// that is the receiver's affair, or the way's to it.
func (s *Service) push(ctx context.Context, stream Stream, e Event) error {
	token, err := s.appendToken(ctx, nil, stream, e)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, stream.Endpoint, bytes.NewReader(token))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/"+tokenType)
	r.Header.Set("Accept", "application/json")
	if stream.Credential != "" {
		r.Header.Set("Authorization", stream.Credential)
	}
	answer, err := s.client.Do(r)
	if err != nil {
		return &undelivered{fault: egress.FaultOf(err), cause: reason(err)}
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	switch {
	case answer.StatusCode >= 200 && answer.StatusCode < 300: // 202 is asked for; what else is there to be sent?
		return nil
	case answer.StatusCode != http.StatusBadRequest || err != nil:
		return rejected("the receiver answered %d", answer.StatusCode)
	default:
		return readFault(body)
	}
}

// reason is an error of net/http without the URL, which may hold a secret.
func reason(err error) error {
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// fault is the body of an error (RFC 8935 section 2.3).
type fault struct {
	Err         string `json:"err"`
	Description string `json:"description"`
}

// readFault reads the body of a 400. A token that the receiver cannot read will not be read
// the next time either; problems of keys, audiences and access can be corrected.
func readFault(body []byte) *undelivered {
	var f fault
	if json.Unmarshal(bytes.TrimSpace(body), &f) != nil || f.Err == "" {
		return rejected("the receiver answered 400 without the error of RFC 8935")
	}
	u := rejected("%s", f)
	u.final = f.Err == "invalid_request"
	return u
}

// String is what is kept of the fault.
func (f fault) String() string {
	text := f.Err
	if f.Description != "" {
		text += ": " + f.Description
	}
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "?"), "\x00", "?")
	if len(text) > maxFault {
		text = strings.ToValidUTF8(text[:maxFault], "")
	}
	return text
}
