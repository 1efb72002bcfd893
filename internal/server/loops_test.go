package server_test

import (
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/servertest"
)

// loop is what a client does again and again, as the status tells it.
type loop struct {
	Kind     string
	Target   struct{ Type, ID, Name string }
	Count    int
	Sentence string
}

type loopsStatus struct {
	Clients []struct {
		Name  string
		Loops []loop
	}
}

// loopsWhen waits until the status tells of so many loops in all, and gives them by the
// beginnings of their sentences.
func loopsWhen(t *testing.T, o *servertest.Org, counts map[string]int) {
	t.Helper()
	var told []loop
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the loops are %+v", told)
		}
	})
	statusWhen(t, o, func(status) bool {
		var s loopsStatus
		o.Do(t, "GET", statusPath, nil).Want(t, 200).Decode(t, &s)
		told = nil
		n := 0
		for _, c := range s.Clients {
			for _, l := range c.Loops {
				told = append(told, l)
				for begin, count := range counts {
					if strings.HasPrefix(l.Sentence, begin) && l.Count == count {
						n++
					}
				}
			}
		}
		return n == len(counts) && len(told) == n
	})
}

// A client that sends the same in vain, or flips a value, is listed with what keeps it
// busy, whichever server it asks.
func TestStatus_ListsLoops(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t, func(s *org.Settings) { s.LoopLimit = 5 })
	entra, _ := named(t, o, "Entra")
	user := func(name string) string {
		return entra.Do(t, "POST", "/Users", map[string]any{
			"userName": name, "displayName": name, "title": "Cook",
			"phoneNumbers": []any{map[string]any{"type": "work", "value": "+1 317 555 0100"}},
		}).Want(t, 201).Object(t)["id"].(string)
	}
	patch := func(id, path string, value any) {
		entra.Do(t, "PATCH", "/Users/"+id, map[string]any{"Operations": []any{map[string]any{"op": "replace", "path": path, "value": value}}}).Want(t, 200)
	}
	busy, flipping, calm := user("busy@example.org"), user("flip@example.org"), user("calm@example.org")
	group := o.Do(t, "POST", "/api/v2/groups", map[string]any{"name": "Cooks", "type": "official", "rulesVisible": true, "visibility": "public"}).Want(t, 200).Object(t)["id"].(string)
	member := func(op, id string) {
		entra.Do(t, "PATCH", "/Groups/"+group, map[string]any{"Operations": []any{map[string]any{
			"op": op, "path": `members[value eq "` + id + `"]`,
		}}})
	}
	add := func(id string) {
		entra.Do(t, "PATCH", "/Groups/"+group, map[string]any{"Operations": []any{map[string]any{
			"op": "add", "path": "members", "value": []any{map[string]any{"value": id}},
		}}})
	}
	for i := range 8 {
		patch(busy, `phoneNumbers[type eq "work"].value`, "+1 (317) 555-0100")
		patch(flipping, "title", []string{"Waiter", "Cook"}[i%2])
		patch(flipping, "password", "Planted-Secret-Zq7!"+strings.Repeat("x", i))
		if add(busy); i < 4 {
			patch(calm, "title", "Cook")
		}
		member("remove", busy)
	}
	loopsWhen(t, o, map[string]int{
		`Entra asked 8 times within a day for what busy@example.org is already: phoneNumbers[type eq "work"].value is sent as "+1 (317) 555-0100" and kept as "+13175550100".`: 8,
		`Entra changed title of flip@example.org 8 times within a day, to and fro between `:                                                                                    8,
		`Entra changed members[value eq "` + busy + `"] of group Cooks 16 times within a day, to and fro.`:                                                                     16,
	})
	o.Do(t, "POST", "/api/v2/users/"+busy+"/erase", nil).Want(t, 204)
	statusWhen(t, o, func(status) bool {
		var s loopsStatus
		o.Do(t, "GET", statusPath, nil).Want(t, 200).Decode(t, &s)
		for _, c := range s.Clients {
			for _, l := range c.Loops {
				if l.Target.ID == busy || strings.Contains(l.Sentence, "555") {
					return false
				}
			}
		}
		return true
	})
}
