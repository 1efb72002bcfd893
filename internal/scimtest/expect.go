package scimtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
)

// check holds an answer against the expectation and returns the first thing
// that differs.
func (e Expect) check(answer *answer, vars variables) error {
	if !slices.Contains(e.Status, answer.status) {
		return fmt.Errorf("status %d, want %v", answer.status, []int(e.Status))
	}
	for _, name := range slices.Sorted(maps.Keys(e.Headers)) {
		want, err := vars.expand(e.Headers[name])
		if err != nil {
			return err
		}
		if got := answer.header.Values(name); !headerMatches(want, got) {
			return fmt.Errorf("header %s is %q, want %q", name, got, want)
		}
	}
	if answer.status == http.StatusNoContent || len(e.Body) == 0 {
		return nil
	}
	document, err := answer.document()
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(e.Body)) {
		if err := checkPath(document, key, e.Body[key], vars); err != nil {
			return err
		}
	}
	return nil
}

func headerMatches(want string, got []string) bool {
	if want == "*" {
		return len(got) > 0
	}
	text, contains := strings.CutPrefix(want, "~")
	for _, value := range got {
		if value == want {
			return true
		}
		if contains && strings.Contains(strings.ToLower(value), strings.ToLower(text)) {
			return true
		}
	}
	return false
}

func checkPath(document any, key string, want json.RawMessage, vars variables) error {
	path, err := vars.expand(key)
	if err != nil {
		return err
	}
	got, found, err := lookUp(document, path)
	if err != nil {
		return err
	}
	expanded, err := vars.expandJSON(want)
	if err != nil {
		return err
	}
	ok, err := valueMatches(expanded, got, found)
	if err != nil || ok {
		return err
	}
	shown := "missing"
	if found {
		text, _ := json.Marshal(got) // came from JSON
		shown = string(text)
	}
	return fmt.Errorf("%s is %s, want %s", path, shown, expanded)
}

// valueMatches compares what stands at a path with the expected JSON: "*" is
// anything but null, "!absent" any of the ways to have no value, and [] also
// a list that is not there. Everything else must be equal.
func valueMatches(want json.RawMessage, got any, found bool) (bool, error) {
	var literal any
	if err := json.Unmarshal(want, &literal); err != nil {
		return false, err
	}
	switch literal {
	case "*":
		return found && got != nil, nil
	case "!absent":
		return !found || unassigned(got), nil
	}
	if list, ok := literal.([]any); ok && len(list) == 0 && !found {
		return true, nil
	}
	return found && reflect.DeepEqual(literal, got), nil
}

func unassigned(value any) bool {
	list, isList := value.([]any)
	return value == nil || value == "" || isList && len(list) == 0
}
