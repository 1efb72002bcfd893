package bench

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseProcess(t *testing.T) {
	t.Parallel()
	const line = "4711 (a) b (c) S 42 4711 4711 0 -1 4194560 100 200 0 0 12 34 56 78 20 0 1 0 999 1000000 500"
	got, ok := parseProcess([]byte(line))
	want := process{name: "a) b (c", parent: 42, own: 460 * time.Millisecond, waited: 1340 * time.Millisecond}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(process{})); !ok || diff != "" {
		t.Errorf("parsed %v (-want +got):\n%s", ok, diff)
	}
	for _, broken := range []string{"", "4711", "4711 (a) S 42", ") 4711 (", "1 (a) S x 1 1 0 -1 0 1 2 0 0 1 1 1 1 20 0"} {
		if p, ok := parseProcess([]byte(broken)); ok {
			t.Errorf("parseProcess(%q) = %+v, want that it cannot be read", broken, p)
		}
	}
}
