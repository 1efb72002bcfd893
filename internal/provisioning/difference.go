package provisioning

import (
	"slices"
	"strings"

	"github.com/purescim/purescim/internal/scim"
)

// Difference lists the attributes by which two documents differ, sorted by name. An
// attribute of an extension is named with its URN, a multi-valued one is compared as a whole,
// and a complex one by its sub-attributes, except $ref. The server's own attributes (id,
// schemas, meta, groups, members) are left out.
func Difference(before, after scim.Document) []Change {
	changes := appendDifference(nil, "", before, after)
	slices.SortFunc(changes, func(a, b Change) int { return strings.Compare(a.Attribute, b.Attribute) })
	return changes
}

// appendDifference adds the changes of the parts of a value. Most are as they were: their
// names are neither put together nor sorted.
func appendDifference(changes []Change, prefix string, before, after map[string]any) []Change {
	for name, old := range before {
		if current := after[name]; !scim.EqualValue(old, current) {
			changes = appendChange(changes, prefix, name, old, current)
		}
	}
	for name, current := range after {
		if _, both := before[name]; !both && current != nil {
			changes = appendChange(changes, prefix, name, nil, current)
		}
	}
	return changes
}

func appendChange(changes []Change, prefix, name string, old, current any) []Change {
	if prefix == "" && isKept(name) || isMade(prefix, name) {
		return changes
	}
	was, wasObject := old.(map[string]any)
	is, isObject := current.(map[string]any)
	if (wasObject || old == nil) && (isObject || current == nil) {
		return appendDifference(changes, prefix+name+separator(name), was, is)
	}
	return append(changes, Change{Attribute: prefix + name, Before: old, After: current})
}

func isKept(name string) bool {
	switch name {
	case "id", "schemas", "meta", "groups", "members":
		return true
	default:
		return false
	}
}

// isMade reports whether a part of a complex value is made of the others.
func isMade(prefix, name string) bool { return prefix != "" && name == "$ref" }

// separator is what stands between the name of a complex attribute, or the URN of an
// extension, and what is in it.
func separator(name string) string {
	if strings.HasPrefix(name, "urn:") {
		return ":"
	}
	return "."
}

// Revert takes changes back: it puts what was before into a document, in place. It is
// the inverse of Difference: of the later document it makes the earlier one.
func Revert(doc scim.Document, changes []Change) {
	for _, c := range changes {
		if whole, isValue := strings.CutSuffix(c.Attribute, ".value"); isValue {
			set(doc, whole+".$ref", nil) // of the value that goes
		}
		set(doc, c.Attribute, c.Before)
	}
}

// Redo is the inverse of Revert: it puts what was after changes into a document.
func Redo(doc scim.Document, changes []Change) {
	for _, c := range changes {
		set(doc, c.Attribute, c.After)
	}
}

// Current gives the value that a document has of the attribute of a change.
func Current(doc scim.Document, attribute string) any {
	object, name := find(doc, attribute, false)
	return object[name]
}

// set assigns a value, and unassigns with nil; an object that is empty then goes too.
func set(doc scim.Document, attribute string, value any) {
	object, name := find(doc, attribute, value != nil)
	switch {
	case object == nil:
	case value != nil:
		object[name] = scim.CloneValue(value)
	default:
		delete(object, name)
		prune(doc, attribute)
	}
}

// find gives the object that holds an attribute, and its name there. Objects that are
// missing on the way are made, or there is none.
func find(doc scim.Document, attribute string, create bool) (object map[string]any, name string) {
	object, name = doc, attribute
	for {
		head, rest, more := cutAttribute(object, name)
		if !more {
			return object, name
		}
		inner, _ := object[head].(map[string]any)
		if inner == nil {
			if !create {
				return nil, rest
			}
			inner = map[string]any{}
			object[head] = inner
		}
		object, name = inner, rest
	}
}

// cutAttribute cuts the name of the first object off an attribute.
func cutAttribute(object map[string]any, attribute string) (head, rest string, more bool) {
	if strings.HasPrefix(attribute, "urn:") {
		// The URN ends at the last colon: names of attributes have none.
		i := strings.LastIndexByte(attribute, ':')
		return attribute[:i], attribute[i+1:], true
	}
	if _, whole := object[attribute]; whole {
		return "", attribute, false
	}
	return strings.Cut(attribute, ".")
}

// prune takes objects out that have become empty on the way to an attribute.
func prune(object map[string]any, attribute string) {
	head, rest, more := cutAttribute(object, attribute)
	if !more {
		return
	}
	inner, ok := object[head].(map[string]any)
	if !ok {
		return
	}
	if prune(inner, rest); len(inner) == 0 {
		delete(object, head)
	}
}
