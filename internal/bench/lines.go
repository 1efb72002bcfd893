package bench

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// line is one kind of request, and how the two sides are asked for it.
type line struct {
	name          string
	atMost        float64 // CPU time of the server, in that of the floor
	server, floor requests
}

const (
	scimPath = "/api/v2/scim/v2"
	pageSize = 100

	// Reads visit the users in strides, so that neighbours are not read together.
	stride = 7919

	lastPages = 10
)

// lines are all kinds of requests: those that only read first, those that add last, so
// that each finds the data that was loaded.
func lines(d Data) []line {
	return []line{
		{
			name: "GET by id", atMost: 1.8,
			server: get(func(i int) string { return scimPath + "/Users/" + pick(d.lonely(), i*stride) }),
			floor:  get(func(i int) string { return "/users/" + pick(d.lonely(), i*stride) }),
		},
		{
			name: "GET by id, in groups", atMost: 1.8,
			server: get(func(i int) string { return scimPath + "/Users/" + pick(d.grouped(), i*stride) }),
			floor:  get(func(i int) string { return "/grouped-users/" + pick(d.grouped(), i*stride) }),
		},
		{
			name: "filter userName eq", atMost: 1.8,
			server: get(func(i int) string {
				return scimPath + "/Users?filter=" + url.PathEscape(`userName eq "`+d.userName(i*stride)+`"`)
			}),
			floor: get(func(i int) string { return "/names/" + d.userName(i*stride) }),
		},
		{
			name: "list of 100 at the start", atMost: 1.5,
			server: get(func(int) string { return page(1) }),
			floor:  get(func(int) string { return "/pages/" + nobody }),
		},
		d.listInGroups(),
		d.listAtEnd(),
		d.patchTitle(),
		d.addMember(),
		d.create(),
	}
}

func get(path func(i int) string) requests {
	return requests{status: http.StatusOK, request: func(i int) request {
		return request{method: http.MethodGet, path: path(i)}
	}}
}

func page(start int) string {
	return scimPath + "/Users?startIndex=" + strconv.Itoa(start) + "&count=" + strconv.Itoa(pageSize)
}

// nobody is before all ids.
const nobody = "00000000-0000-0000-0000-000000000000"

// listAtEnd reads the last pages.
func (d Data) listAtEnd() line {
	pages := len(d.Users) / pageSize
	return d.list("list of 100 at the end", "/pages/", pages-min(lastPages, pages), pages)
}

// listInGroups reads pages of users who are in groups, which the floor reads too.
func (d Data) listInGroups() line {
	first := (len(d.Users)*2/5 + pageSize - 1) / pageSize
	return d.list("list of 100, in groups", "/grouped-pages/", first, first+min(lastPages, len(d.grouped())/pageSize))
}

// list reads the pages from first to before end, after all pages up to them in turn:
// an identity system that imports does not begin in the middle.
func (d Data) list(name, path string, first, end int) line {
	place := func(i int) int { // the page that request i reads
		if i < end {
			return i
		}
		return first + (i-end)%(end-first)
	}
	l := line{
		name: name, atMost: 1.5,
		server: get(func(i int) string { return page(1 + pageSize*place(i)) }),
		floor: get(func(i int) string {
			if place(i) == 0 {
				return path + nobody
			}
			return path + d.Users[pageSize*place(i)-1]
		}),
	}
	l.server.before, l.floor.before = end, end
	return l
}

func (d Data) patchTitle() line {
	patch := func(path string) requests {
		return requests{status: http.StatusOK, request: func(i int) request {
			return request{method: http.MethodPatch, path: path + pick(d.lonely(), i), body: fmt.Sprintf(
				`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"title","value":"Analyst %d"}]}`, i)}
		}}
	}
	return line{name: "PATCH title", atMost: 1.8, server: patch(scimPath + "/Users/"), floor: patch("/users/")}
}

// addMember adds the users at odd places one by one to the small groups in turn, so that
// nobody is a member already.
func (d Data) addMember() line {
	odd := len(d.Users) / 2
	pair := func(i int) (group, user string) {
		g, round := i%len(d.Groups), i/len(d.Groups)
		return d.Groups[g], d.Users[2*((g+round)%odd)+1]
	}
	limit := len(d.Groups) * odd
	return line{
		name: "group member add", atMost: 1.8,
		server: requests{status: http.StatusOK, limit: limit, request: func(i int) request {
			group, user := pair(i)
			return request{method: http.MethodPatch, path: scimPath + "/Groups/" + group, body: addMembers(user)}
		}},
		floor: requests{status: http.StatusOK, limit: limit, request: func(i int) request {
			group, user := pair(i)
			return request{method: http.MethodPost, path: "/groups/" + group + "/members/" + user, body: addMembers(user)}
		}},
	}
}

func (d Data) create() line {
	first := len(d.Users)
	return line{
		name: "POST user", atMost: 1.8,
		server: requests{status: http.StatusCreated, request: func(i int) request {
			return request{method: http.MethodPost, path: scimPath + "/Users", body: userBody(first + i)}
		}},
		floor: requests{status: http.StatusCreated, request: func(i int) request {
			return request{method: http.MethodPost, path: "/users/" + strconv.Itoa(first+i), body: userBody(first + i)}
		}},
	}
}
