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
)

const (
	pushTimeout = 10 * time.Second
	maxAnswer   = 64 << 10 // bytes of an answer that are read
	maxFault    = 300      // bytes of it that are kept
)

// refusal is the answer of a receiver that an event is wrong, so that sending it
// again would not help.
type refusal struct{ fault string }

func (r *refusal) Error() string { return r.fault }

// push delivers one event (RFC 8935 section 2). It answers a *refusal when the
// event shall not be sent again as it is.
func (s *Service) push(ctx context.Context, stream Stream, e Event) error {
	token, err := s.token(ctx, stream, e)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, stream.Endpoint, strings.NewReader(token))
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
		return reason(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	switch {
	case answer.StatusCode >= 200 && answer.StatusCode < 300: // 202 is asked for; what else is there to be sent?
		return nil
	case answer.StatusCode != http.StatusBadRequest || err != nil:
		return fmt.Errorf("the receiver answered %d", answer.StatusCode)
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

// readFault reads the body of a 400. A token that cannot be read is no better the
// next time; whatever is said of keys, audiences and access, somebody can mend.
func readFault(body []byte) error {
	var f fault
	if json.Unmarshal(bytes.TrimSpace(body), &f) != nil || f.Err == "" {
		return errors.New("the receiver answered 400 without the error of RFC 8935")
	}
	text := f.String()
	if f.Err == "invalid_request" {
		return &refusal{text}
	}
	return errors.New(text)
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
