package openid

import (
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	timeout   = 10 * time.Second // of one request
	maxAnswer = 1 << 20          // bytes of an answer that are read
)

// bounded bounds what is read of an answer. One that is no document has no body: what stands
// there must not come into an error.
type bounded struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if r.Method == http.MethodGet && answer.StatusCode != http.StatusOK {
		_ = answer.Body.Close()
		return nil, &statusError{answer.StatusCode}
	}
	answer.Body = limited{io.LimitReader(answer.Body, maxAnswer), answer.Body}
	return answer, nil
}

type limited struct {
	io.Reader
	io.Closer
}

// statusError is an answer with another status than 200.
type statusError struct{ status int }

func (e *statusError) Error() string { return fmt.Sprintf("it answers %d", e.status) }
