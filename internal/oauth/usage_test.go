package oauth

import (
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestUsage_RemembersFewTokensThatEnd(t *testing.T) {
	t.Parallel()
	u, at := newUsage(), time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	kept, soon := uuid.New(), at.Add(time.Hour)
	for range maxEnding - 1 {
		u.ends(uuid.New(), soon, at)
	}
	if !u.ends(kept, at.Add(10*24*time.Hour), at) || u.expiring(at) != maxEnding {
		t.Errorf("%d tokens expire, want %d", u.expiring(at), maxEnding)
	}
	if u.ends(uuid.New(), soon, at) || len(u.ending) != maxEnding {
		t.Errorf("%d tokens are remembered, want %d", len(u.ending), maxEnding)
	}
	if u.forget(soon); len(u.ending) != 1 || u.expiring(soon) != 1 {
		t.Errorf("%d tokens are remembered, want the one that has not ended", len(u.ending))
	}
	if !u.ends(kept, at.Add(10*24*time.Hour), soon) || !u.ends(uuid.New(), soon.Add(time.Hour), soon) {
		t.Error("there is room again, but nothing is told")
	}
	if u.forget(soon.Add(inUse)); len(u.ending) != 0 {
		t.Errorf("%d tokens are remembered that nobody used for a day", len(u.ending))
	}
}
