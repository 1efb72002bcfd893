package schema_test

import (
	_ "embed"
	"testing"
	"time"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// ada is a user with everything that an identity provider usually sends.
//
//go:embed testdata/ada.json
var ada []byte

func decode(t testing.TB, typ *schema.Type, body []byte) scim.Document {
	t.Helper()
	object, err := scim.ParseObject(body)
	if err != nil {
		t.Fatal(err)
	}
	in, err := typ.Decode(object, schema.Options{Region: "US"})
	if err != nil {
		t.Fatal(err)
	}
	return in.Doc
}

func BenchmarkDecode(b *testing.B) {
	b.SetBytes(int64(len(ada)))
	b.ReportAllocs()
	for b.Loop() {
		decode(b, schema.User, ada)
	}
}

func BenchmarkLoad(b *testing.B) {
	stored := schema.User.Encode(decode(b, schema.User, ada))
	b.SetBytes(int64(len(stored)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := schema.User.Load(stored); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	doc := decode(b, schema.User, ada)
	b.SetBytes(int64(len(schema.User.Encode(doc))))
	b.ReportAllocs()
	for b.Loop() {
		schema.User.Encode(doc)
	}
}

func BenchmarkAppend(b *testing.B) {
	when := time.Date(2026, 1, 31, 8, 30, 0, 0, time.UTC)
	r := schema.Answer{
		ID: id(9), Version: 7, Created: when, Modified: when,
		Doc:   schema.User.Encode(decode(b, schema.User, ada)),
		Links: []schema.AnswerLink{{ID: id(1), Display: "Sales"}, {ID: id(2), Display: "Support"}},
	}
	for name, p := range map[string]schema.Projection{
		"default":  {},
		"few":      schema.User.Project([]string{"userName,emails.value"}, nil),
		"excluded": schema.User.Project(nil, []string{"groups"}),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var dst []byte
			by := schema.User.Renderer(mount, p)
			for b.Loop() {
				dst = by.Append(dst[:0], r)
			}
		})
	}
}

func BenchmarkFold(b *testing.B) {
	for name, s := range map[string]string{"lower": "ada@example.org", "mixed": "Ada@Example.org", "unicode": "Ådå Löwenstraße"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				schema.Fold(s)
			}
		})
	}
}
