// Package api holds the description of the API, openapi.yaml, as YAML and as JSON.
//
// That it is true is proved by its tests; serving it is left to internal/apidocs.
package api

import (
	"bytes"
	_ "embed" // of the description
	"encoding/json"
	"fmt"
	"sync"

	"go.yaml.in/yaml/v3"
)

//go:generate go run ./requests

// YAML is the description as it is written. Nobody changes it.
//
//go:embed openapi.yaml
var YAML []byte

// JSON returns the same as JSON, with the members in the same order, in which pages show
// them. It is made once; nobody changes it. The error is that YAML is none.
var JSON = sync.OnceValues(func() ([]byte, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(YAML, &document); err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	var out bytes.Buffer
	if err := appendJSON(&out, &document); err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	return out.Bytes(), nil
})

// appendJSON writes a node, and what an alias stands for in its place.
func appendJSON(out *bytes.Buffer, n *yaml.Node) error {
	switch n.Kind {
	case yaml.DocumentNode:
		return appendJSON(out, n.Content[0])
	case yaml.AliasNode:
		return appendJSON(out, n.Alias)
	case yaml.MappingNode:
		return appendAll(out, n, '{', '}')
	case yaml.SequenceNode:
		return appendAll(out, n, '[', ']')
	default:
		var value any
		if err := n.Decode(&value); err != nil {
			return err
		}
		return appendValue(out, value)
	}
}

// appendAll writes what a mapping or a sequence holds; names and values of a mapping
// take turns.
func appendAll(out *bytes.Buffer, n *yaml.Node, begin, end byte) error {
	out.WriteByte(begin)
	for i, item := range n.Content {
		isValue := n.Kind == yaml.MappingNode && i%2 == 1
		switch {
		case isValue:
			out.WriteByte(':')
		case i > 0:
			out.WriteByte(',')
		}
		var err error
		if n.Kind == yaml.MappingNode && !isValue {
			err = appendValue(out, item.Value)
		} else {
			err = appendJSON(out, item)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", item.Line, err)
		}
	}
	out.WriteByte(end)
	return nil
}

func appendValue(out *bytes.Buffer, value any) error {
	text, err := json.Marshal(value)
	out.Write(text)
	return err
}
