package scimapi

import "sync"

// answers are the buffers that answers are rendered in, used again: the page of
// a list would otherwise be the largest thing that a request leaves to collect.
var answers buffers

const (
	firstAnswer = 2 << 10 // one user
	// keptAnswer is the largest buffer that is kept: a page of 1000 users.
	keptAnswer = 2 << 20
)

type buffers struct{ pool sync.Pool }

type buffer struct{ text []byte }

// take gives an empty buffer.
func (b *buffers) take() *buffer {
	if kept, ok := b.pool.Get().(*buffer); ok {
		return kept
	}
	return &buffer{text: make([]byte, 0, firstAnswer)}
}

// keep takes a buffer back that nobody reads any more.
func (b *buffers) keep(answer *buffer) {
	if cap(answer.text) <= keptAnswer {
		answer.text = answer.text[:0]
		b.pool.Put(answer)
	}
}
