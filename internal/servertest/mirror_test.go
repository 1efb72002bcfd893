package servertest_test

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/servertest"
)

// address is one e-mail as it is answered.
func address(value, kind string, primary bool) map[string]any {
	a := map[string]any{"value": value, "type": kind}
	if primary {
		a["primary"] = true
	}
	return a
}

// TestMirrorOfUserName: the userName is shown as an address and found, and nothing that
// is written has to do with it (BEHAVIOUR 29).
func TestMirrorOfUserName(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	const ada, work = "ada@example.org", "ada@work.example"
	mirror, alone := address(ada, "other", false), address(ada, "other", true)
	own := address(work, "work", true)
	set := func(path string, value any) map[string]any {
		return map[string]any{"op": "replace", "path": path, "value": value}
	}
	tests := []struct {
		name   string
		emails []any // of the user before
		op     map[string]any
		want   []any
	}{
		{"nothing", nil, set("title", "x"), []any{alone}},
		{"what was read comes back with a primary address", nil, set("emails", []any{alone, own}), []any{own, mirror}},
		{"it comes back without a path", nil, map[string]any{"op": "add", "value": map[string]any{"emails": []any{alone, own}}}, []any{own, mirror}},
		{"it comes back and takes nothing from the primary address", []any{own}, map[string]any{"op": "add", "path": "emails", "value": []any{alone}}, []any{own, mirror}},
		{"a path writes its own value to it", []any{own}, set(`emails[type eq "other"].value`, ada), []any{own, mirror}},
		{"a path does not select it", []any{own}, set(`emails[type eq "other"].value`, "x@example.org"), []any{own, address("x@example.org", "other", false), mirror}},
		{"a path by its value does not select it", []any{own}, map[string]any{"op": "remove", "path": `emails[value eq "` + ada + `"]`}, []any{own, mirror}},
		{"all are removed but it", []any{own}, map[string]any{"op": "remove", "path": "emails"}, []any{alone}},
		{"all are changed but it", []any{own}, set("emails.display", "Mail"), []any{
			map[string]any{"value": work, "type": "work", "primary": true, "display": "Mail"}, mirror,
		}},
		{"an equal address takes its place", nil, set(`emails[type eq "work"].value`, "ADA@example.org"), []any{address("ADA@example.org", "work", false)}},
		{"a new name", []any{own}, set("userName", "ada.king@example.org"), []any{own, address("ada.king@example.org", "other", false)}},
		{"a new name that is no address", []any{own}, set("userName", "ada"), []any{own}},
		{"no primary address yet", nil, set("emails[primary eq true].value", work), []any{own, mirror}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o := server.NewOrg(t)
			path := "/Users/" + o.Do(t, "POST", "/Users", map[string]any{"userName": ada, "emails": test.emails}).Want(t, 201).ID(t)
			answer := o.Do(t, "PATCH", path, servertest.Patch(test.op)).Want(t, 200)
			if diff := cmp.Diff(any(test.want), answer.Object(t)["emails"]); diff != "" {
				t.Errorf("the PATCH (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(any(test.want), o.Do(t, "GET", path, nil).Want(t, 200).Object(t)["emails"]); diff != "" {
				t.Errorf("GET (-want +got):\n%s", diff)
			}
			for _, email := range test.want {
				finds(t, o, fmt.Sprintf("emails.value eq %q", email.(map[string]any)["value"]), 1)
			}
			version := answer.Header.Get("ETag")
			sent := answer.Object(t)
			if again := o.Do(t, "PUT", path, sent).Want(t, 200).Header.Get("ETag"); again != version {
				t.Errorf("a PUT of what was read moves the version from %s to %s", version, again)
			}
			err := server.Store.Verify(t.Context(), o.ID, schema.DefaultTypes, func(difference string) { t.Error(difference) })
			if err == nil {
				err = server.Store.VerifyLog(t.Context(), o.ID, func(difference string) { t.Error(difference) })
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// TestMirrorOfUserName_Strict: the standard knows of none.
func TestMirrorOfUserName_Strict(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.New(t), true)
	path := "/Users/" + w.newUser(t, "ada@example.org", "Ada")
	if emails := w.Do(t, "GET", path, nil).Object(t)["emails"]; emails != nil {
		t.Errorf("the emails are %v", emails)
	}
	finds(t, w.Org, "emails pr", 0)
	want := []any{address("ada@example.org", "other", true)}
	w.Do(t, "PATCH", path, servertest.Patch(map[string]any{"op": "add", "path": "emails", "value": want})).Want(t, 200)
	if diff := cmp.Diff(any(want), w.Do(t, "GET", path, nil).Object(t)["emails"]); diff != "" {
		t.Error(diff)
	}
	finds(t, w.Org, `emails[type eq "other"]`, 1)
	w.Do(t, "PATCH", path, servertest.Patch(map[string]any{"op": "remove", "path": `emails[type eq "other"]`})).Want(t, 200)
	finds(t, w.Org, "emails pr", 0)
	w.Do(t, "PATCH", path, servertest.Patch(map[string]any{"op": "replace", "path": "emails[primary eq true].value", "value": "x@example.org"})).
		Refused(t, 400, "noTarget")
}

func finds(t *testing.T, o *servertest.Org, filter string, want int) {
	t.Helper()
	if list := o.Do(t, "GET", "/Users?filter="+url.QueryEscape(filter), nil).List(t); list.TotalResults != want {
		t.Errorf("%s finds %d users, want %d", filter, list.TotalResults, want)
	}
}
