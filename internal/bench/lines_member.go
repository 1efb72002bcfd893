package bench

import (
	"net/http"
	"strings"
)

const (
	memberAtMost    = 1.5
	sameAtMost      = 1.1 // a large group in a small one
	togetherAtLeast = 0.6 // the rate on one group in that on many
	eachAtMost      = 30  // microseconds a member

	// memberLag is how many are added before the first is removed: no client removes
	// who is being added by another.
	memberLag = 64
)

// withoutMembers leaves the members out of the answer, so that those of large and small
// groups are alike: a group is answered with its members up to a size.
const withoutMembers = "?excludedAttributes=members"

// comeAndGo adds one user to a group with an even request, and removes the one whom an
// earlier request added with an odd one: groups keep their size.
func (p plan) comeAndGo(group func(pair int) string, ask func(group, user string, add bool) request) requests {
	return requests{
		before: 2*memberLag + 2, // until the first who was added has been removed
		request: func(i int) request {
			pair, add := i/2, i%2 == 0
			if !add {
				pair = max(pair-memberLag, 0)
			}
			return ask(group(pair), pick(p.lonely(), pair), add)
		},
	}
}

func onServer(group, user string, add bool) request {
	r := request{method: http.MethodPatch, path: "/Groups/" + group + withoutMembers, body: addMembers(user)}
	if !add {
		r.body = removeMembers(user)
	}
	return r
}

func onFloor(group, user string, add bool) request {
	r := request{method: http.MethodPost, path: "/groups/" + group + "/members/" + user, body: addMembers(user)}
	if !add {
		r.method = http.MethodDelete
	}
	return r
}

func (p plan) small(pair int) string { return pick(p.Groups, pair) }

func (p plan) big(int) string { return p.Big }

func (p plan) noMembers() string {
	if missing := p.noPatch(); missing != "" {
		return missing
	}
	return p.noGroups()
}

func (p plan) memberOfSmall() line {
	return line{
		name:    "add or remove 1 member, groups of 10",
		missing: p.noMembers(),
		server:  p.comeAndGo(p.small, onServer),
		beside:  []beside{floor("the same bare", memberAtMost, p.comeAndGo(p.small, onFloor))},
	}
}

// memberOfBig is asked by one client, so that nobody waits for the group.
func (p plan) memberOfBig() line {
	l := line{
		name:    "add or remove 1 member, the big group",
		missing: p.noMembers(),
		server:  p.comeAndGo(p.big, onServer),
		beside: []beside{
			floor("the same bare", memberAtMost, p.comeAndGo(p.big, onFloor)),
			{name: "the server, groups of 10", onServer: true, requests: p.comeAndGo(p.small, onServer), target: target{atMost: sameAtMost}},
		},
	}
	l.server.clients = 1
	for i := range l.beside {
		l.beside[i].clients = 1
	}
	return l
}

// memberOfOne is what all clients reach together on one group.
func (p plan) memberOfOne() line {
	return line{
		name:    "add or remove 1 member, all on one group",
		missing: p.noMembers(),
		server:  p.comeAndGo(p.big, onServer),
		beside: []beside{{
			name: "the server, on many groups", onServer: true, requests: p.comeAndGo(p.small, onServer),
			target: target{atLeast: togetherAtLeast, rate: true},
		}},
	}
}

// thousandMembers adds 1,000 members with one PATCH and removes them with the next.
func (p plan) thousandMembers() line {
	const most = 1000
	n := min(most, len(p.lonely()))
	some := func(i int) []string {
		first := i * n % (len(p.lonely()) - n + 1)
		return p.lonely()[first : first+n]
	}
	server := func(i int) request {
		path := "/Groups/" + p.small(i) + withoutMembers
		remove := request{method: http.MethodPatch, path: path, body: removeMembers(some(i)...)}
		return request{method: http.MethodPatch, path: path, body: addMembers(some(i)...), then: &remove}
	}
	bare := func(i int) request {
		path, ids := "/groups/"+p.small(i)+"/members", strings.Join(some(i), "\n")
		remove := request{method: http.MethodDelete, path: path, body: ids}
		return request{method: http.MethodPost, path: path, body: ids, then: &remove}
	}
	return line{
		name:    "add and remove 1000 members in 2 PATCHes",
		missing: p.noMembers(),
		server:  requests{request: server},
		beside:  []beside{floor("the same bare", 0, requests{request: bare})},
		limits:  []bound{each(2*n, "member", eachAtMost)},
	}
}
