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
		ID: "01985b2e-7a3c-7c11-9a42-5a1fd0c07d3f", Version: 7, Created: when, Modified: when,
		Doc: schema.User.Encode(decode(b, schema.User, ada)), Mount: mount,
		Links: []schema.AnswerLink{{"01985b2e-7a3c-7c11-9a42-000000000001", "Sales"}, {"01985b2e-7a3c-7c11-9a42-000000000002", "Support"}},
	}
	for name, p := range map[string]schema.Projection{
		"default":  {},
		"few":      schema.User.Project([]string{"userName,emails.value"}, nil),
		"excluded": schema.User.Project(nil, []string{"groups"}),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var dst []byte
			for b.Loop() {
				dst = schema.User.Append(dst[:0], r, p)
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
