package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"path"
	"slices"
	"strings"
)

// The parts of a Postman collection, format 2.1.0, that are used here.
type (
	collection struct {
		Info struct {
			Name        string `json:"name"`
			Description string `json:"description"`
			Schema      string `json:"schema"`
		} `json:"info"`
		Auth     *auth      `json:"auth"`
		Variable []keyValue `json:"variable"`
		Item     []*folder  `json:"item"`
	}
	folder struct {
		Name string `json:"name"`
		Item []item `json:"item"`
	}
	item struct {
		Name    string  `json:"name"`
		Event   []event `json:"event,omitempty"`
		Request request `json:"request"`
	}
	event struct {
		Listen string `json:"listen"`
		Script script `json:"script"`
	}
	script struct {
		Type string   `json:"type"`
		Exec []string `json:"exec"`
	}
	request struct {
		Method      string     `json:"method"`
		Description string     `json:"description,omitempty"`
		Auth        *auth      `json:"auth,omitempty"`
		Header      []keyValue `json:"header"`
		URL         address    `json:"url"`
		Body        *body      `json:"body,omitempty"`
	}
	address struct {
		Raw   string     `json:"raw"`
		Host  []string   `json:"host"`
		Path  []string   `json:"path"`
		Query []keyValue `json:"query,omitempty"`
	}
	body struct {
		Mode    string         `json:"mode"`
		Raw     string         `json:"raw"`
		Options map[string]any `json:"options,omitempty"`
	}
	auth struct {
		Type   string     `json:"type"`
		Bearer []keyValue `json:"bearer,omitempty"`
		Basic  []keyValue `json:"basic,omitempty"`
	}
	keyValue struct {
		Key         string `json:"key"`
		Value       string `json:"value"`
		Type        string `json:"type,omitempty"`
		Description string `json:"description,omitempty"`
		Disabled    bool   `json:"disabled,omitempty"`
	}
)

// postman writes a collection, a folder for each tag. Query parameters that may be missing are
// switched off. What is made is what the requests after it are about.
func postman(operations []operation) ([]byte, error) {
	var c collection
	c.Info.Name, c.Info.Schema = "purescim", "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
	c.Info.Description = "Requests of openapi.yaml, written by 'go generate ./api'. Give the variables your values. A request that makes something keeps its id for those after it."
	c.Auth = &auth{Type: "bearer", Bearer: []keyValue{{Key: "token", Value: "{{token}}", Type: "string"}}}
	for _, v := range variables {
		c.Variable = append(c.Variable, keyValue{Key: v.name, Value: v.value})
	}
	for _, name := range idNames(operations) {
		c.Variable = append(c.Variable, keyValue{Key: name, Value: strings.ToUpper(name)})
	}
	folders := map[string]*folder{}
	for _, o := range operations {
		if folders[o.tag] == nil {
			folders[o.tag] = &folder{Name: o.tag}
			c.Item = append(c.Item, folders[o.tag])
		}
		f := folders[o.tag]
		f.Item = append(f.Item, item{o.summary, keeping(operations, o), newRequest(o)})
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(c)
	return out.Bytes(), err
}

// keeping is the script that keeps the id of what an operation makes: that of the path with
// one more part, which names it.
func keeping(operations []operation, made operation) []event {
	at := slices.IndexFunc(operations, func(o operation) bool {
		_, name, ok := strings.Cut(o.path, made.path+"/{")
		return made.method == http.MethodPost && ok && strings.HasSuffix(name, "}") && !strings.Contains(name, "/")
	})
	if at < 0 {
		return nil
	}
	return []event{{"test", script{"text/javascript", []string{
		"const made = pm.response.code < 300 && pm.response.json().id",
		"if (made) pm.collectionVariables.set(\"" + variableOf(operations[at].path, path.Base(made.path)) + "\", made)",
	}}}}
}

func newRequest(o operation) request {
	path := withVariables(o.path)
	made := request{
		Method: o.method, Description: o.description, Header: []keyValue{},
		URL: address{Raw: "{{base}}" + path + needed(o), Host: []string{"{{base}}"}, Path: strings.Split(strings.TrimPrefix(path, "/"), "/")},
	}
	for _, p := range o.query {
		made.URL.Query = append(made.URL.Query, keyValue{Key: p.name, Value: valueOf(p), Description: p.description, Disabled: !p.required})
	}
	switch o.auth {
	case "":
		made.Auth = &auth{Type: "noauth"}
	case "basic":
		made.Auth = &auth{Type: "basic", Basic: []keyValue{
			{Key: "username", Value: "{{client_id}}", Type: "string"}, {Key: "password", Value: "{{client_secret}}", Type: "string"},
		}}
	}
	if o.mediaType != "" {
		made.Header = append(made.Header, keyValue{Key: "Content-Type", Value: o.mediaType})
		made.Body = &body{Mode: "raw", Raw: bodyText(o)}
		if o.mediaType != formType {
			made.Body.Options = map[string]any{"raw": map[string]string{"language": "json"}}
		}
	}
	return made
}
