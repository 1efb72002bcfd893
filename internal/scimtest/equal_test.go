package scimtest

import (
	"encoding/json"
	"testing"
)

func TestEqualResource(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, want, got string
		equal           bool
	}{
		{"same", `{"id":"1","active":true}`, `{"active":true,"id":"1"}`, true},
		{"meta", `{"id":"1"}`, `{"id":"1","meta":{"version":"2"}}`, true},
		{"null", `{"id":"1"}`, `{"id":"1","title":null}`, true},
		{"empty list", `{"id":"1","emails":[]}`, `{"id":"1"}`, true},
		{"empty object", `{"id":"1","name":{"givenName":null}}`, `{"id":"1"}`, true},
		{"primary false", `{"emails":[{"value":"a","primary":false}]}`, `{"emails":[{"value":"a"}]}`, true},
		{"primary true", `{"emails":[{"value":"a","primary":true}]}`, `{"emails":[{"value":"a"}]}`, false},
		{"active false", `{"active":false}`, `{}`, false},
		{"empty string", `{"title":""}`, `{}`, false},
		{"schemas", `{"schemas":["a","b"]}`, `{"schemas":["b","a"]}`, true},
		{"order of elements", `{"m":[{"value":"1","type":"x"},{"value":"2"}]}`, `{"m":[{"value":"2"},{"type":"x","value":"1"}]}`, true},
		{"one element more", `{"m":[{"value":"1"}]}`, `{"m":[{"value":"1"},{"value":"2"}]}`, false},
		{"the same element twice", `{"m":[{"value":"1"}]}`, `{"m":[{"value":"1"},{"value":"1"}]}`, false},
		{"boolean is no string", `{"active":true}`, `{"active":"true"}`, false},
		{"values are exact", `{"userName":"a"}`, `{"userName":"A"}`, false},
		{"deep", `{"x":{"manager":{"value":"1"}}}`, `{"x":{"manager":{"value":"2"}}}`, false},
		{"nothing", `{}`, `{"meta":{},"roles":null}`, true},
	} {
		want, got := json.RawMessage(test.want), json.RawMessage(test.got)
		if equal := EqualResource(want, got); equal != test.equal {
			t.Errorf("%s: %t (%s)", test.name, equal, DiffResource(want, got))
		}
		if equal := EqualResource(got, want); equal != test.equal {
			t.Errorf("%s, the other way round: %t", test.name, equal)
		}
	}
}

func TestEqualResourceTakesAnythingThatEncodes(t *testing.T) {
	t.Parallel()
	typed := struct {
		Name  string   `json:"name"`
		Level int      `json:"level"`
		Tags  []string `json:"tags"`
	}{"n", 3, []string{"b", "a"}}
	if diff := DiffResource(json.RawMessage(`{"name":"n","level":3.0,"tags":["a","b"]}`), typed); diff != "" {
		t.Error(diff)
	}
	for _, none := range []any{nil, json.RawMessage(`[]`), json.RawMessage(`{`), make(chan int)} {
		if EqualResource(none, none) {
			t.Errorf("%v passes for a resource", none)
		}
	}
}
