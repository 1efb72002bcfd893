package patch

import (
	"strings"

	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// The functions of this file refuse, for strict organisations, the operations
// that RFC 7644 does not have and others are forgiven (dialect.go).

// strictPath refuses a path that the standard writes otherwise.
func (c *compiler) strictPath(path string, ref schema.Ref) error {
	if instead := ref.Misspelt(path); c.o.Strict && instead != "" {
		return scim.InvalidPath("path %q %s", path, instead)
	}
	return nil
}

// strictKey refuses a path where the name of an attribute is expected, or the
// URN of a schema.
func (c *compiler) strictKey(below *schema.Schema, key string) error {
	if !c.o.Strict || below == nil && c.t.Schema(key) != nil {
		return nil
	}
	ref, known := c.t.Resolve(key)
	short := below == nil && known && ref.Misspelt(key) != ""
	if strings.ContainsAny(key, ".[:") || short {
		return schema.NotAName(c.t, key)
	}
	return nil
}

// strictReadOnly refuses what others may repeat.
func (c *compiler) strictReadOnly(p filter.Path) error {
	if c.o.Strict {
		return scim.Mutability("%s is read-only", p.Leaf())
	}
	return nil
}
