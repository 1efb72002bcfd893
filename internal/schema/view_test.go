package schema_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// What is read by the bytes of a document is what its values say, whatever extensions it
// has, and whether or not it was stored before there were domains; in strict organisations
// too.
func TestRenderer_SeenFrom(t *testing.T) {
	t.Parallel()
	badge, err := schema.ParseSchema([]byte(`{"id": "urn:example:Badge", "attributes": [{"name": "externalIds"}, {"name": "number"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range []*schema.Type{schema.User, schema.User.With(badge)} {
		rapid.Check(t, func(t *rapid.T) {
			before := documents(typ).Draw(t, "document")
			schema.ID.Set(before, id(9).String())
			shown := before.Clone()
			typ.Kept(before, shown, "", true)
			linked := shown.Clone()
			schema.ExternalID.Set(linked, "B-1")
			typ.Kept(shown, linked, "B", true)
			for _, stored := range []scim.Document{before, shown} {
				expectSeen(t, typ, stored, "", false, shown)
				foreign := shown.Clone()
				schema.ExternalID.Clear(foreign)
				expectSeen(t, typ, stored, "B", false, foreign)
			}
			expectSeen(t, typ, linked, "", false, linked)
			own := linked.Clone()
			schema.ExternalID.Set(own, "B-1")
			expectSeen(t, typ, linked, "B", false, own)
			for _, stored := range []scim.Document{before, shown, linked} {
				expectSeen(t, typ, stored, "", true, typ.Seen(stored, ""))
				expectSeen(t, typ, stored, "B", true, typ.Seen(stored, "B"))
			}
		})
	}
}

func expectSeen(t *rapid.T, typ *schema.Type, stored scim.Document, domain string, only bool, want scim.Document) {
	t.Helper()
	render := func(doc scim.Document, by *schema.Renderer) string {
		return string(by.Append(nil, schema.Answer{ID: id(9), Doc: typ.Encode(doc), Version: 1, Created: time.Unix(0, 0), Modified: time.Unix(0, 0)}))
	}
	by := typ.Renderer(mount, schema.Projection{})
	by.SeenFrom(domain, only)
	if diff := cmp.Diff(render(want, typ.Renderer(mount, schema.Projection{})), render(stored, by)); diff != "" {
		t.Errorf("seen from %q (-want +got):\n%s", domain, diff)
	}
}
