package filter_test

import (
	"fmt"

	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// A filter is parsed over a resource type, prints in one spelling, and tests
// documents.
func Example() {
	f, err := filter.Parse(schema.User, `USERNAME eq "Ada@Example.org" and (email ew example.org)`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(f)
	ada := scim.Document{
		"userName": "ada@example.org",
		"emails":   []any{map[string]any{"value": "ada@example.org", "type": "work"}},
	}
	fmt.Println(filter.Match(f.Root(), ada))

	_, err = filter.Parse(schema.User, `shoeSize gt 40`)
	fmt.Println(err)
	// Output:
	// userName eq "ada@example.org" and emails.value ew "example.org"
	// true
	// invalidFilter: "shoeSize" is not an attribute of User; GET /Schemas lists those that are
}
