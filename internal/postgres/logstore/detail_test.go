package logstore

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/provisioning"
)

// all is a detail that has everything.
func all() Detail {
	id, at := uuid.New(), time.Now().UTC()
	return Detail{
		Address: "192.0.2.1", System: provisioning.Entra, ScimType: "uniqueness", Changes: []provisioning.Change{
			{Attribute: "title", Before: "Chief \"<of>\" \u2028 staff", After: ""},
			{Attribute: "active", Before: true, After: false},
			{Attribute: "emails", After: []any{map[string]any{"value": "ada@example.org", "primary": true}}},
			{Attribute: "urn:example:2.0:User:level", Before: int64(1) << 60, After: 2.5},
			{Attribute: "password"},
		},
		Warnings: []string{"title: clipped"}, Before: json.RawMessage(`{"a":1}`), After: json.RawMessage(`{"b":[2]}`), Body: "{\x00}", Micros: 12,
		Erased: true, Undoes: id, RestoredTo: at, Last: 7, Groups: []uuid.UUID{id},
	}
}

// A detail is read by its tags, however it was rendered.
func TestDetail_IsRenderedAsItsTagsSay(t *testing.T) {
	t.Parallel()
	whole := reflect.ValueOf(all())
	for i := range whole.NumField() {
		name := whole.Type().Field(i).Name
		if whole.Field(i).IsZero() {
			t.Errorf("%s: the test has no value", name)
		}
		var one Detail
		reflect.ValueOf(&one).Elem().Field(i).Set(whole.Field(i))
		compare(t, one)
	}
	compare(t, Detail{})
	compare(t, whole.Interface().(Detail))
}

func compare(t *testing.T, d Detail) {
	t.Helper()
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var want, got map[string]any
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(d.Render(), &got); err != nil {
		t.Errorf("%s: %v", d.Render(), err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func BenchmarkDetail(b *testing.B) {
	d := Detail{Address: "192.0.2.1", System: provisioning.Entra, Micros: 1234, Changes: []provisioning.Change{{Attribute: "title", Before: "Analyst", After: "Lead"}}}
	b.ReportAllocs()
	for b.Loop() {
		d.Render()
	}
}
