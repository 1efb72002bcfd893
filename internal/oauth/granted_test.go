package oauth

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// What is kept is bounded, the largest make room, and no verdict holds one of those.
func TestSets_AreBounded(t *testing.T) {
	t.Parallel()
	verdicts := newCache(1000)
	s := newSets(1<<20, verdicts.drop)
	until := time.Now().Add(time.Hour)
	put := func(name string) {
		d := DigestOf([][]byte{[]byte(name)})
		p := s.put(d, NewPermissions(name))
		verdicts.put(d, verdict{principal: &Principal{Permissions: p}, until: until})
		if again := s.put(d, NewPermissions(name)); again != p {
			t.Fatal("there are two sets of the same")
		}
	}
	const small = 100
	for i := range small {
		put(fmt.Sprint("small", i))
	}
	for i := range 100 {
		put(fmt.Sprint(i, strings.Repeat("x", 100<<10)))
		if s.bytes > 1<<20 {
			t.Fatalf("%d bytes are kept", s.bytes)
		}
	}
	if n := len(s.known); n < small+5 || n > small+10 {
		t.Errorf("%d sets are kept, want all %d small ones and a few large ones", n, small)
	}
	if len(verdicts.entries) != len(s.known) {
		t.Errorf("%d verdicts hold a set, and %d sets are kept", len(verdicts.entries), len(s.known))
	}
}
