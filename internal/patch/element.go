package patch

import (
	"slices"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// What tells one element of a multi-valued attribute from another is its identity
// (schema.Attribute.IsSame). Members, and what else links resources, are one by `value`
// alone (RFC 7644 section 3.5.2.1).

// identifies reports whether a removal's list names an element by the sub-attribute.
func identifies(sub *schema.Attribute) bool { return sub.Required || sub.Name == "value" }

// insertInto appends the items to the list. One that is there already gives
// its other sub-attributes to the element there.
func insertInto(a *schema.Attribute, list, items []any) []any {
	for _, item := range items {
		at := slices.IndexFunc(list, func(element any) bool { return a.IsSame(item, element) })
		if at < 0 {
			at = len(list)
			list = append(list, scim.CloneValue(item))
		}
		object, ok := item.(map[string]any)
		if !ok {
			continue
		}
		complete(a, list[at].(map[string]any), object)
		if object["primary"] == true {
			demoteOthers(list, at)
		}
	}
	return list
}

// complete gives an element what an item says that differs.
func complete(a *schema.Attribute, element, item map[string]any) {
	for _, sub := range a.Sub {
		if v := item[sub.Name]; v != nil && !equalSub(sub, v, element[sub.Name]) {
			element[sub.Name] = v
		}
	}
}

// demoteOthers leaves the element at one position the only primary one
// (RFC 7644 section 3.5.2).
func demoteOthers(list []any, chosen int) {
	for i, v := range list {
		if element, ok := v.(map[string]any); ok && i != chosen && element["primary"] == true {
			element["primary"] = false
		}
	}
}

// isListed reports whether an item of a removal's list means the element: by
// its identity as far as the item gives it, else by all that the item gives.
func isListed(a *schema.Attribute, item, element any) bool {
	x, ok := item.(map[string]any)
	y, both := element.(map[string]any)
	if !ok || !both {
		return a.EqualSimple(item, element)
	}
	byIdentity := slices.ContainsFunc(a.Sub, func(sub *schema.Attribute) bool {
		return identifies(sub) && x[sub.Name] != nil
	})
	for _, sub := range a.Sub {
		given := x[sub.Name] != nil && (!byIdentity || identifies(sub) || sub.Name == "type")
		if given && !sub.EqualSimple(x[sub.Name], y[sub.Name]) {
			return false
		}
	}
	return true
}

// equalSub compares a sub-attribute of two elements; a primary that is absent is false.
func equalSub(sub *schema.Attribute, v, w any) bool {
	if sub.Name == "primary" {
		return (v == true) == (w == true)
	}
	return sub.EqualSimple(v, w)
}
