package main

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
)

const (
	followPause = time.Second
	// followBack is how long an entry may take from its id to its commit.
	followBack = 10 * time.Second
	// followAtOnce is how many entries are read at a time.
	followAtOnce = 1000
)

// follower reads what comes into a log. An entry may be committed after others that were
// made later, so those of a while are read again and told once.
type follower struct {
	log  *provisioning.Log
	org  org.ID
	q    provisioning.Query
	from time.Time // of the entries that are read again
	told map[uuid.UUID]bool
}

func newFollower(l *provisioning.Log, id org.ID, q provisioning.Query, now time.Time) *follower {
	q.Limit = followAtOnce
	return &follower{log: l, org: id, q: q, from: back(now), told: make(map[uuid.UUID]bool)}
}

// back is since when entries are read again, in milliseconds as their ids have it.
func back(now time.Time) time.Time { return now.Add(-followBack).Truncate(time.Millisecond) }

// fresh leaves those entries that were not told yet.
func (f *follower) fresh(entries []provisioning.Entry) []provisioning.Entry {
	entries = slices.DeleteFunc(entries, func(e provisioning.Entry) bool { return f.told[e.ID] })
	for _, e := range entries {
		f.told[e.ID] = true
	}
	return entries
}

// read tells what has come, some entries at a time.
func (f *follower) read(ctx context.Context, now time.Time, tell func([]provisioning.Entry) error) error {
	if since := back(now); since.After(f.from) {
		f.from = since
		maps.DeleteFunc(f.told, func(id uuid.UUID, _ bool) bool { return provisioning.TimeOf(id).Before(since) })
	}
	for after := provisioning.FirstID(f.from); after != uuid.Nil; {
		entries, next, err := f.log.Since(ctx, f.org, f.q, after)
		if err != nil {
			return err
		}
		if err := tell(f.fresh(entries)); err != nil {
			return err
		}
		after = next
	}
	return nil
}

// follow prints the newest entries, and then those that come.
func (o logOutput) follow(ctx context.Context, c console, l *provisioning.Log, id org.ID, q provisioning.Query) error {
	entries, err := newest(ctx, l, id, q)
	if err != nil {
		return err
	}
	if o.Output == "json" {
		o.Output = "jsonl" // there is no end to put a bracket at
	}
	look := style{header: true, colour: coloured(c.out)}
	tell := func(entries []provisioning.Entry) error {
		err := o.print(c.out, entries, look)
		look.header = false
		return err
	}
	f := newFollower(l, id, q, time.Now())
	for err = tell(f.fresh(entries)); err == nil; err = f.read(ctx, time.Now(), tell) {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(followPause):
		}
	}
	return err
}
