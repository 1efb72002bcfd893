package scimtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/google/go-cmp/cmp"
)

// EqualResource reports whether two resources are the same as RFC 7643 sees
// them, whatever their representation: meta is left out; an attribute that is
// absent, null or an empty list is unassigned (section 2.5), and so is a
// complex attribute with nothing in it; primary is false unless it is true;
// the elements of a list, schemas among them, have no order.
//
// Both may be anything that encodes to a JSON object, json.RawMessage for
// instance.
func EqualResource(want, got any) bool {
	return DiffResource(want, got) == ""
}

// DiffResource returns what distinguishes two resources, for people to read
// (- want, + got), or "" when [EqualResource] holds.
func DiffResource(want, got any) string {
	wanted, err := resource(want)
	if err != nil {
		return fmt.Sprintf("want is no resource: %v", err)
	}
	gotten, err := resource(got)
	if err != nil {
		return fmt.Sprintf("got is no resource: %v", err)
	}
	return cmp.Diff(wanted, gotten)
}

func resource(value any) (map[string]any, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		return nil, err
	}
	if object == nil {
		return nil, errors.New("it is null")
	}
	delete(object, "meta")
	assigned, _ := canonical(object).(map[string]any)
	return assigned, nil
}

// canonical returns value with everything unassigned left out and every list
// in one order; nil when nothing is left.
func canonical(value any) any {
	switch value := value.(type) {
	case map[string]any:
		object := map[string]any{}
		for name, member := range value {
			if name == "primary" && member == false {
				continue
			}
			if member = canonical(member); member != nil {
				object[name] = member
			}
		}
		if len(object) > 0 {
			return object
		}
		return nil
	case []any:
		return canonicalList(value)
	}
	return value
}

func canonicalList(list []any) any {
	byText := map[string]any{}
	var order []string
	for _, element := range list {
		if element = canonical(element); element == nil {
			continue
		}
		text, _ := json.Marshal(element) // came from JSON, keys are sorted
		byText[string(text)] = element
		order = append(order, string(text))
	}
	if len(order) == 0 {
		return nil
	}
	slices.Sort(order)
	elements := make([]any, len(order))
	for i, text := range order {
		elements[i] = byText[text]
	}
	return elements
}
