package httpapi

import (
	"errors"
	"io"
	"net/http"
	"runtime"
	"time"
)

const (
	// A client that sends all of its body before it reads finds a broken connection instead
	// of the answer when the server closes with a part of it unread. So what is left is read
	// away, so much of it and for so long, by so many requests at once.
	drainBytes = 64 << 20
	drainTime  = 10 * time.Second
	drains     = 256
	// drainedBefore is how much net/http reads away by itself before an answer.
	drainedBefore = 256 << 10
)

// incoming is the body of a request, which takes none of its time.
type incoming struct {
	io.ReadCloser
	time   *deadline
	left   int64 // bytes that are not read yet; below 0 is that the length is not known
	unsent bool  // the client waits to be told that it may send (100 Continue)
	turn   int   // bytes that were read since others had the processor
}

func newIncoming(r *http.Request, time *deadline) *incoming {
	return &incoming{ReadCloser: r.Body, time: time, left: r.ContentLength, unsent: r.Header.Get("Expect") != ""}
}

func (b *incoming) Read(p []byte) (int, error) {
	b.unsent = false
	b.time.stop()
	defer b.time.goOn()
	n, err := b.readInTurn(p)
	if b.left > 0 {
		b.left -= int64(n)
	}
	if errors.Is(err, io.EOF) {
		b.left = 0
	}
	return n, err
}

// turnBytes is how much is read before others have their turn.
const turnBytes = 64 << 10

// readInTurn reads a part, and lets others have the processor after many. A body that is
// there already makes its reader wait for nothing: each would keep the processor for ten
// milliseconds, and a small request beside 200 of them wait for all.
func (b *incoming) readInTurn(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(len(p), turnBytes)])
	if b.turn += n; b.turn >= turnBytes {
		b.turn = 0
		runtime.Gosched()
	}
	return n, err
}

// rest is a body that is read away.
type rest struct{ *incoming }

func (b rest) Read(p []byte) (int, error) { return b.readInTurn(p) }

// keepsSending reports whether the client may have more to send than net/http reads away.
func (b *incoming) keepsSending() bool {
	return !b.unsent && (b.left < 0 || b.left > drainedBefore)
}

// beginDrain lets the answer begin before the body has ended. No other request follows it.
func (x *exchange) beginDrain() {
	if x.body == nil || !x.body.keepsSending() {
		return
	}
	if http.NewResponseController(x.ResponseWriter).EnableFullDuplex() == nil {
		x.draining = true
		x.Header()["Connection"] = []string{"close"}
	}
}

// drain sends the answer and then reads away what is left of the body. Whoever finds no
// place is cut off: slow clients cost connections, and nothing else is held for them.
func (x *exchange) drain(places chan struct{}) {
	if !x.draining {
		return
	}
	select {
	case places <- struct{}{}:
		defer func() { <-places }()
	default:
		return
	}
	c := http.NewResponseController(x.ResponseWriter)
	if c.Flush() != nil || c.SetReadDeadline(time.Now().Add(drainTime)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, rest{x.body}, drainBytes) // a client that ends early is nobody's error
}
