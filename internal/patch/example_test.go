package patch_test

import (
	"fmt"

	"github.com/purescim/purescim/internal/patch"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Operations are compiled once, which finds what is wrong with them, and applied to a
// document, which stays as it is.
func Example() {
	operations, err := scim.ParsePatch([]byte(`{
		"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
		"Operations": [
			{"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "ada@example.org"},
			{"op": "Replace", "path": "active", "value": "False"}
		]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	plan, err := patch.Compile(schema.User, operations, schema.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	ada := scim.Document{"userName": "ada", "active": true}
	changed, err := plan.Apply(ada)
	fmt.Println(changed["emails"], changed["active"], err)
	fmt.Println(ada["active"])

	_, err = patch.Compile(schema.User, []scim.PatchOp{{Op: "replace", Path: "active", Value: "maybe", HasValue: true}}, schema.Options{})
	fmt.Println(err)
	// Output:
	// [map[type:work value:ada@example.org]] false <nil>
	// true
	// invalidValue: operation 1: active: "maybe" is not allowed; true or false is expected
}
