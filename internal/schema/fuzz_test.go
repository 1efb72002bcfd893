package schema_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/scimtest"
)

// FuzzDecode: a body is refused with a 400, or gives a document that is the same
// after it was stored, and again when its stored form is sent.
func FuzzDecode(f *testing.F) {
	for _, s := range scimtest.LoadScenarios(f) {
		for _, step := range s.Steps {
			if r := step.Request; r != nil && len(r.Body) > 0 {
				f.Add([]byte(r.Body))
			}
		}
	}
	f.Add(ada)
	f.Add([]byte(`{"` + testURN + `":{"level":-0,"score":1e-7,"tags":"x","badge":"y"},"urn:example:every:kind":{"when":"2026-12-31T24:00:00","counts":[1,2],"parts":{"labels":["a","b"],"size":-0.0}}}`))
	f.Add([]byte(`{"roles":["{\"value\":\"{\\\"value\\\":\\\"x\\\"}\"}"],"manager":[["m"]],"emails":[[]]}`))
	typ := rich(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, o := range []schema.Options{{Region: "US"}, {Strict: true}} {
			doc, ok := decodeOrRefuse(t, typ, body, o)
			if !ok {
				continue
			}
			stored := typ.Encode(doc)
			loaded, err := typ.Load(stored)
			if err != nil {
				t.Fatalf("%v: %s", err, stored)
			}
			schema.Password.Clear(doc)
			typ.Attribute("hidden").Clear(doc)
			if diff := cmp.Diff(withoutHidden(doc), loaded); diff != "" {
				t.Fatalf("(-decoded +loaded):\n%s", diff)
			}
			again, ok := decodeOrRefuse(t, typ, stored, o)
			if !ok {
				t.Fatalf("the stored form is refused: %s", stored)
			}
			if diff := cmp.Diff(loaded, again); diff != "" {
				t.Fatalf("(-decoded +decoded again):\n%s", diff)
			}
		}
	})
}

func decodeOrRefuse(t *testing.T, typ *schema.Type, body []byte, o schema.Options) (scim.Document, bool) {
	t.Helper()
	object, err := scim.ParseObject(body)
	if err == nil {
		var in schema.Input
		if in, err = typ.Decode(object, o); err == nil {
			return in.Doc, true
		}
	}
	if e := (*scim.Error)(nil); !errors.As(err, &e) || e.Status != 400 || e.Detail == "" {
		t.Fatalf("error %v is no 400 with a detail", err)
	}
	return nil, false
}
