package phone

import "sync"

// generation is how many answers are kept at least, some 2 MB with the one before.
const generation = 8192

// answered are the last numbers that were read: identity systems send a person's
// numbers again with every change of anything else.
var answered = memory{recent: make(map[question]string)}

// question is a number in somebody's spelling, and the region it is read in.
type question struct{ text, region string }

// memory keeps answers in two generations: when the younger is full, the older is
// forgotten.
type memory struct {
	mu           sync.RWMutex
	recent, past map[question]string
}

func (m *memory) get(q question) (number string, ok bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if number, ok = m.recent[q]; !ok {
		number, ok = m.past[q]
	}
	return number, ok
}

func (m *memory) put(q question, number string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.recent) >= generation {
		m.past, m.recent = m.recent, make(map[question]string)
	}
	m.recent[q] = number
}
