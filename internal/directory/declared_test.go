package directory

import (
	"testing"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
)

func TestDeclarations_KeepTheNewest(t *testing.T) {
	t.Parallel()
	var d declarations
	if _, ok := d.of(1); ok {
		t.Error("something is known from the start")
	}
	d.put(1, declaration{2, schema.DefaultTypes})
	d.put(1, declaration{1, nil})
	if known, ok := d.of(1); !ok || known.version != 2 || known.types == nil {
		t.Errorf("known is version %d", known.version)
	}
	d.put(1, declaration{3, nil})
	if known, _ := d.of(1); known.version != 3 {
		t.Errorf("known is version %d after a newer one", known.version)
	}
	d.put(2, declaration{})
	if _, ok := d.of(2); ok {
		t.Error("an organisation that never had a schema is kept")
	}
}

func TestDeclarations_AreBounded(t *testing.T) {
	t.Parallel()
	var d declarations
	for i := range maxDeclared + 10 {
		d.put(org.ID(i+1), declaration{1, nil})
	}
	if n := len(*d.known.Load()); n != maxDeclared {
		t.Errorf("%d organisations are kept, want %d", n, maxDeclared)
	}
	if _, ok := d.of(maxDeclared + 10); !ok {
		t.Error("the last one is not kept")
	}
}
