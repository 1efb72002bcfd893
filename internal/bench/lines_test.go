package bench

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func made(users int) Data {
	var d Data
	for i := range users {
		d.Users = append(d.Users, fmt.Sprintf("user-%06d", i))
	}
	for i := range smallGroups(users) {
		d.Groups = append(d.Groups, fmt.Sprintf("group-%06d", i))
	}
	return d
}

func TestAddMember_AddsNobodyTwice(t *testing.T) {
	t.Parallel()
	d := made(MinUsers)
	added := map[string]bool{}
	for g, group := range d.Groups {
		for _, user := range d.members(g) {
			added["/groups/"+group+"/members/"+user] = true // as it was loaded
		}
	}
	l := d.addMember()
	for i := range l.floor.limit {
		path := l.floor.request(i).path
		if added[path] {
			t.Fatalf("request %d adds again: %s", i, path)
		}
		added[path] = true
		group, user := strings.Split(path, "/")[2], strings.Split(path, "/")[4]
		if r := l.server.request(i); !strings.HasSuffix(r.path, group) || !strings.Contains(r.body, user) {
			t.Fatalf("request %d asks the server for %s %s and the floor for %s", i, r.path, r.body, path)
		}
	}
}

func TestListAtEnd_ReadsInTurnAndThenTheLastPages(t *testing.T) {
	t.Parallel()
	d := made(1500) // 15 pages
	l := d.listAtEnd()
	for i, want := range map[int]int{0: 1, 1: 101, 14: 1401} {
		checkPage(t, d, l, i, want)
	}
	for i := range 20 {
		turn := l.server.before + i
		checkPage(t, d, l, turn, 501+100*(i%lastPages))
	}
}

// checkPage checks that request i reads the page at start on both sides.
func checkPage(t *testing.T, d Data, l line, i, start int) {
	t.Helper()
	after := "/pages/" + nobody
	if start > 1 {
		after = "/pages/" + d.Users[start-2]
	}
	if got := l.server.request(i).path; got != page(start) {
		t.Errorf("request %d reads %s, want %s", i, got, page(start))
	}
	if got := l.floor.request(i).path; got != after {
		t.Errorf("request %d of the floor reads %s, want %s", i, got, after)
	}
}

func TestLines_SendJSON(t *testing.T) {
	t.Parallel()
	for _, l := range lines(made(MinUsers)) {
		for i := range 300 {
			for _, r := range []request{l.server.request(i), l.floor.request(i)} {
				if r.body != "" && !json.Valid([]byte(r.body)) {
					t.Fatalf("%s: request %d has a body that is not JSON: %s", l.name, i, r.body)
				}
			}
		}
	}
}
