package org_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/purescim/purescim/internal/org"
)

func TestNewIDIsPositiveAndSortsByAge(t *testing.T) {
	t.Parallel()
	before := time.Now().UnixMilli()
	seen := make(map[org.ID]bool)
	for range 1000 {
		id := org.NewID()
		if id <= 0 {
			t.Fatalf("id %d", id)
		}
		if ms := int64(id) >> 20; ms < before || ms > time.Now().UnixMilli() {
			t.Fatalf("id %d was made at %d ms, not now", id, ms)
		}
		seen[id] = true
	}
	// 20 random bits a millisecond: a few of a thousand may meet by chance.
	if len(seen) < 990 {
		t.Errorf("only %d of 1000 ids are different", len(seen))
	}
}

func TestIDsRoundTrip(t *testing.T) {
	t.Parallel()
	for _, id := range []org.ID{1, org.NewID(), 1<<63 - 1} {
		if got, err := org.ParseID(id.String()); err != nil || got != id {
			t.Errorf("ParseID(%s) = %d, %v", id, got, err)
		}
	}
	for _, s := range []string{"", "0", "-1", "+1", "01", "1.0", " 1", "x", "9223372036854775808"} {
		if got, err := org.ParseID(s); err == nil {
			t.Errorf("ParseID(%q) = %d, want an error", s, got)
		}
	}
}

func TestDefaultSettings(t *testing.T) {
	t.Parallel()
	want := org.Settings{DefaultRegion: "US", RemovalLimit: 1000, ChangeLogDays: 400, RefusalLogDays: 30, DeletedUserDays: 400, Tolerate: []string{"manager"}, UserBrake: org.Brake{Percent: 25, Least: 50}, MemberBrake: org.Brake{Percent: 50, Least: 100}, LoopLimit: 24}
	if got := org.DefaultSettings(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
