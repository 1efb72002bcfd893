package scimtest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// pathStep is one step of a JSON path: exactly one of .name or ["name"],
// [index], and [key=value].
var pathStep = regexp.MustCompile(
	`^(?:\.([^.\[\]]+)|\["([^"]+)"\]|\[(\d+)\]|\[([^=\]"]+)=([^\]]*)\])`)

// lookUp follows path in a decoded JSON document. A path that leads nowhere is
// found == false; only a path that is none is an error.
//
//	$.name.familyName           members of objects
//	$["urn:…:User"].department  a name with dots or colons
//	$.Resources[0].id           an element by position
//	$.emails[type=work].value   the first element whose key has this value
func lookUp(document any, path string) (value any, found bool, err error) {
	rest, ok := strings.CutPrefix(path, "$")
	if !ok {
		return nil, false, fmt.Errorf("JSON path %q does not begin with $", path)
	}
	value, found = document, true
	for rest != "" {
		parts := pathStep.FindStringSubmatch(rest)
		if parts == nil {
			return nil, false, fmt.Errorf("JSON path %q cannot be read from %q on", path, rest)
		}
		rest = rest[len(parts[0]):]
		if found {
			value, found = follow(value, parts)
		}
	}
	return value, found, nil
}

func follow(value any, parts []string) (any, bool) {
	name, index, key, wanted := parts[1]+parts[2], parts[3], parts[4], parts[5]
	if name != "" {
		object, _ := value.(map[string]any)
		member, found := object[name]
		return member, found
	}
	list, _ := value.([]any)
	if index != "" {
		at, err := strconv.Atoi(index)
		if err != nil || at >= len(list) {
			return nil, false
		}
		return list[at], true
	}
	for _, element := range list {
		object, _ := element.(map[string]any)
		if member, found := object[key]; found && fmt.Sprint(member) == wanted {
			return element, true
		}
	}
	return nil, false
}
