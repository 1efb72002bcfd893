package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// variables are what each file begins with, but for the ids of what there is.
var variables = []struct{ name, value string }{
	{"base", "http://127.0.0.1:8080"},
	{"token", "ACCESS_TOKEN"},
	{"client_id", "CLIENT_ID"},
	{"client_secret", "CLIENT_SECRET"},
	{"resource_type", "User"},
	{"schema", "urn:ietf:params:scim:schemas:core:2.0:User"},
}

// inPath finds a parameter of a path, and the word before it, which tells what it names.
var inPath = regexp.MustCompile(`([^/]+)/\{\w+\}`)

// named are the variables of words that do not tell their own; the others are the word, in
// the singular, and "_id".
var named = map[string]string{
	"Users": "user_id", "Groups": "group_id", "Roles": "role_id", "GroupMembers": "membership_id", "Bulk": "request_id",
	"ResourceTypes": "resource_type", "Schemas": "schema", "schemas": "own_schema", "clients": "oauth_client_id",
	"provisioning-log": "entry_id", "/api/v2/tokens": "user_id",
}

// variableOf is the variable of the parameter behind a word of a path.
func variableOf(path, word string) string {
	before, _, _ := strings.Cut(path, "/{")
	for _, key := range []string{before, word} {
		if name, ok := named[key]; ok {
			return name
		}
	}
	return strings.TrimSuffix(word, "s") + "_id"
}

// withVariables names the parameters of a path as variables.
func withVariables(path string) string {
	return inPath.ReplaceAllStringFunc(path, func(part string) string {
		word, _, _ := strings.Cut(part, "/")
		return word + "/{{" + variableOf(path, word) + "}}"
	})
}

// idNames are the variables of all paths that have to be filled, each once.
func idNames(operations []operation) []string {
	var names []string
	for _, o := range operations {
		for _, match := range inPath.FindAllStringSubmatch(o.path, -1) {
			name := variableOf(o.path, match[1])
			known := slices.ContainsFunc(variables, func(v struct{ name, value string }) bool { return v.name == name })
			if !known && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// editors writes a file of requests as editors send them (RFC 9110's form, with three
// number signs between two).
func editors(operations []operation) []byte {
	var out strings.Builder
	out.WriteString("# Requests of openapi.yaml, written by 'go generate ./api'.\n# Give the variables your values.\n\n")
	for _, v := range variables {
		fmt.Fprintf(&out, "@%s = %s\n", v.name, v.value)
	}
	for _, name := range idNames(operations) {
		fmt.Fprintf(&out, "@%s = %s\n", name, strings.ToUpper(name))
	}
	for _, o := range operations {
		fmt.Fprintf(&out, "\n### %s: %s\n", o.tag, o.summary)
		fmt.Fprintf(&out, "# @name %s\n%s {{base}}%s%s\n", o.id, o.method, withVariables(o.path), needed(o))
		switch o.auth {
		case "bearer":
			out.WriteString("Authorization: Bearer {{token}}\n")
		case "basic":
			out.WriteString("Authorization: Basic {{client_id}} {{client_secret}}\n")
		}
		if o.mediaType != "" {
			fmt.Fprintf(&out, "Content-Type: %s\n\n%s\n", o.mediaType, bodyText(o))
		}
	}
	return []byte(out.String())
}

// bodyText is the body as it is sent. A form that authenticates by a header says
// nothing of the client itself.
func bodyText(o operation) string {
	if o.mediaType == formType {
		if object, ok := o.body.(map[string]any); ok && o.auth == "basic" {
			delete(object, "client_id")
			delete(object, "client_secret")
		}
		return form(o.body)
	}
	text, err := json.MarshalIndent(referring(o.body, ""), "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// needed are the query parameters without which an operation is refused.
func needed(o operation) string {
	mark, query := "?", ""
	for _, p := range o.query {
		if p.required {
			query += mark + p.name + "=" + valueOf(p)
			mark = "&"
		}
	}
	return query
}

// valueOf is the variable of a parameter that names something else.
func valueOf(p parameter) string {
	if variable, ok := references[p.name]; ok {
		return "{{" + variable + "}}"
	}
	return ""
}

// references are the members of bodies, and the parameters, that name something else, and its
// variable.
var references = map[string]string{
	"members.value": "user_id", "Operations.value.value": "user_id", "memberIds": "user_id", "ids": "user_id", "entries": "entry_id",
}

// referring has the references of a body name variables.
func referring(value any, name string) any {
	switch value := value.(type) {
	case map[string]any:
		made := map[string]any{}
		for member, inner := range value {
			made[member] = referring(inner, strings.TrimPrefix(name+"."+member, "."))
		}
		return made
	case []any:
		made := make([]any, len(value))
		for i, inner := range value {
			made[i] = referring(inner, name)
		}
		return made
	default:
		if variable, ok := references[name]; ok {
			return "{{" + variable + "}}"
		}
		return value
	}
}
