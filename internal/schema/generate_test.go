package schema_test

import (
	"math"
	"time"

	"pgregory.net/rapid"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// documents generates stored documents of a type: any of its attributes, with
// values as Decode makes them.
func documents(typ *schema.Type) *rapid.Generator[scim.Document] {
	return rapid.Custom(func(t *rapid.T) scim.Document {
		doc := make(scim.Document)
		for a := range typ.Attributes {
			if a == schema.Schemas || a == schema.Meta || a.Search == schema.Link || a.Returned == schema.ReturnedNever {
				continue
			}
			if rapid.IntRange(0, 3).Draw(t, "has "+a.Name) == 0 {
				a.Set(doc, value(t, a))
			}
		}
		return doc
	})
}

func value(t *rapid.T, a *schema.Attribute) any {
	if !a.MultiValued {
		return single(t, a)
	}
	var values []any
	for range rapid.IntRange(1, 3).Draw(t, a.Name+" values") {
		values = append(values, single(t, a))
	}
	return values
}

var texts = rapid.OneOf(
	rapid.SampledFrom([]string{"ada", `"`, `\`, "a\"},{\"b", "\u2028<&>", "\x01\x7f", "{}", "[", "é", "😀", "\ufffd"}),
	rapid.StringOfN(rapid.Rune().Filter(func(r rune) bool { return r != 0 }), 1, 12, -1),
)

func single(t *rapid.T, a *schema.Attribute) any {
	switch a.Kind {
	case schema.Complex:
		object := make(map[string]any)
		for _, sub := range a.Sub {
			if rapid.Bool().Draw(t, "has "+sub.Name) {
				object[sub.Name] = value(t, sub)
			}
		}
		if len(object) == 0 {
			object[a.Sub[0].Name] = value(t, a.Sub[0])
		}
		return object
	case schema.Boolean:
		return rapid.Bool().Draw(t, a.Name)
	case schema.Integer:
		return rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{0, math.MaxInt64, math.MinInt64})).Draw(t, a.Name)
	case schema.Decimal:
		return rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0.1, 1e-7, 1e21, math.MaxFloat64, 4.5})).
			Filter(func(f float64) bool { return f != 0 }).Draw(t, a.Name)
	case schema.DateTime:
		ms := rapid.Int64Range(0, 4e12).Draw(t, a.Name)
		return time.UnixMilli(ms).UTC().Format(schema.TimeLayout)
	default:
		return texts.Draw(t, a.Name)
	}
}

// everyKind is an extension with each kind of attribute in each place, and what
// is returned on request, always and never.
const everyKind = `{"id":"urn:example:every:kind","attributes":[
	{"name":"flag","type":"boolean"},
	{"name":"when","type":"dateTime"},
	{"name":"file","type":"binary","multiValued":true},
	{"name":"asked","returned":"request"},
	{"name":"kept","returned":"always"},
	{"name":"hidden","mutability":"writeOnly","returned":"never"},
	{"name":"counts","type":"integer","multiValued":true},
	{"name":"parts","type":"complex","multiValued":true,"subAttributes":[
		{"name":"labels","multiValued":true},
		{"name":"size","type":"decimal"},
		{"name":"number","type":"integer"},
		{"name":"asked","returned":"request"},
		{"name":"kept","returned":"always"},
		{"name":"hidden","mutability":"writeOnly","returned":"never"}]}]}`
