package scim

import (
	"encoding/json"
	"slices"
	"strings"
)

// CheckPatch tells what RFC 7644 section 3.5.2 does not allow in the body of a
// PATCH, though ReadPatch takes it from clients.
func CheckPatch(object map[string]any) error {
	if err := CheckMessage(object, PatchOpURN); err != nil {
		return err
	}
	value, _, err := member(object, "Operations")
	if err != nil {
		return err
	}
	list, _ := value.([]any)
	if len(list) == 0 {
		return InvalidSyntax("Operations must be an array of one operation or more")
	}
	for i, v := range list {
		op, _ := v.(map[string]any)
		for name, value := range op {
			switch strings.ToLower(name) {
			case "op":
				if word, _ := value.(string); !slices.Contains([]string{"add", "replace", "remove"}, word) {
					return InvalidSyntax("operation %d: op is %s; add, replace or remove is expected, in lower case", i+1, quoted(value))
				}
			case "path", "value":
			default:
				return InvalidSyntax("operation %d: %q is no member of an operation; op, path and value are", i+1, name)
			}
		}
	}
	return nil
}

// CheckBulk tells what RFC 7644 section 3.7 does not allow around the operations of a
// bulk request, though ParseBulk takes it from clients.
func CheckBulk(object map[string]any) error {
	if err := CheckMessage(object, BulkRequestURN); err != nil {
		return err
	}
	value, _, err := member(object, "failOnErrors")
	if err == nil && value == json.Number("0") {
		err = InvalidValue("failOnErrors must be a whole number from 1")
	}
	return err
}

// CheckMessage tells that a body does not say which message it is (RFC 7644
// section 3.1), which servers can tell without.
func CheckMessage(object map[string]any, urn string) error {
	value, _, err := member(object, "schemas")
	if err != nil {
		return err
	}
	list, _ := value.([]any)
	if !slices.ContainsFunc(list, func(v any) bool {
		s, _ := v.(string)
		return strings.EqualFold(s, urn)
	}) {
		return InvalidSyntax("schemas must be an array that holds %q", urn)
	}
	return nil
}
