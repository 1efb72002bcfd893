package postgres

import (
	"container/list"
	"sync"
	"time"

	"github.com/purescim/purescim/internal/directory"
)

const (
	maxBookmarks = 10_000 // some 4 MB, beside what the lists are sorted by
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

// bookmark tells where a page begins: behind a position, when the list had so
// many resources.
type bookmark struct {
	after directory.Position
	total int
	until time.Time
}

// bookmarks remember where the pages after those that were read begin, so that a
// client that reads them in turn does not make PostgreSQL count its way to each.
// The least recently used go first.
type bookmarks struct {
	mu    sync.Mutex
	limit int
	order *list.List // of marked, the most recent first
	at    map[place]*list.Element
}

type marked struct {
	place
	bookmark
}

func newBookmarks() *bookmarks {
	return &bookmarks{limit: maxBookmarks, order: list.New(), at: make(map[place]*list.Element)}
}

// find gives the bookmark of a place, unless it is too old.
func (b *bookmarks) find(p place) (bookmark, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
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
	m := &marked{p, bookmark{after, total, time.Now().Add(bookmarkLife)}}
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.at[p]; e != nil {
		e.Value = m
		b.order.MoveToFront(e)
		return
	}
	if b.order.Len() >= b.limit {
		b.drop(b.order.Back())
	}
	b.at[p] = b.order.PushFront(m)
}

func (b *bookmarks) drop(e *list.Element) {
	b.order.Remove(e)
	delete(b.at, e.Value.(*marked).place)
}
