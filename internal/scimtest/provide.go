package scimtest

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

const (
	divisionsPath = "/api/v2/authorization/divisions"
	rolesPath     = "/api/v2/authorization/roles"
	skillsPath    = "/api/v2/routing/skills"
	languagesPath = "/api/v2/routing/languages"
)

// registered maps the attributes whose values must exist in the organisation
// before a user can have them to the platform path where they are made; keys
// are in lower case.
var registered = map[string]string{
	"division":         divisionsPath,
	"roles":            rolesPath,
	"routingskills":    skillsPath,
	"routinglanguages": languagesPath,
}

// provide makes every division, role, skill and language that the scenario's
// requests name. A server may refuse to give a user a division it has not
// got; the recorded clients spoke to organisations that had them all, and so
// their scenarios do not make them. Nothing else of a request is looked at,
// and entries that exist already are left alone.
func (p *player) provide(ctx context.Context, s Scenario) error {
	found := needed{}
	for _, step := range slices.Concat(s.Setup, s.Steps) {
		if step.Request != nil && step.Request.Body != nil {
			var body any
			if err := json.Unmarshal(step.Request.Body, &body); err != nil {
				return err
			}
			found.inBody(body)
		}
	}
	found.leaveOut(s)
	for _, path := range slices.Sorted(maps.Keys(found)) {
		for _, name := range slices.Sorted(maps.Keys(found[path])) {
			if err := p.ensure(ctx, path, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// leaveOut takes away the kinds of which the scenario makes entries itself: it
// names others to be refused.
func (n needed) leaveOut(s Scenario) {
	for _, step := range slices.Concat(s.Setup, s.Steps) {
		if r := step.Request; r != nil && r.Method == http.MethodPost && r.Mount != nil {
			delete(n, *r.Mount+r.Path)
		}
	}
}

// needed are names by the platform path where they are made.
type needed map[string]map[string]bool

// inBody finds the names wherever clients write them:
//
//	{"urn:…:User": {"division": "North"}}            POST and PUT
//	{"urn:…:User:division": "North"}                 flat keys
//	{"path": "division", "value": "North"}           a PATCH operation
//	{"path": "roles[value eq \"clerk\"]", …}         its value filter
func (n needed) inBody(body any) {
	switch body := body.(type) {
	case []any:
		for _, element := range body {
			n.inBody(element)
		}
	case map[string]any:
		if path, ok := body["path"].(string); ok {
			n.inOperation(path, body["value"])
		}
		for key, value := range body {
			if where, ok := registered[attribute(key)]; ok {
				n.inValue(where, value)
			} else {
				n.inBody(value)
			}
		}
	}
}

var (
	// operationPath is a URN prefix, the attribute, a value filter and a sub-attribute.
	operationPath = regexp.MustCompile(`^(?:(?i:urn):.*:)?(\w+)(?:\[(.*)\])?(?:\.(\w+))?$`)
	filteredName  = regexp.MustCompile(`(?i)\b(?:value|name)\s+eq\s+"([^"]*)"`)
)

func (n needed) inOperation(path string, value any) {
	parts := operationPath.FindStringSubmatch(path)
	if parts == nil {
		return
	}
	where, ok := registered[strings.ToLower(parts[1])]
	if !ok {
		return
	}
	for _, name := range filteredName.FindAllStringSubmatch(parts[2], -1) {
		n.add(where, name[1])
	}
	switch strings.ToLower(parts[3]) {
	case "", "value", "name": // other sub-attributes hold no names
		n.inValue(where, value)
	}
}

// inValue reads the names out of a value: a string, a JSON document in a
// string, an object with value or name, or a list of these.
func (n needed) inValue(where string, value any) {
	switch value := value.(type) {
	case []any:
		for _, element := range value {
			n.inValue(where, element)
		}
	case map[string]any:
		for key, member := range value {
			if key = strings.ToLower(key); key == "value" || key == "name" {
				n.inValue(where, member)
			}
		}
	case string:
		var document any
		if strings.IndexAny(value, "{[") == 0 && json.Unmarshal([]byte(value), &document) == nil {
			n.inValue(where, document)
		} else {
			n.add(where, value)
		}
	}
}

func (n needed) add(where, name string) {
	if name == "" {
		return // clears the attribute
	}
	if n[where] == nil {
		n[where] = map[string]bool{}
	}
	n[where][name] = true
}

// attribute is the name, in lower case, that a key of a body ends in.
func attribute(key string) string {
	return strings.ToLower(key[strings.LastIndexByte(key, ':')+1:])
}
