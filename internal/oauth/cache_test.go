package oauth

import (
	"encoding/binary"
	"testing"
	"time"
)

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	c := newCache(100)
	now := time.Now()
	key := func(n int) (k [32]byte) {
		binary.BigEndian.PutUint64(k[:], uint64(n))
		return k
	}
	for n := range 1000 {
		c.put(key(n), verdict{until: now.Add(time.Duration(n) * time.Second)})
		if len(c.entries) > 100 {
			t.Fatalf("%d entries after %d tokens", len(c.entries), n+1)
		}
	}
	if _, ok := c.get(key(999), now); !ok {
		t.Error("the newest entry is gone")
	}
	if _, ok := c.get(key(999), now.Add(999*time.Second)); ok {
		t.Error("an entry held on beyond its end")
	}
}
