package httpapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/scim"
)

// DefaultBodyMemory is how many bytes the bodies of all requests take at most, as they
// are sent and as they are parsed.
const DefaultBodyMemory = 400 << 20

const (
	// tinyBody is the size up to which a body takes no share: thousands at once are no
	// more than a large one.
	tinyBody = 4 << 10
	// smallBody is the size up to which bodies have a budget of their own, so that none
	// waits for large ones.
	smallBody = 64 << 10
)

// bodyMemory is the memory for the bodies of all requests. Nobody who holds parsed or
// small waits for another share, so that all come free.
type bodyMemory struct {
	sent   *budget // large bodies as they are sent: clients that are slow hold nothing else
	parsed *budget // what is made of them
	small  *budget // what is made of small ones
}

// newBodyMemory divides the bytes; 0 are DefaultBodyMemory. Most are for parsed bodies, of
// which the largest takes a third of the default.
func newBodyMemory(size int64) *bodyMemory {
	if size <= 0 {
		size = DefaultBodyMemory
	}
	sent, small := size/4, size/10
	return &bodyMemory{sent: newBudget(sent), small: newBudget(small), parsed: newBudget(size - sent - small)}
}

// share is what a request holds of a budget.
type share struct {
	of *budget
	n  int64
}

// payer is the organisation whose share a request takes.
func (x *exchange) payer() org.ID {
	if x.known() {
		return x.principal.Org.ID
	}
	return x.guest
}

func (x *exchange) take(ctx context.Context, b *budget, n int64) error {
	if err := b.take(ctx, x.payer(), n); err != nil {
		return err
	}
	x.shares = append(x.shares, share{b, n})
	return nil
}

// giveShares ends what the request holds.
func (x *exchange) giveShares() {
	for _, s := range x.shares {
		s.of.give(x.payer(), s.n)
	}
	x.shares = nil
}

// takeParsed takes the share of what parsing makes of a body.
func (x *exchange) takeParsed(ctx context.Context, body []byte) error {
	if len(body) <= tinyBody {
		return nil
	}
	from := x.memory.parsed
	if len(body) <= smallBody {
		from = x.memory.small
	}
	return x.take(ctx, from, scim.SizeOf(body).Memory(len(body)))
}

// readBody reads the body. Of a large one it takes the share first: its length, or as
// much as the route allows when that is not known.
func (x *exchange) readBody(r *http.Request) ([]byte, error) {
	var b bytes.Buffer
	size := r.ContentLength
	if size > smallBody {
		if err := x.take(r.Context(), x.memory.sent, size); err != nil {
			return nil, err
		}
	}
	b.Grow(int(min(max(size, 0), smallBody)) + bytes.MinRead) // who sends nothing gets no more
	switch _, err := io.CopyN(&b, r.Body, smallBody+1); {
	case errors.Is(err, io.EOF):
		return b.Bytes(), nil
	case err != nil:
		return nil, readError(err)
	}
	if size < 0 {
		size = x.bodyLimit
		if err := x.take(r.Context(), x.memory.sent, size); err != nil {
			return nil, err
		}
	}
	b.Grow(int(size) - b.Len() + bytes.MinRead) // all at once: growing would double it
	if _, err := b.ReadFrom(r.Body); err != nil {
		return nil, readError(err)
	}
	return b.Bytes(), nil
}
