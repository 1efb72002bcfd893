package main

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// operation is one request, as far as tools need it.
type operation struct {
	tag, id, summary, description string

	method, path string // path with {parameters}, below the mount
	query        []parameter
	auth         string // bearer, basic, or empty
	mediaType    string // of the body; empty without one
	body         any    // its example
}

type parameter struct {
	name, description string
	required          bool
}

// document is the description, with references that are followed by hand.
type document struct{ root map[string]any }

// methods are those of a path, in the order in which they are written.
var methods = []string{"get", "post", "put", "patch", "delete"}

// read returns the operations by their tags, and within one in the order of the description;
// what deletes comes last, the parts of something before it.
func read(text []byte) ([]operation, error) {
	var d document
	var order struct{ Paths yaml.Node }
	if err := yaml.Unmarshal(text, &d.root); err != nil {
		return nil, err
	}
	if err := yaml.Unmarshal(text, &order); err != nil {
		return nil, err
	}
	var all []operation
	for i := 0; i < len(order.Paths.Content); i += 2 {
		path := order.Paths.Content[i].Value
		item := d.member(d.root["paths"], path)
		for _, method := range methods {
			if o := d.member(item, method); o != nil {
				all = append(all, d.operation(path, strings.ToUpper(method), item, o))
			}
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("the description has no operations")
	}
	var tags []string
	for _, o := range all {
		tags = append(tags, o.tag)
	}
	slices.SortStableFunc(all, func(a, b operation) int {
		return cmp.Or(cmp.Compare(slices.Index(tags, a.tag), slices.Index(tags, b.tag)), cmp.Compare(a.deletes(), b.deletes()))
	})
	return all, nil
}

// deletes tells how late an operation comes that deletes; others come first.
func (o operation) deletes() int {
	if o.method != http.MethodDelete {
		return math.MinInt
	}
	return -strings.Count(o.path, "/")
}

// member gives a member that is an object, behind references; nil is none.
func (d document) member(of any, name string) map[string]any {
	object, _ := of.(map[string]any)
	return d.follow(object[name])
}

func (d document) follow(value any) map[string]any {
	object, _ := value.(map[string]any)
	reference, ok := object["$ref"].(string)
	if !ok {
		return object
	}
	var at any = d.root
	for part := range strings.SplitSeq(strings.TrimPrefix(reference, "#/"), "/") {
		at = at.(map[string]any)[part]
	}
	return d.follow(at)
}

func text(of map[string]any, name string) string {
	value, _ := of[name].(string)
	return strings.TrimSpace(value)
}

func list(of map[string]any, name string) []any {
	value, _ := of[name].([]any)
	return value
}

func (d document) operation(path, method string, item, o map[string]any) operation {
	made := operation{
		tag: list(o, "tags")[0].(string), id: text(o, "operationId"), summary: text(o, "summary"),
		description: text(o, "description"), method: method, path: path, auth: "bearer",
	}
	if servers := list(item, "servers"); len(servers) > 0 {
		made.path = text(d.follow(servers[0]), "url") + path
	}
	for _, p := range slices.Concat(list(item, "parameters"), list(o, "parameters")) {
		if p := d.follow(p); p["in"] == "query" {
			made.query = append(made.query, parameter{text(p, "name"), text(p, "description"), p["required"] == true})
		}
	}
	if security, given := o["security"].([]any); given {
		made.auth = ""
		for _, scheme := range security {
			for name := range d.follow(scheme) {
				made.auth = name
			}
		}
	}
	made.mediaType, made.body = d.body(made.id, d.member(o, "requestBody"))
	return made
}

// body chooses the example that bears the operation's name, else any.
func (d document) body(id string, body map[string]any) (mediaType string, example any) {
	content := d.member(body, "content")
	for _, mediaType := range slices.Sorted(maps.Keys(content)) {
		examples := d.member(content[mediaType], "examples")
		names := slices.Sorted(maps.Keys(examples))
		if own := id + ".request"; examples[own] != nil {
			names = []string{own}
		}
		// SCIM's own type is taken where there are two; it sorts last.
		if len(names) > 0 {
			return slices.Max(slices.Collect(maps.Keys(content))), d.member(examples, names[0])["value"]
		}
	}
	return "", nil
}

// form writes an example as a form.
func form(example any) string {
	values := url.Values{}
	object, _ := example.(map[string]any)
	for name, value := range object {
		values.Set(name, fmt.Sprint(value))
	}
	return values.Encode()
}

const formType = "application/x-www-form-urlencoded"
