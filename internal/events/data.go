package events

import (
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// data is the change itself: the body of the request that would make it. It is
// nil when that would say nothing, since what is never returned is never told.
func (c Change) data() json.RawMessage {
	var body any
	if c.Kind == Patched {
		operations := c.operations()
		if len(operations) == 0 {
			return nil
		}
		body = map[string]any{"schemas": []string{scim.PatchOpURN}, "Operations": operations}
	} else {
		resource := json.RawMessage(c.Type.Shown(c.New))
		if c.Members != nil && c.Members.Replaced {
			whole := map[string]any{}
			_ = json.Unmarshal(resource, &whole) // it was just written
			whole[schema.Members.Name] = elements(c.Members.All)
			body = whole
		} else {
			body = resource
		}
	}
	data, _ := json.Marshal(body) // maps, texts and JSON
	return data
}

// operation is one of a PATCH (RFC 7644 section 3.5.2).
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// operations lead from the old state to the new one, attribute by attribute.
func (c Change) operations() []operation {
	shown, _ := c.Type.Load(c.Type.Shown(c.New)) // it was just written
	var operations []operation
	for a := range c.attributes {
		switch value := a.Get(shown); {
		case value != nil:
			operations = append(operations, operation{"replace", a.String(), value})
		case a.Get(c.New) == nil:
			operations = append(operations, operation{"remove", a.String(), nil})
		}
	}
	if c.Members == nil {
		return operations
	}
	if len(c.Members.Added) > 0 {
		operations = append(operations, operation{"add", schema.Members.String(), elements(c.Members.Added)})
	}
	for _, id := range c.Members.Removed {
		operations = append(operations, operation{"remove", fmt.Sprintf("%s[value eq %q]", schema.Members, id), nil})
	}
	return operations
}

// elements are ids as the values of members.
func elements(ids []uuid.UUID) []map[string]string {
	list := make([]map[string]string, len(ids))
	for i, id := range ids {
		list[i] = map[string]string{"value": id.String()}
	}
	return list
}
