package scimtest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
)

// variables are the values a scenario has saved so far: strings, and lists of
// strings, which a placeholder such as {{bulk[3]}} indexes from 0.
type variables map[string]any

var placeholder = regexp.MustCompile(`\{\{(\w+)(?:\[(\d+)\])?\}\}`)

// expand replaces every placeholder in text. A name that nothing was saved
// under is an error: the step would otherwise prove something else.
func (v variables) expand(text string) (string, error) {
	return v.expandAs(text, func(value string) string { return value })
}

// expandJSON does the same inside JSON text, where placeholders stand within
// strings. All other bytes, so also the client's order of keys, stay as they
// were recorded.
func (v variables) expandJSON(text []byte) ([]byte, error) {
	expanded, err := v.expandAs(string(text), func(value string) string {
		quoted, _ := json.Marshal(value) // a string always encodes
		return string(quoted[1 : len(quoted)-1])
	})
	return []byte(expanded), err
}

func (v variables) expandAs(text string, write func(string) string) (string, error) {
	var failed error
	expanded := placeholder.ReplaceAllStringFunc(text, func(found string) string {
		parts := placeholder.FindStringSubmatch(found)
		value, err := v.value(parts[1], parts[2])
		if err != nil && failed == nil {
			failed = fmt.Errorf("%s: %w", found, err)
		}
		return write(value)
	})
	return expanded, failed
}

func (v variables) value(name, index string) (string, error) {
	switch value := v[name].(type) {
	case string:
		if index == "" {
			return value, nil
		}
		return "", fmt.Errorf("%s is no list", name)
	case []string:
		at, err := strconv.Atoi(index)
		if err != nil || at >= len(value) {
			return "", fmt.Errorf("%s is a list of %d", name, len(value))
		}
		return value[at], nil
	}
	return "", fmt.Errorf("nothing was saved as %s", name)
}

// list returns the strings that text, the JSON of a list or of one
// placeholder that names a saved list, stands for.
func (v variables) list(text json.RawMessage) ([]string, error) {
	var name string
	if json.Unmarshal(text, &name) == nil {
		parts := placeholder.FindStringSubmatch(name)
		if parts == nil || parts[0] != name {
			return nil, fmt.Errorf("%q is neither a list nor a placeholder", name)
		}
		saved, ok := v[parts[1]].([]string)
		if !ok {
			return nil, fmt.Errorf("no list was saved as %s", parts[1])
		}
		return saved, nil
	}
	expanded, err := v.expandJSON(text)
	if err != nil {
		return nil, err
	}
	var values []string
	err = json.Unmarshal(expanded, &values)
	return values, err
}
