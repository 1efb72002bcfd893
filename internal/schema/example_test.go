package schema_test

import (
	"fmt"

	"github.com/purescim/purescim/internal/schema"
)

// A resource type decodes what a client sends into a canonical document, and encodes
// documents for storage and for answers.
func Example() {
	in, err := schema.User.Decode(map[string]any{
		"USERNAME":     "ada@example.org",
		"active":       "True",
		"phoneNumbers": []any{map[string]any{"type": "work", "value": "(317) 572-4245"}},
	}, schema.Options{Region: "US"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(schema.User.Encode(in.Doc)))
	fmt.Println(schema.UserName.Text(in.Doc), in.Sent(schema.UserName), in.Sent(schema.Title))

	_, err = schema.User.Decode(map[string]any{"active": "maybe"}, schema.Options{})
	fmt.Println(err)
	// Output:
	// {"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada@example.org","active":true,"phoneNumbers":[{"value":"+13175724245","type":"work"}]}
	// ada@example.org true false
	// invalidValue: active: "maybe" is not allowed; true or false is expected
}
