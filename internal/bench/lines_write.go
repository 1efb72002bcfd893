package bench

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// What writes should cost, in what the floor costs.
const (
	changeAtMost = 1.6
	createAtMost = 1.5
)

// outside gives the i-th of the users who are in no group: first all of those who were
// not read yet, and none again until all were visited.
func (p plan) outside(i int) (user int) {
	resting := len(p.resting())
	if i %= resting + len(p.lonely()); i >= resting {
		i += len(p.grouped())
	}
	return i
}

// onOutside are requests about users outside in turn.
func (p plan) onOutside(method, path string, body func(user, i int) string) requests {
	return requests{request: func(i int) request {
		user := p.outside(i)
		return request{method: method, path: path + p.Users[user], body: body(user, i)}
	}}
}

func titled(_, i int) string { return patchTitle(i) }

// changeFloors are those of a change: the write of the user alone; and after the read that
// it needs, with the rows of modifications and of the log.
func (p plan) changeFloors(method string, body func(user, i int) string) []beside {
	return []beside{
		floor("the update", changeAtMost, p.onOutside(method, "/users/", body)),
		floor("read, then update", changeAtMost, p.onOutside(method, "/read-users/", body)),
	}
}

func (p plan) patch() line {
	return line{
		name:    "PATCH title, of users not read before",
		missing: p.noPatch(),
		server:  p.onOutside(http.MethodPatch, "/Users/", titled),
		beside:  p.changeFloors(http.MethodPatch, titled),
	}
}

// findAndPatch is what Entra and Okta do: who is changed was looked up just before.
func (p plan) findAndPatch() line {
	both := func(find func(user int) string, change requests) requests {
		return requests{request: func(i int) request {
			then := change.request(i)
			return request{method: http.MethodGet, path: find(p.outside(i)), then: &then}
		}}
	}
	l := line{name: "look-up and PATCH title", missing: p.noFilter()}
	if l.missing == "" {
		l.missing = p.noPatch()
	}
	l.server = both(func(user int) string { return "/Users?filter=" + url.PathEscape(p.byName(user)) },
		p.onOutside(http.MethodPatch, "/Users/", titled))
	l.beside = []beside{floor("find, then update", changeAtMost, both(
		func(user int) string { return "/names/" + p.UserName(user) }, p.onOutside(http.MethodPatch, "/users/", titled)))}
	return l
}

func (p plan) put() line {
	whole := func(user, i int) string { return userBody(p.Prefix+"user", user, "Director "+strconv.Itoa(i)) }
	return line{
		name:   "PUT user, of users not read before",
		server: p.onOutside(http.MethodPut, "/Users/", whole),
		beside: p.changeFloors(http.MethodPut, whole),
	}
}

func (p plan) create() line {
	post := func(path func(i int) string) requests {
		return requests{request: func(i int) request {
			return request{method: http.MethodPost, path: path(i), body: p.userBody("post", i)}
		}}
	}
	numbered := func(path string) requests { return post(func(i int) string { return path + strconv.Itoa(i) }) }
	return line{
		name:   "POST user",
		server: post(func(int) string { return "/Users" }),
		beside: []beside{
			floor("the bare row", 0, numbered("/rows/")),
			floor("the row, its keys and the count", createAtMost, numbered("/users/")),
		},
	}
}

const bulkUsers = 1000

// bulk creates 1,000 users in one request, or as many as the server takes; fewer where
// there are few users, of whom it would make too many.
func (p plan) bulk() line {
	const share = 10
	n := min(bulkUsers, len(p.Users)/share)
	if most := p.offered.Bulk.MaxOperations; most > 0 {
		n = min(n, most)
	}
	l := line{
		name:    "Bulk of " + strconv.Itoa(n) + " creates",
		missing: unless(p.offered.Bulk.Supported, "Bulk"),
		server: requests{request: func(i int) request {
			return request{method: http.MethodPost, path: "/Bulk", body: p.bulkBody(i*n, n)}
		}},
		limits: []bound{each(n, "user", 0)},
	}
	l.server.clients = 2
	return l
}

func (p plan) bulkBody(first, n int) string {
	var b strings.Builder
	b.WriteString(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[`)
	for i := first; i < first+n; i++ {
		if i > first {
			b.WriteByte(',')
		}

		b.WriteString(`{"method":"POST","path":"/Users","bulkId":"u` + strconv.Itoa(i) + `","data":` + p.userBody("bulk", i) + `}`)
	}
	b.WriteString(`]}`)
	return b.String()
}

// each is what one of n things in a request costs.
func each(n int, thing string, atMost float64) bound {
	return bound{"CPU us a " + thing, func(f Figures) *float64 {
		if f.CPU == nil || n == 0 {
			return nil
		}
		us := *f.CPU / float64(n)
		return &us
	}, target{atMost: atMost}}
}
