package bench

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// everything is what a server may offer at most.
func everything() features {
	var f features
	f.Patch.Supported, f.Filter.Supported, f.Sort.Supported, f.Bulk.Supported = true, true, true, true
	f.Bulk.MaxOperations = bulkUsers
	f.Pagination.Cursor = true
	return f
}

func made(users int) Data {
	d := Data{Big: "big"}
	for i := range users {
		d.Users = append(d.Users, fmt.Sprintf("user-%06d", i))
	}
	for i := range d.smallGroups() {
		d.Groups = append(d.Groups, fmt.Sprintf("group-%06d", i))
	}
	return d
}

// Each user of the middle fifth is in one small group, and nobody else is in any.
func TestData_PutsAFifthIntoGroups(t *testing.T) {
	t.Parallel()
	for _, users := range []int{MinUsers, 10_000} {
		d := made(users)
		small, all := map[string]int{}, map[string]bool{}
		for g := range d.GroupCount() {
			group := d.Group(g)
			for _, member := range group.Members {
				all[member] = true
				if group.ID != d.Big {
					small[member]++
				}
			}
		}
		shares := d.Shares()
		if len(all) != shares.InGroups || len(small) != shares.InGroups || shares.InGroups != users/5 || shares.BigGroup != users/5 {
			t.Errorf("%d users: %d in groups, %d in small ones; told is %+v", users, len(all), len(small), shares)
		}
		if most := slices.Max(slices.Collect(maps.Values(small))); most != 1 {
			t.Errorf("a user is in %d small groups", most)
		}
		for _, user := range slices.Concat(d.resting(), d.lonely()) {
			if all[user] {
				t.Fatalf("%s is in a group", user)
			}
		}
	}
}

func TestNewData_NumbersUsersInTheOrderOfTheirIDs(t *testing.T) {
	t.Parallel()
	d := NewData(5000)
	if !slices.IsSorted(d.Users) || len(d.Users) != 5000 || len(d.Groups) != 100 || d.Big == "" {
		t.Errorf("%d users, sorted: %t; %d groups", len(d.Users), slices.IsSorted(d.Users), len(d.Groups))
	}
}

// A member comes before it goes, and groups keep their size.
func TestMembers_ComeAndGo(t *testing.T) {
	t.Parallel()
	d := made(MinUsers)
	in := map[string]bool{}
	l := plan{d, everything()}.memberOfSmall()
	for i := range 50 * memberLag {
		server, bare := l.server.request(i), l.beside[0].request(i)
		_, path, _ := strings.Cut(bare.path, "/groups/")
		group, user, _ := strings.Cut(path, "/members/")
		if !strings.Contains(server.path, group) || !strings.Contains(server.body, user) {
			t.Fatalf("request %d asks the server for %s %s and the floor for %s", i, server.path, server.body, bare.path)
		}
		switch add := bare.method == "POST"; {
		case add != strings.Contains(server.body, `"op":"add"`):
			t.Fatalf("request %d is a %s for the floor, and %s for the server", i, bare.method, server.body)
		case add && in[path]:
			t.Fatalf("request %d adds again: %s", i, path)
		case !add && i >= l.server.before && !in[path]:
			t.Fatalf("request %d removes who is not there: %s", i, path)
		default:
			in[path] = add
		}
		members := 0
		for _, here := range in {
			if here {
				members++
			}
		}
		if members > memberLag+1 {
			t.Fatalf("%d members more than there were, after request %d", members, i)
		}
	}
}

func TestListAtEnd_ReadsInTurnAndThenTheLastPages(t *testing.T) {
	t.Parallel()
	d := made(3500)
	l := plan{d, everything()}.listAtEnd()
	for i, want := range map[int]string{0: page(1, 1000), 1: page(1001, 1000), 2: page(2001, 500), 3: page(2501, 100), 12: page(3401, 100)} {
		if got := l.server.request(i).path; got != want {
			t.Errorf("request %d reads %s, want %s", i, got, want)
		}
	}
	if l.server.before != 13 {
		t.Errorf("%d requests come before, want 13", l.server.before)
	}
	for i := range 20 {
		start := 2501 + 100*(i%lastPages)
		if got := l.server.request(l.server.before + i).path; got != page(start, 100) {
			t.Errorf("request %d reads %s, want the page at %d", i, got, start)
		}
		if got, want := l.beside[0].request(i).path, "/pages/"+d.Users[start-2]; got != want {
			t.Errorf("request %d of the floor reads %s, want %s", i, got, want)
		}
	}
}

func TestListByCursor_FollowsTheCursors(t *testing.T) {
	t.Parallel()
	l := plan{made(1500), everything()}.listByCursor()
	for i := range l.server.before {
		want := "/Users?count=100&cursor="
		if i > 0 {
			want += fmt.Sprintf("c%%2F%d", i)
		}
		if got := l.server.request(i).path; got != want {
			t.Fatalf("request %d reads %s, want %s", i, got, want)
		}
		l.server.answered(i, fmt.Appendf(nil, `{"nextCursor":"c/%d"}`, i+1))
	}
	if got := l.server.request(l.server.before + 11).path; got != "/Users?count=100&cursor=c%2F6" {
		t.Errorf("after the last page it reads %s", got)
	}
}

// Users who are changed were not read by the lines before, as long as there are any.
func TestPatch_BeginsWithUsersWhoRest(t *testing.T) {
	t.Parallel()
	d := made(MinUsers)
	p := plan{d, everything()}
	seen := map[int]bool{}
	for i := range len(d.resting()) + len(d.lonely()) {
		user := p.outside(i)
		if resting := user < len(d.resting()); resting != (i < len(d.resting())) || seen[user] {
			t.Fatalf("request %d is about user %d", i, user)
		}
		seen[user] = true
	}
	for _, l := range lines(d, everything()) {
		if l.server.request(0).method != "GET" || l.server.request(0).then != nil {
			break
		}
		for i := range 300 {
			if path := l.server.request(i).path; strings.HasPrefix(path, "/Users/") && slices.Contains(d.resting(), path[7:]) {
				t.Fatalf("%s reads a user who should rest: %s", l.name, path)
			}
		}
	}
}

func TestLines_SendJSON(t *testing.T) {
	t.Parallel()
	for _, l := range lines(made(MinUsers), everything()) {
		if l.missing != "" {
			t.Errorf("%s is left out: %s", l.name, l.missing)
		}
		for i := range 20 {
			for r := new(l.server.request(i)); r != nil; r = r.then {
				if r.body != "" && !json.Valid([]byte(r.body)) {
					t.Fatalf("%s: request %d has a body that is not JSON: %s", l.name, i, r.body)
				}
			}
		}
	}
}

func TestLines_AreLeftOutWithAReason(t *testing.T) {
	t.Parallel()
	d := made(MinUsers)
	d.Groups, d.Big = nil, ""
	var left []string
	for _, l := range lines(d, features{}) {
		if l.missing == "" {
			left = append(left, l.name)
		}
	}
	const want = "GET by id, list of 100 at the start, list of 100 at the end, list of 100 anywhere, jumped to, PUT user, of users not read before, POST user"
	if got := strings.Join(left, ", "); got != want {
		t.Errorf("a server that offers nothing is asked for\n%s, want\n%s", got, want)
	}
}
