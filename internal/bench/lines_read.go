package bench

import (
	"fmt"
	"net/http"
	"net/url"
)

// Reads visit the users in strides, so that neighbours are not read together.
const stride = 7919

// What reads should cost, in what the floor costs.
const (
	readAtMost    = 1.35
	groupedAtMost = 1.5
)

func (p plan) getByID() line {
	return line{
		name:   "GET by id",
		server: get(func(i int) string { return "/Users/" + pick(p.lonely(), i*stride) }),
		beside: []beside{floor("the document", readAtMost, get(func(i int) string { return "/users/" + pick(p.lonely(), i*stride) }))},
	}
}

func (p plan) getInGroups() line {
	return line{
		name:    "GET by id, in groups",
		missing: p.noGroups(),
		server:  get(func(i int) string { return "/Users/" + pick(p.grouped(), i*stride) }),
		beside: []beside{floor("with the groups", groupedAtMost, get(func(i int) string {
			return "/grouped-users/" + pick(p.grouped(), i*stride)
		}))},
	}
}

// find looks one user up, whom the first answer must hold.
func (p plan) find(first, end int, filter func(user int) string) requests {
	return requests{request: func(i int) request {
		user := first + i*stride%(end-first)
		r := request{method: http.MethodGet, path: "/Users?filter=" + url.PathEscape(filter(user))}
		if i == 0 {
			r.contains = p.Users[user]
		}
		return r
	}}
}

// findLonely is a look-up of users in no group, on the server and on the floor.
func (p plan) findLonely(name, path string, filter, key func(user int) string) line {
	first, end := len(p.Users)-len(p.lonely()), len(p.Users)
	return line{
		name:    name,
		missing: p.noFilter(),
		server:  p.find(first, end, filter),
		beside: []beside{floor("the document", readAtMost, get(func(i int) string {
			return path + url.PathEscape(key(first+i*stride%(end-first)))
		}))},
	}
}

func (p plan) byName(user int) string { return `userName eq "` + p.UserName(user) + `"` }

func (p plan) findByName() line {
	return p.findLonely("filter userName eq", "/names/", p.byName, p.UserName)
}

func (p plan) findByEmail() line {
	return p.findLonely("filter emails.value eq", "/emails/",
		func(user int) string { return `emails.value eq "` + p.UserName(user) + `"` }, p.UserName)
}

func (p plan) findByExternalID() line {
	key := func(user int) string { return externalID(p.Prefix+"user", user) }
	return p.findLonely("filter externalId eq", "/external-ids/",
		func(user int) string { return `externalId eq "` + key(user) + `"` }, key)
}

func (p plan) findInGroups() line {
	first := len(p.Users) * 2 / 5
	end := first + len(p.grouped())
	l := line{name: "filter userName eq, in groups", server: p.find(first, end, p.byName), missing: p.noFilter()}
	if l.missing == "" {
		l.missing = p.noGroups()
	}
	l.beside = []beside{floor("with the groups", groupedAtMost, get(func(i int) string {
		return "/grouped-names/" + p.UserName(first+i*stride%(end-first))
	}))}
	return l
}

const scanSeconds = 2

// scan is a filter that no index helps, and that no user matches: all are read. One
// client asks for it.
func (p plan) scan() line {
	l := line{
		name:    "filter title co, scanning all users",
		missing: p.noFilter(),
		server: get(func(i int) string {
			return "/Users?filter=" + url.PathEscape(fmt.Sprintf(`title co "nobody %d"`, i))
		}),
		limits: []bound{{"seconds, half of the answers", func(f Figures) *float64 { s := f.P50 / 1000; return &s }, target{atMost: scanSeconds}}},
	}
	l.server.clients = 1
	return l
}
