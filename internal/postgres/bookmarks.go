package postgres

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
	org    int64
	table  *table
	filter string
	active bool
	sort   string
	start  int
}

// list is the place at which the list begins, which names it.
func (p place) list() place {
	p.start = 0
	return p
}

// bookmark tells where a page begins: behind a position, when the list had so
// many resources.
type bookmark struct {
	after directory.Position
	total int
	skip  int // how many resources stand between the position and the page
	until time.Time
}

// bookmarks remember where pages begin, so that a client that reads them in turn, or
// comes again, does not make PostgreSQL count its way to each. The least recently used
// go first, when there are more bytes of them than there may be.
type bookmarks struct {
	mu    sync.Mutex
	limit int // bytes
	held  int
	order *list.List // of marked, the most recent first
	at    map[place]*list.Element
	// starts are the places of each list at which pages begin, sorted.
	starts map[place][]int
}

type marked struct {
	place
	bookmark
}

func newBookmarks() *bookmarks {
	return &bookmarks{
		limit: maxBookmarks, order: list.New(),
		at: make(map[place]*list.Element), starts: make(map[place][]int),
	}
}

// size is how many bytes a bookmark takes.
func (m *marked) size() int { return bookmarkSize + len(m.filter) + len(m.sort) + len(m.after.Value) }

// find gives the bookmark of a place, unless it is too old.
func (b *bookmarks) find(p place) (bookmark, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.use(p)
}

// near gives the bookmark of a place, or else of the last place of the list before it
// that has one.
func (b *bookmarks) near(p place) (bookmark, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if m, ok := b.use(p); ok {
		return m, true
	}
	starts := b.starts[p.list()]
	i, _ := slices.BinarySearch(starts, p.start)
	if i == 0 {
		return bookmark{}, false
	}
	before := p
	before.start = starts[i-1]
	m, ok := b.use(before)
	m.skip = p.start - before.start
	return m, ok
}

func (b *bookmarks) use(p place) (bookmark, bool) {
	e := b.at[p]
	if e == nil {
		return bookmark{}, false
	}
	m := e.Value.(*marked)
	if time.Now().After(m.until) {
		b.drop(e)
		return bookmark{}, false
	}
	b.order.MoveToFront(e)
	return m.bookmark, true
}

// put remembers that the page at p begins behind a position, while the list has
// total resources.
func (b *bookmarks) put(p place, after directory.Position, total int) {
	m := &marked{p, bookmark{after: after, total: total, until: time.Now().Add(bookmarkLife)}}
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.at[p]; e != nil {
		b.drop(e)
	}
	starts := b.starts[p.list()]
	i, _ := slices.BinarySearch(starts, p.start)
	b.starts[p.list()] = slices.Insert(starts, i, p.start)
	b.at[p] = b.order.PushFront(m)
	for b.held += m.size(); b.held > b.limit; {
		b.drop(b.order.Back())
	}
}

func (b *bookmarks) drop(e *list.Element) {
	m := b.order.Remove(e).(*marked)
	delete(b.at, m.place)
	b.held -= m.size()
	starts := b.starts[m.list()]
	if i, ok := slices.BinarySearch(starts, m.start); ok {
		starts = slices.Delete(starts, i, i+1)
	}
	if b.starts[m.list()] = starts; len(starts) == 0 {
		delete(b.starts, m.list())
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
