package patch

import (
	"maps"

	"github.com/purescim/purescim/internal/schema"
)

// CompileKeys takes the keys that are paths, such as name.givenName and URN:department, out
// of the body of a POST or PUT (BEHAVIOUR 54). The plan adds their values to the document
// that the rest of the body makes; it is nil where there are none. The body is not changed.
func CompileKeys(t *schema.Type, body map[string]any, o schema.Options) (rest map[string]any, plan *Plan, err error) {
	c := compiler{t: t, o: o}
	var paths map[string]any
	for key, value := range body {
		if !c.isPath(key) {
			continue
		}
		if paths == nil {
			paths = make(map[string]any)
		}
		paths[key] = value
	}
	if paths == nil {
		return body, nil, nil
	}
	rest = maps.Clone(body)
	for key := range paths {
		delete(rest, key)
	}
	err = c.members(opAdd, nil, paths)
	return rest, &Plan{t: t, steps: c.steps, mirrors: true}, err
}

// isPath reports whether a key of a body is more than the name of an attribute that
// Type.Decode reads, and can be written.
func (c *compiler) isPath(key string) bool {
	if c.o.Strict || c.t.Schema(key) != nil {
		return false
	}
	if a := c.t.Attribute(key); a != nil {
		return a.Extension() != "" && a != schema.Manager
	}
	p, known, err := c.keyPath(key)
	return err != nil || known && p.Attr != nil && !p.Attr.IsReadOnly()
}
