package platformapi

import (
	"maps"
	"math/bits"
	"net/http"
	"net/url"
	"strconv"
)

// The sizes of a page, as the platform has them.
const (
	defaultPageSize = 25
	maxPageSize     = 500
	maxPageNumber   = 1 << 30 // far beyond any list, and far from overflow
)

// page is the part of a list that a client asks for.
type page struct {
	size   int // entities
	number int // from 1
	path   string
	query  url.Values
}

// page takes pageSize and pageNumber. What is wrong with them is q.err.
func (q *query) page(r *http.Request) page { return q.pageOf(r, defaultPageSize, maxPageSize) }

// pageOf is page with sizes of its own.
func (q *query) pageOf(r *http.Request, usual, largest int) page {
	return page{
		size:   q.number("pageSize", usual, 1, largest),
		number: q.number("pageNumber", 1, 1, maxPageNumber),
		path:   r.URL.Path,
		query:  q.values,
	}
}

// readPage gives the page that a request asks for, where that is all it may ask.
func readPage(r *http.Request) (page, error) {
	q, err := readQuery(r)
	if err != nil {
		return page{}, err
	}
	p := q.page(r)
	return p, q.err
}

// shorten makes the page one that found fills, if that ends early since its entries are
// large, and gives those that are on it. Its size divides the number of those before it, so
// that the addresses of the other pages lead to all others. The first page has none before
// it: a power of two leaves the pages behind it most ways to be shorter still.
func shorten[T any](p *page, found []T, total int) []T {
	n, before := len(found), p.offset()
	switch {
	case n == 0 || n >= min(p.size, total-before):
		return found
	case before == 0:
		n = 1 << (bits.Len(uint(n)) - 1)
	}
	for before%n != 0 {
		n--
	}
	p.number, p.size = before/n+1, n
	return found[:n]
}

// offset is how many entities come before the page.
func (p page) offset() int { return (p.number - 1) * p.size }

// uri is the address of another page of the same list, with the request's other
// parameters.
func (p page) uri(number int) string {
	query := make(url.Values, len(p.query)+2)
	maps.Copy(query, p.query)
	query.Set("pageSize", strconv.Itoa(p.size))
	query.Set("pageNumber", strconv.Itoa(number))
	return p.path + "?" + query.Encode()
}

// listing is the platform's EntityListing.
type listing[T any] struct {
	Entities    []T    `json:"entities"`
	PageSize    int    `json:"pageSize"`
	PageNumber  int    `json:"pageNumber"`
	Total       int    `json:"total"`
	FirstURI    string `json:"firstUri"`
	PreviousURI string `json:"previousUri,omitempty"`
	NextURI     string `json:"nextUri,omitempty"`
	LastURI     string `json:"lastUri"`
	SelfURI     string `json:"selfUri"`
	PageCount   int    `json:"pageCount"`
}

// writeListing answers with one page of a list of so many entities in total.
func writeListing[T any](w http.ResponseWriter, p page, total int, entities []T) error {
	if entities == nil {
		entities = []T{}
	}
	count := (total + p.size - 1) / p.size
	last := max(count, 1)
	l := listing[T]{
		Entities: entities, PageSize: p.size, PageNumber: p.number, Total: total, PageCount: count,
		FirstURI: p.uri(1), LastURI: p.uri(last), SelfURI: p.uri(p.number),
	}
	if p.number > 1 {
		l.PreviousURI = p.uri(min(p.number-1, last))
	}
	if p.number < count {
		l.NextURI = p.uri(p.number + 1)
	}
	return write(w, l)
}
