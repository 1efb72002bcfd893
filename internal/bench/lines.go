package bench

import "net/http"

// line is one kind of request, and what it is compared with.
type line struct {
	name    string
	missing string // why it is left out
	server  requests
	beside  []beside
	limits  []bound
}

// beside is what a line is compared with: on the floor, or on the server itself.
type beside struct {
	name     string
	onServer bool
	requests
	target target
}

// bound is a target of the server's figures alone.
type bound struct {
	what   string
	value  func(Figures) *float64
	target target
}

// plan is what the lines are made of.
type plan struct {
	Data
	offered features
}

// lines are all kinds of requests: those that only read first, those that add last, so
// that each finds the data that was loaded.
func lines(d Data, offered features) []line {
	p := plan{d, offered}
	return []line{
		p.getByID(), p.getInGroups(),
		p.findByName(), p.findInGroups(), p.findByEmail(), p.findByExternalID(),
		p.listAtStart(), p.listInMiddle(), p.listAtEnd(), p.listAnywhere(), p.listByCursor(), p.listSorted(), p.scan(),
		p.patch(), p.findAndPatch(), p.put(),
		p.memberOfSmall(), p.memberOfBig(), p.memberOfOne(), p.thousandMembers(),
		p.create(), p.bulk(),
	}
}

// Why lines are left out.
func (p plan) noFilter() string { return unless(p.offered.Filter.Supported, "filters") }
func (p plan) noPatch() string  { return unless(p.offered.Patch.Supported, "PATCH") }

func (p plan) noGroups() string {
	if len(p.Groups) == 0 {
		return "the server did not let the benchmark make groups"
	}
	return ""
}

func get(path func(i int) string) requests {
	return requests{request: func(i int) request {
		return request{method: http.MethodGet, path: path(i)}
	}}
}

// floor compares the CPU time with that of the floor.
func floor(what string, atMost float64, r requests) beside {
	return beside{name: "floor: " + what, requests: r, target: target{atMost: atMost}}
}

// onlyReads reports whether the line leaves everything as it was, and so may be run again.
func (l line) onlyReads() bool {
	r := l.server.request(0)
	return r.method == http.MethodGet && r.then == nil
}

// besides are those that there is something to compare with.
func (l line) besides(alone bool) []beside {
	var found []beside
	for _, b := range l.beside {
		if b.onServer || !alone {
			found = append(found, b)
		}
	}
	return found
}
