package servertest_test

import (
	"testing"

	"github.com/purescim/purescim/internal/servertest"
)

// A client that has lost what it means sends blanks. It does not mean everybody, nor
// nobody (BEHAVIOUR 53, 71).
func TestBlanks_EmptyNoGroup(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	group := "/Groups/" + o.NewGroup(t, "Looms", o.NewUser(t, "ada"), o.NewUser(t, "bob"))
	for _, blank := range []any{"", " ", []any{nil}, []any{""}, []any{" ", nil}, map[string]any{}, []any{map[string]any{}}, servertest.Values("")} {
		o.Do(t, "PUT", group, map[string]any{"displayName": "Looms", "members": blank}).Refused(t, 400, "invalidValue")
		for _, op := range []string{"add", "replace", "remove"} {
			o.Do(t, "PATCH", group, servertest.Patch(map[string]any{"op": op, "path": "members", "value": blank})).Refused(t, 400, "invalidValue")
		}
		o.Do(t, "PATCH", group, servertest.Patch(map[string]any{"op": "replace", "value": map[string]any{"members": blank}})).Refused(t, 400, "invalidValue")
	}
	if members := elements(o.Do(t, "GET", group, nil).Object(t)["members"]); len(members) != 2 {
		t.Errorf("%d members are left", len(members))
	}
	for _, none := range []any{nil, []any{}} {
		o.Do(t, "PUT", group, map[string]any{"displayName": "Looms", "members": none}).Want(t, 200)
	}
}

// What a removal lists is selected by what it says: an address without a type by its text
// alone.
func TestRemovalOfValues(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	id := o.NewUser(t, "ada")
	emails := []any{map[string]any{"value": "w@example.org", "type": "work"}, map[string]any{"value": "h@example.org", "type": "home"}}
	for _, test := range []struct {
		value any
		left  int // -1: refused
	}{
		{"h@example.org", 1},
		{[]any{"H@example.org", "w@example.org"}, 0},
		{`["h@example.org"]`, 1},
		{[]any{map[string]any{"value": "h@example.org"}}, 1},
		{[]any{map[string]any{"type": "home"}}, 1},
		{"x@example.org", 2},
		{[]any{}, 2},
		{"", -1},
		{" ", -1},
		{[]any{nil, ""}, -1},
		{nil, 0},
	} {
		o.Do(t, "PUT", "/Users/"+id, map[string]any{"userName": "ada", "emails": emails}).Want(t, 200)
		answer := o.Do(t, "PATCH", "/Users/"+id, servertest.Patch(map[string]any{"op": "remove", "path": "emails", "value": test.value}))
		if test.left < 0 {
			answer.Refused(t, 400, "invalidValue")
			continue
		}
		if left := elements(answer.Want(t, 200).Object(t)["emails"]); len(left) != test.left {
			t.Errorf("the removal of %v leaves %v", test.value, left)
		}
	}
}
