package schema_test

import (
	"testing"
	"time"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// What a document may allocate: as it is answered almost nothing, because it is stored
// as it is answered; as it is decoded some for each of its values.
// Allocations are counted of the whole program: no other test may run meanwhile.
func TestDocuments_KeepTheBudget(t *testing.T) {
	when := time.Date(2026, 1, 31, 8, 30, 0, 0, time.UTC)
	doc := decode(t, schema.User, ada)
	stored := schema.User.Encode(doc)
	answer := schema.Answer{
		ID: id(9), Version: 7, Created: when, Modified: when, Doc: stored,
		Links: []schema.AnswerLink{{ID: id(1), Display: "Sales"}},
	}
	whole := schema.User.Renderer(mount, schema.Projection{})
	part := schema.User.Renderer(mount, schema.User.Project([]string{"userName,emails.value"}, nil))
	other := schema.User.Renderer(mount, schema.Projection{})
	other.SeenFrom("other", false)
	plain := answer
	schema.ID.Set(doc, answer.ID.String())
	delete(doc, scim.GenesysUserURN)
	plain.Doc = schema.User.Encode(doc)
	dst := make([]byte, 0, 2*len(stored))
	for name, c := range map[string]struct {
		do   func()
		most float64
	}{
		"answering":        {func() { dst = whole.Append(dst[:0], answer) }, 0},
		"to a domain":      {func() { dst = other.Append(dst[:0], plain) }, 0},
		"answering a part": {func() { dst = part.Append(dst[:0], answer) }, 0},
		"encoding":         {func() { schema.User.Encode(doc) }, 4},
		"loading":          {func() { _, _ = schema.User.Load(stored) }, 190},
		"decoding a POST":  {func() { decode(t, schema.User, ada) }, 310},
		"folding lower":    {func() { schema.Fold("ada@example.org") }, 0},
		"folding capitals": {func() { schema.Fold("Ada@Example.org") }, 1},
	} {
		if got := testing.AllocsPerRun(100, c.do); got > c.most {
			t.Errorf("%s allocates %g times, at most %g are allowed", name, got, c.most)
		}
	}
}
