package httpapi

import (
	"net/http"
	"sync"
	"time"
)

const (
	// writePatience is how long a client may take for progressBytes of an answer. Who
	// takes longer reads no more, or means to hold the memory of the server.
	writePatience = 30 * time.Second
	progressBytes = 64 << 10

	// heldAtMost bounds the memory of all answers that wait for their clients. Beyond it,
	// clients that have read nothing for shortPatience are cut off.
	heldAtMost    = 64 << 20
	shortPatience = time.Second
	// heldTimes is how many times what is written at once an answer holds: what it was
	// made of is there too.
	heldTimes = 4
)

// writes are the answers that are being written. A client that does not read its answer
// is cut off: only progress gives it time.
type writes struct {
	patience time.Duration
	most     int64

	mu   sync.Mutex
	held int64
	last map[*exchange]time.Time // when each made progress
}

func newWrites(patience time.Duration) *writes {
	if patience == 0 {
		patience = writePatience
	}
	return &writes{patience: patience, most: heldAtMost, last: make(map[*exchange]time.Time)}
}

// write writes a part of an answer.
func (s *writes) write(x *exchange, b []byte) (written int, err error) {
	patience := s.patience
	if len(b) > progressBytes { // less is taken by the system at once
		size := heldTimes * int64(len(b))
		s.begin(x, size)
		defer s.end(x, size)
	}
	for {
		if len(b) > progressBytes || written > 0 {
			patience = s.progress(x)
		}
		x.allow(patience)
		n, err := x.ResponseWriter.Write(b[:min(len(b), progressBytes)])
		written += n
		if b = b[n:]; err != nil || len(b) == 0 {
			return written, err
		}
	}
}

// allow gives the client so much time from now; none makes what waits for it fail. A
// writer that knows no time, in tests, has none to give.
func (x *exchange) allow(patience time.Duration) {
	_ = http.NewResponseController(x.ResponseWriter).SetWriteDeadline(time.Now().Add(patience))
}

// begin notes that an answer is about to hold memory. If there is too much, it cuts off
// clients that have read nothing for a while.
func (s *writes) begin(x *exchange, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.held += size; s.held > s.most {
		for other, last := range s.last {
			if now.Sub(last) > min(s.patience, shortPatience) {
				other.allow(0)
			}
		}
	}
	s.last[x] = now
}

func (s *writes) end(x *exchange, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held -= size
	delete(s.last, x)
}

// progress notes that the client has taken a part, and tells how long it may take for the
// next one.
func (s *writes) progress(x *exchange) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last[x] = time.Now()
	if s.held > s.most {
		return min(s.patience, shortPatience)
	}
	return s.patience
}
