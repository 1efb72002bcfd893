package lists

import (
	"container/list"
	"slices"
	"sync"
	"time"

	"github.com/purescim/purescim/internal/directory"
)

const (
	maxBookmarks = 8 << 20 // bytes
	bookmarkSize = 400     // of one without its texts, as the maps hold it
	bookmarkLife = 5 * time.Minute
)

// place is the beginning of a page: the index of its first resource in a list.
type place struct {
	org   int64
	list  string // its tables, filter and order
	index int
}

// beginning is the place at which the list begins, which names it.
func (p place) beginning() place {
	p.index = 0
	return p
}

// bookmark is a place that was found.
type bookmark struct {
	place
	start
	until time.Time
}

// bookmarks remember where pages begin, so that a client that reads them in turn, or
// comes again, does not make PostgreSQL count its way to each. The least recently used
// go first, when there are more bytes of them than there may be.
type bookmarks struct {
	mu    sync.Mutex
	limit int // bytes
	held  int
	order *list.List // of bookmarks, the most recent first
	at    map[place]*list.Element
	// starts are the places of each list at which pages begin, sorted.
	starts map[place][]int
}

func newBookmarks() *bookmarks {
	return &bookmarks{
		limit: maxBookmarks, order: list.New(),
		at: make(map[place]*list.Element), starts: make(map[place][]int),
	}
}

// size is how many bytes a bookmark takes.
func (m *bookmark) size() int { return bookmarkSize + len(m.list) + len(m.after.Value) }

// near gives the bookmark of a place, or else of the last place of the list before it
// that has one.
func (b *bookmarks) near(p place) (start, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if at, ok := b.use(p); ok {
		return at, true
	}
	starts := b.starts[p.beginning()]
	i, _ := slices.BinarySearch(starts, p.index)
	if i == 0 {
		return start{}, false
	}
	before := p
	before.index = starts[i-1]
	at, ok := b.use(before)
	at.skip = p.index - before.index
	return at, ok
}

// use gives the bookmark of a place, unless it is too old.
func (b *bookmarks) use(p place) (start, bool) {
	e := b.at[p]
	if e == nil {
		return start{}, false
	}
	m := e.Value.(*bookmark)
	if time.Now().After(m.until) {
		b.drop(e)
		return start{}, false
	}
	b.order.MoveToFront(e)
	return m.start, true
}

// put remembers that the page at p begins behind a position, while the list has
// total resources.
func (b *bookmarks) put(p place, after directory.Position, total int) {
	m := &bookmark{p, start{after: after, known: true, total: total}, time.Now().Add(bookmarkLife)}
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.at[p]; e != nil {
		b.held += m.size() - e.Value.(*bookmark).size()
		e.Value = m
		b.order.MoveToFront(e)
		b.shrink()
		return
	}
	starts := b.starts[p.beginning()]
	i, _ := slices.BinarySearch(starts, p.index)
	b.starts[p.beginning()] = slices.Insert(starts, i, p.index)
	b.at[p] = b.order.PushFront(m)
	b.held += m.size()
	b.shrink()
}

// shrink drops what is more than may be.
func (b *bookmarks) shrink() {
	for b.held > b.limit {
		b.drop(b.order.Back())
	}
}

func (b *bookmarks) drop(e *list.Element) {
	m := b.order.Remove(e).(*bookmark)
	delete(b.at, m.place)
	b.held -= m.size()
	starts := b.starts[m.beginning()]
	if i, ok := slices.BinarySearch(starts, m.index); ok {
		starts = slices.Delete(starts, i, i+1)
	}
	if b.starts[m.beginning()] = starts; len(starts) == 0 {
		delete(b.starts, m.beginning())
	}
}

// forget drops all bookmarks.
func (b *bookmarks) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.order.Len() > 0 {
		b.drop(b.order.Back())
	}
}
