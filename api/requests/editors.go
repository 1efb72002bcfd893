package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// inPath finds the parameters of a path.
var inPath = regexp.MustCompile(`\{(\w+)\}`)

// variables are what each file begins with, but for the parameters of paths.
var variables = []struct{ name, value string }{
	{"base", "http://127.0.0.1:8080"},
	{"token", "ACCESS_TOKEN"},
	{"client_id", "CLIENT_ID"},
	{"client_secret", "CLIENT_SECRET"},
}

// withVariables names the parameters of a path as variables. One that is named as a
// variable of ours is an id of such.
func withVariables(path string) string {
	return inPath.ReplaceAllStringFunc(path, func(parameter string) string {
		return "{{" + variableOf(strings.Trim(parameter, "{}")) + "}}"
	})
}

func variableOf(parameter string) string {
	for _, v := range variables {
		if v.name == parameter {
			return parameter + "_id"
		}
	}
	return parameter
}

// pathNames are the variables of all paths, each once.
func pathNames(operations []operation) []string {
	var names []string
	seen := map[string]bool{}
	for _, o := range operations {
		for _, match := range inPath.FindAllStringSubmatch(o.path, -1) {
			if name := variableOf(match[1]); !seen[name] {
				seen[name] = true
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
	for _, name := range pathNames(operations) {
		fmt.Fprintf(&out, "@%s = %s\n", name, strings.ToUpper(name))
	}
	for _, o := range operations {
		fmt.Fprintf(&out, "\n### %s: %s\n", o.tag, o.summary)
		fmt.Fprintf(&out, "# @name %s\n%s {{base}}%s\n", o.id, o.method, withVariables(o.path))
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
	text, err := json.MarshalIndent(o.body, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(text)
}
