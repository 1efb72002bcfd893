package scim

import "strings"

// MaxOperations is how many operations one PATCH may hold (BEHAVIOUR 58).
const MaxOperations = 1000

// PatchOp is one operation of a PATCH request (RFC 7644 section 3.5.2).
type PatchOp struct {
	Op       string // add, replace or remove, in lower case
	Path     string // empty when there is none
	Value    any    // as ParseJSON gives it
	HasValue bool   // tells a missing value from null
}

// ParsePatch reads the body of a PATCH request. Names and op are accepted in
// any case, `schemas` is not asked for, an empty list of operations is valid, none at all,
// and one without a list.
func ParsePatch(body []byte) ([]PatchOp, error) {
	object, err := ParseObject(body)
	if err != nil {
		return nil, err
	}
	return ReadPatch(object)
}

// ReadPatch is ParsePatch for a body that has been parsed.
func ReadPatch(object map[string]any) ([]PatchOp, error) {
	value, _, err := member(object, "Operations")
	if err != nil {
		return nil, err
	}
	if value == nil {
		return nil, noOperations(object)
	}
	list, ok := value.([]any)
	if one, is := value.(map[string]any); is {
		list, ok = []any{one}, true
	}
	if !ok {
		return nil, InvalidSyntax("Operations is %s; an array of operations is expected", KindOf(value))
	}
	if len(list) > MaxOperations {
		return nil, TooLarge("the PATCH has %d operations; at most %d are allowed in one request", len(list), MaxOperations)
	}
	ops := make([]PatchOp, len(list))
	for i, v := range list {
		if ops[i], err = parseOp(i+1, v); err != nil {
			return nil, err
		}
	}
	return ops, nil
}

// noOperations takes a body that says nothing for an empty list, but not one that says
// something else: a resource is meant for PUT, and would seem to be stored.
func noOperations(object map[string]any) error {
	for name := range object {
		if !strings.EqualFold(name, "schemas") && !strings.EqualFold(name, "Operations") {
			return InvalidSyntax("the PATCH body has no Operations, but %q", name)
		}
	}
	return nil
}

func parseOp(n int, v any) (PatchOp, error) {
	object, ok := v.(map[string]any)
	if !ok {
		return PatchOp{}, InvalidSyntax("operation %d is %s; an object is expected", n, KindOf(v))
	}
	var op PatchOp
	name, _, err := member(object, "op")
	if err != nil {
		return op, err
	}
	word, _ := name.(string)
	op.Op = strings.ToLower(word)
	switch op.Op {
	case "add", "replace", "remove":
	default:
		return op, InvalidSyntax("operation %d: op is %s; add, replace or remove is expected", n, quoted(name))
	}
	path, ok, err := member(object, "path")
	if err != nil {
		return op, err
	}
	if ok && path != nil {
		if op.Path, ok = path.(string); !ok {
			return op, InvalidPath("operation %d: path is %s; a string is expected", n, KindOf(path))
		}
	}
	op.Value, op.HasValue, err = member(object, "value")
	return op, err
}

// member looks a key up in any case and refuses two spellings of it.
func member(object map[string]any, name string) (value any, found bool, err error) {
	for key, v := range object {
		if !strings.EqualFold(key, name) {
			continue
		}
		if found {
			return nil, false, InvalidSyntax("%s is given twice, in two spellings", name)
		}
		value, found = v, true
	}
	return value, found, nil
}

func quoted(v any) string {
	if s, ok := v.(string); ok {
		return `"` + s + `"`
	}
	if v == nil {
		return "missing"
	}
	return KindOf(v)
}
