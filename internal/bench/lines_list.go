package bench

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
)

const (
	pageSize = 100
	// Pages on the way to those that are measured are as large as servers let them be.
	walkSize  = 1000
	lastPages = 10

	listAtMost = 1.3
)

func page(start, count int) string {
	return "/Users?startIndex=" + strconv.Itoa(start) + "&count=" + strconv.Itoa(count)
}

// nobody is before all ids.
const nobody = "00000000-0000-0000-0000-000000000000"

func (p plan) pages() int { return len(p.Users) / pageSize }

// after is the last id before a page, the first of which is 0.
func (p plan) after(page int) string {
	if page == 0 {
		return nobody
	}
	return p.Users[pageSize*page-1]
}

func (p plan) listAtStart() line {
	return line{
		name:   "list of 100 at the start",
		server: get(func(int) string { return page(1, pageSize) }),
		beside: p.rowFloors(0, 1),
	}
}

// listInMiddle reads pages of users who are in groups, which the floor reads too.
func (p plan) listInMiddle() line {
	first := (len(p.Users)*2/5 + pageSize - 1) / pageSize
	end := first + min(lastPages, len(p.grouped())/pageSize)
	l := p.list("list of 100 in the middle, in groups", first, end)
	l.beside = []beside{p.listFloor("with the groups", listAtMost, "/grouped-pages/", first, end)}
	l.missing = p.noGroups()
	return l
}

func (p plan) listAtEnd() line {
	pages := p.pages()
	return p.list("list of 100 at the end", pages-min(lastPages, pages), pages)
}

// list reads the pages from first to before end, after all users up to them: an identity
// system that imports does not begin in the middle.
func (p plan) list(name string, first, end int) line {
	way := (first*pageSize + walkSize - 1) / walkSize // requests until then
	l := line{
		name: name,
		server: get(func(i int) string {
			if i < way {
				return page(1+i*walkSize, min(walkSize, first*pageSize-i*walkSize))
			}
			return page(1+pageSize*(first+(i-way)%(end-first)), pageSize)
		}),
		beside: p.rowFloors(first, end),
	}
	l.server.before = way + end - first
	return l
}

// rowFloors read the documents alone, for information, and all that an answer is made of.
func (p plan) rowFloors(first, end int) []beside {
	return []beside{
		p.listFloor("the documents", 0, "/pages/", first, end),
		p.listFloor("the rows", listAtMost, "/whole-pages/", first, end),
	}
}

func (p plan) listFloor(what string, atMost float64, path string, first, end int) beside {
	return floor(what, atMost, get(func(i int) string { return path + p.after(first+i%(end-first)) }))
}

// listAnywhere reads pages that nobody has come near, as a person does who jumps.
func (p plan) listAnywhere() line {
	place := func(i int) int { return i * stride % (p.pages() - 1) }
	return line{
		name:   "list of 100 anywhere, jumped to",
		server: get(func(i int) string { return page(1+pageSize*place(i)+pageSize/2, pageSize) }),
		beside: []beside{floor("the documents, by their ids", 0, get(func(i int) string {
			return "/pages/" + p.Users[pageSize*place(i)+pageSize/2-1]
		}))},
	}
}

// listByCursor goes through all pages (RFC 9865) and then reads the last again.
func (p plan) listByCursor() line {
	end := p.pages()
	first := end - min(lastPages, end)
	cursors := make([]string, end+1) // of each page; that of the first is empty
	l := line{
		name:    "list of 100 by cursor, at the end",
		missing: unless(p.offered.Pagination.Cursor, "cursors"),
		server: get(func(i int) string {
			if i >= end {
				i = first + (i-end)%(end-first)
			}
			return "/Users?count=" + strconv.Itoa(pageSize) + "&cursor=" + url.QueryEscape(cursors[i])
		}),
		beside: p.rowFloors(first, end),
	}
	l.server.before = end
	l.server.answered = func(i int, body []byte) {
		var list struct{ NextCursor string }
		if json.Unmarshal(body, &list) == nil && i < end {
			cursors[i+1] = list.NextCursor
		}
	}
	return l
}

func (p plan) listSorted() line {
	return line{
		name:    "list of 100 sorted by userName",
		missing: unless(p.offered.Sort.Supported, "sorting"),
		server:  get(func(int) string { return page(1, pageSize) + "&sortBy=userName" }),
		beside: []beside{floor("the rows", listAtMost, requests{request: func(int) request {
			return request{method: http.MethodGet, path: "/sorted-pages/-"}
		}})},
	}
}
