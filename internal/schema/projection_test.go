package schema_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

var when = time.Date(2026, 1, 31, 9, 30, 0, 123_000_000, time.FixedZone("CET", 3600))

func answer(typ *schema.Type, doc scim.Document, links ...schema.AnswerLink) schema.Answer {
	return schema.Answer{Key: "1", Version: 7, Created: when, Modified: when.Add(time.Hour), Doc: typ.Encode(doc), Links: links}
}

// id is an id that ends with n.
func id(n byte) uuid.UUID { return uuid.UUID{15: n} }

func answered(t interface{ Fatalf(string, ...any) }, typ *schema.Type, r schema.Answer, p schema.Projection) map[string]any {
	text := typ.Renderer(mount, p).Append(nil, r)
	v, err := scim.ParseObject(text) // which is strict
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

// A reference is made absolute; what only looks like one is left as it is.
func TestAppend_MakesReferencesAbsolute(t *testing.T) {
	t.Parallel()
	r := answer(schema.User, scim.Document{"id": "1"})
	r.Doc = []byte(`{"id":"1","x":[{"$ref":"../Users/2"},{"x$ref":"../Users/3"},{"y":"\"$ref\":\"../Users/4"},{"$ref":"../Users/5"}]}`)
	text := string(schema.User.Renderer(mount, schema.Projection{}).Append(nil, r))
	want := `"x":[{"$ref":"` + mount + `/Users/2"},{"x$ref":"../Users/3"},{"y":"\"$ref\":\"../Users/4"},{"$ref":"` + mount + `/Users/5"}]`
	if !strings.Contains(text, want) {
		t.Errorf("%s\nhas not %s", text, want)
	}
}

func TestAppend(t *testing.T) {
	t.Parallel()
	r := answer(schema.User, scim.Document{"id": "1", "userName": "ada", "active": true}, schema.AnswerLink{ID: id(103), Display: `"Sales"`})
	want := `{"schemas":["` + scim.UserURN + `"],"id":"1","userName":"ada","active":true,` +
		`"groups":[{"value":"` + id(103).String() + `","$ref":"` + mount + `/Groups/` + id(103).String() + `","display":"\"Sales\"","type":"direct"}],` +
		`"meta":{"resourceType":"User","created":"2026-01-31T08:30:00.123Z","lastModified":"2026-01-31T09:30:00.123Z","location":"` + mount + `/Users/1","version":"7"}}`
	if diff := cmp.Diff(want, string(schema.User.Renderer(mount, schema.Projection{}).Append(nil, r))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	r = answer(schema.Group, scim.Document{"id": "1", "displayName": "Sales"}, schema.AnswerLink{ID: id(117), Display: "Ada"}, schema.AnswerLink{ID: id(118)})
	want = `{"schemas":["` + scim.GroupURN + `"],"id":"1","displayName":"Sales",` +
		`"members":[{"value":"` + id(117).String() + `","$ref":"` + mount + `/Users/` + id(117).String() + `","type":"User","display":"Ada"},{"value":"` + id(118).String() + `","$ref":"` + mount + `/Users/` + id(118).String() + `","type":"User"}],` +
		`"meta":{"resourceType":"Group","created":"2026-01-31T08:30:00.123Z","lastModified":"2026-01-31T09:30:00.123Z","location":"` + mount + `/Groups/1","version":"7"}}`
	if diff := cmp.Diff(want, string(schema.Group.Renderer(mount, schema.Projection{}).Append(nil, r))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestProject(t *testing.T) {
	t.Parallel()
	user := answer(schema.User, decode(t, schema.User, ada), schema.AnswerLink{ID: id(103), Display: "Sales"})
	group := answer(schema.Group, scim.Document{"id": "1", "displayName": "Sales"}, schema.AnswerLink{ID: id(117)})
	minimum := "active meta schemas userName"
	for _, test := range []struct {
		typ                  *schema.Type
		r                    schema.Answer
		attributes, excluded string
		want                 string // the names of the answer
	}{
		{schema.User, user, "shoeSize", "", minimum},
		{schema.User, user, "password", "", minimum},
		{schema.User, user, "userName", "", minimum},
		{schema.User, user, " TITLE ,, nickName", "", minimum + " title"},
		{schema.User, user, "groups", "", minimum + " groups"},
		{schema.User, user, "groups", "groups", minimum},
		{schema.User, user, "title,emails", "emails", minimum + " title"},
		{schema.User, user, "emails.value", "emails.value", minimum},
		{schema.User, user, scim.UserURN + ":title", "", minimum + " title"},
		{schema.User, user, scim.UserURN + ":name.givenName", "name.familyName", minimum + " name"},
		{schema.User, user, "department", "", minimum + " " + scim.EnterpriseUserURN},
		{schema.User, user, strings.ToUpper(scim.EnterpriseUserURN) + ":manager.VALUE", "", minimum + " " + scim.EnterpriseUserURN},
		{schema.User, user, scim.EnterpriseUserURN, "department", minimum + " " + scim.EnterpriseUserURN},
		{schema.User, user, scim.EnterpriseUserURN, scim.EnterpriseUserURN, minimum},
		{schema.User, user, "title", "userName,active,meta,schemas,id", minimum + " title"},
		{schema.Group, group, "shoeSize", "", "id meta schemas"},
		{schema.Group, group, "displayName", "", "displayName id meta schemas"},
		{schema.Group, group, "", "members", "displayName id meta schemas"},
		{schema.Group, group, "members.display", "", "id meta schemas"}, // it has none
		{schema.Group, group, "", "shoeSize", "displayName id members meta schemas"},
		{schema.Group, group, "", "", "displayName id members meta schemas"},
	} {
		p := test.typ.Project([]string{test.attributes}, []string{test.excluded})
		got := answered(t, test.typ, test.r, p)
		names := make(map[string]bool)
		for name := range strings.FieldsSeq(test.want) {
			names[name] = true
		}
		for name := range got {
			if !names[name] {
				t.Errorf("attributes=%s excludedAttributes=%s: %s is in the answer", test.attributes, test.excluded, name)
			}
			delete(names, name)
		}
		for name := range names {
			t.Errorf("attributes=%s excludedAttributes=%s: %s is missing", test.attributes, test.excluded, name)
		}
	}
}

func TestProjectKeepsSubAttributes(t *testing.T) {
	t.Parallel()
	r := answer(schema.User, scim.Document{"emails": list{object{"value": "a", "type": "work"}, object{"type": "home"}}}, schema.AnswerLink{ID: id(103), Display: "Sales"})
	got := answered(t, schema.User, r, schema.User.Project([]string{"emails.value", "groups.display,groups.value"}, []string{"groups.value"}))
	delete(got, "meta")
	want := map[string]any{"schemas": list{scim.UserURN}, "emails": list{object{"value": "a"}}, "groups": list{object{"display": "Sales"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// The whole attribute wins over a part of it, in either order.
	for _, attributes := range []string{"emails,emails.value", "emails.value,emails"} {
		got := answered(t, schema.User, r, schema.User.Project([]string{attributes}, nil))
		if diff := cmp.Diff(list{object{"value": "a", "type": "work"}, object{"type": "home"}}, got["emails"]); diff != "" {
			t.Errorf("attributes=%s (-want +got):\n%s", attributes, diff)
		}
	}
}

// chosen is a name in a selection, and what it stands for.
type chosen struct {
	text      string
	schema    *schema.Schema    // a bare URN
	attr, sub *schema.Attribute // else; nil for an unknown name
}

func (c chosen) covers(a, sub *schema.Attribute) bool {
	if c.schema != nil {
		return slices.Contains(c.schema.Attributes, a)
	}
	return c.attr == a && (c.sub == nil || c.sub == sub)
}

func choices(typ *schema.Type) *rapid.Generator[[]chosen] {
	one := rapid.Custom(func(t *rapid.T) chosen {
		var c chosen
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0:
			return chosen{text: rapid.SampledFrom([]string{"shoeSize", "urn:x:y", "name.shoe", ".", "emails."}).Draw(t, "unknown")}
		case 1:
			c.schema = rapid.SampledFrom(append([]*schema.Schema{typ.Core}, typ.Extensions...)).Draw(t, "schema")
			c.text = c.schema.ID
		default:
			var all []*schema.Attribute
			for a := range typ.Attributes {
				all = append(all, a)
			}
			c.attr = rapid.SampledFrom(all).Draw(t, "attribute")
			c.text = c.attr.String()
			if len(c.attr.Sub) > 0 && rapid.Bool().Draw(t, "part") {
				c.sub = rapid.SampledFrom(c.attr.Sub).Draw(t, "sub-attribute")
				c.text = c.sub.String()
			}
			if c.attr.Extension() == "" && rapid.Bool().Draw(t, "URN") {
				c.text = typ.Core.ID + ":" + c.text
			}
		}
		if rapid.Bool().Draw(t, "upper") {
			c.text = strings.ToUpper(c.text)
		}
		return c
	})
	return rapid.SliceOfN(one, 0, 5)
}

func textsOf(list []chosen) []string {
	var texts []string
	for _, c := range list {
		texts = append(texts, c.text)
	}
	return texts
}

// TestAppendIsTheFilteredDocument compares each answer with a slow reference:
// the whole document, decoded, leaf for leaf.
func TestAppendIsTheFilteredDocument(t *testing.T) {
	t.Parallel()
	for _, typ := range []*schema.Type{rich(t), schema.User, schema.Group} {
		rapid.Check(t, func(t *rapid.T) {
			r := answer(typ, documents(typ).Draw(t, "document"))
			for i := range rapid.IntRange(0, 2).Draw(t, "links") {
				r.Links = append(r.Links, schema.AnswerLink{ID: id(byte(i)), Display: rapid.SampledFrom([]string{"", `"`, "Sales"}).Draw(t, "display")})
			}
			include, exclude := choices(typ).Draw(t, "attributes"), choices(typ).Draw(t, "excludedAttributes")
			whole := everything(t, typ, r)
			got := answered(t, typ, r, typ.Project(textsOf(include), textsOf(exclude)))
			want := filtered(typ, whole, func(a, sub *schema.Attribute) bool { return wanted(include, exclude, a, sub) })
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("attributes=%q excludedAttributes=%q (-reference +got):\n%s", textsOf(include), textsOf(exclude), diff)
			}
		})
	}
}

// everything is the answer with all that is stored, also what must be asked for.
func everything(t *rapid.T, typ *schema.Type, r schema.Answer) map[string]any {
	whole := answered(t, typ, r, schema.Projection{})
	stored, err := scim.ParseObject(r.Doc)
	if err != nil {
		t.Fatalf("%v: %s", err, r.Doc)
	}
	maps.Copy(whole, stored)
	return whole
}

// wanted is RFC 7644 section 3.9 for one leaf: sub is nil for a simple attribute.
func wanted(include, exclude []chosen, a, sub *schema.Attribute) bool {
	leaf := a
	if sub != nil {
		leaf = sub
	}
	named := func(list []chosen) bool {
		for _, c := range list {
			if c.covers(a, sub) {
				return true
			}
		}
		return false
	}
	partOf := func(list []chosen) bool { // some part of a is named
		for _, c := range list {
			if c.attr == a || c.covers(a, nil) {
				return true
			}
		}
		return false
	}
	exactly := func(list []chosen, b *schema.Attribute) bool { // the whole of b is named
		for _, c := range list {
			if c.covers(a, nil) && b == a || c.sub == b && b != a {
				return true
			}
		}
		return false
	}
	switch {
	case a.Returned == schema.ReturnedAlways:
		return true
	case leaf.Returned == schema.ReturnedNever || exactly(exclude, a):
		return false
	case len(include) > 0 && !partOf(include), len(include) == 0 && a.Returned == schema.ReturnedRequest:
		return false
	case sub == nil || sub.Returned == schema.ReturnedAlways:
		return true
	case named(exclude):
		return false
	case sub.Returned == schema.ReturnedRequest:
		return exactly(include, sub) && !exactly(include, a)
	default:
		return len(include) == 0 || named(include)
	}
}

// filtered keeps the leaves of an answer that are wanted, and drops what is empty then.
func filtered(typ *schema.Type, whole map[string]any, want func(a, sub *schema.Attribute) bool) map[string]any {
	result := make(map[string]any)
	for a := range typ.Attributes {
		from, to := whole, result
		if urn := a.Extension(); urn != "" {
			from, _ = whole[urn].(map[string]any)
			to, _ = result[urn].(map[string]any)
			if to == nil {
				to = make(map[string]any)
			}
		}
		if v := filteredValue(from[a.Name], a, want); !schema.IsEmpty(v) {
			to[a.Name] = v
		}
		if urn := a.Extension(); urn != "" && len(to) > 0 {
			result[urn] = to
		}
	}
	return result
}

func filteredValue(value any, a *schema.Attribute, want func(a, sub *schema.Attribute) bool) any {
	switch v := value.(type) {
	case map[string]any:
		kept := make(map[string]any)
		for _, sub := range a.Sub {
			if x, ok := v[sub.Name]; ok && want(a, sub) {
				kept[sub.Name] = x
			}
		}
		return kept
	case []any:
		var kept []any
		for _, x := range v {
			if x = filteredValue(x, a, want); !schema.IsEmpty(x) {
				kept = append(kept, x)
			}
		}
		return kept
	default:
		if value != nil && a.Kind != schema.Complex && want(a, nil) {
			return value
		}
		return nil
	}
}

func TestAppendedMetaIsJSON(t *testing.T) {
	t.Parallel()
	r := answer(schema.User, scim.Document{"userName": "ada"})
	if text := schema.User.Renderer(`https://example.org/"quoted"`, schema.Projection{}).Append(nil, r); !json.Valid(text) {
		t.Errorf("%s is not JSON", text)
	}
}
