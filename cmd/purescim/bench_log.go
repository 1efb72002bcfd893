package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/bench"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

const entriesAtOnce = 5000

// logLoader fills the provisioning log with what connections have done to people and groups in
// some months: one entry for each person, most of them changes of titles. Four of five are of
// the first connection, and nearly none of the last.
type logLoader struct {
	*parts
	org     org.Org
	data    bench.Data
	clients []provisioning.Actor
	now     time.Time
}

// What the log holds, and what is counted beside it.
const (
	loggedDays  = 330
	refusedDays = 29 // shorter than entries of what was refused are kept
	countedDays = 8
	// mostRefused is how many people are refused at present.
	mostRefused = 1500
)

func newLogLoader(p *parts, o org.Org, data bench.Data, clients []provisioning.Actor) *logLoader {
	return &logLoader{parts: p, org: o, data: data, clients: clients, now: time.Now()}
}

func (l *logLoader) load(ctx context.Context, progress func(bench.Step)) error {
	if err := l.store.MakeRoom(ctx, l.timeOf(0)); err != nil {
		return err
	}
	n := len(l.data.Users)
	err := inParts(ctx, n, entriesAtOnce, l.entries, func(done int) { progress(bench.Step{What: "loading the log", Done: done, Total: n}) })
	if err != nil {
		return err
	}
	return l.count(ctx)
}

// entries loads the entries from first to before end.
func (l *logLoader) entries(ctx context.Context, first, end int) error {
	entries := make([]provisioning.Entry, end-first)
	for i := range entries {
		var err error
		if entries[i], err = l.entry(first + i); err != nil {
			return err
		}
	}
	return l.store.LoadLog(ctx, l.org.ID, entries)
}

// timeOf is when entry i was made: they are spread over the days.
func (l *logLoader) timeOf(i int) time.Time {
	const days = loggedDays * 24 * time.Hour
	return l.now.Add(-days + time.Duration(float64(days)*float64(i+1)/float64(len(l.data.Users)+1)))
}

// idOf is the id of entry i.
func (l *logLoader) idOf(i int) uuid.UUID {
	id := provisioning.FirstID(l.timeOf(i))
	binary.BigEndian.PutUint64(id[8:], uint64(i))
	id[6], id[8] = id[6]|0x70, id[8]|0x80 // a UUID of version 7
	return id
}

// userOf is the number of the user of whom entry i tells: all take their turn, without an order.
func (l *logLoader) userOf(i int) int {
	const step = 7919
	return i * step % len(l.data.Users)
}

// actorOf is who made entry i.
func (l *logLoader) actorOf(i int) provisioning.Actor {
	last := len(l.clients) - 1
	switch {
	case i%20_011 == 0:
		return l.clients[last]
	case i%5 == 0:
		return l.clients[1+i/5%(last-1)]
	default:
		return l.clients[0]
	}
}

// entry is entry i of the log.
func (l *logLoader) entry(i int) (e provisioning.Entry, err error) {
	u := l.userOf(i)
	e = provisioning.Entry{
		ID: l.idOf(i), Actor: l.actorOf(i), Address: "192.0.2.1", System: provisioning.Entra, CorrelationID: uuid.NewString(),
		Operation: provisioning.Update, Result: provisioning.Success, Duration: 3 * time.Millisecond,
		Target: provisioning.Target{Type: provisioning.User, ID: uuid.MustParse(l.data.Users[u]), Name: l.data.UserName(u)},
	}
	switch kind := i % 20; {
	case i%10_007 == 0:
		e.Operation, e.Changes = provisioning.Rename, []provisioning.Change{{Attribute: "userName", Before: "former-" + e.Target.Name, After: e.Target.Name}}
		e.Target.Name = "former-" + e.Target.Name
	case l.isRefused(i):
		l.refuse(&e)
	case kind == 0:
		e.Operation = provisioning.Create
		e.Created, err = scim.ParseObject([]byte(l.data.UserBody(u)))
		schema.ID.Set(e.Created, l.data.Users[u])
	case kind == 1 || kind == 2:
		e.Operation, e.Changes = provisioning.Deactivate, []provisioning.Change{{Attribute: "active", Before: true, After: false}}
		if kind == 2 {
			e.Operation, e.Changes = provisioning.Activate, []provisioning.Change{{Attribute: "active", Before: false, After: true}}
		}
	case kind < 8:
		l.move(&e, i, kind == 3)
	default:
		e.Changes = []provisioning.Change{{Attribute: "title", Before: fmt.Sprint("Analyst ", i-1), After: fmt.Sprint("Analyst ", i)}}
		if i%997 == 0 {
			e.Result, e.Warnings = provisioning.Warning, []string{"manager: the user is not known yet, and the manager was left out"}
		}
	}
	return e, err
}

// isRefused reports whether entry i tells of a refusal: lately one of ten does.
func (l *logLoader) isRefused(i int) bool {
	return i%10 == 9 && l.now.Sub(l.timeOf(i)) < refusedDays*24*time.Hour
}

func (l *logLoader) refuse(e *provisioning.Entry) {
	e.Result, e.Status = provisioning.Refused, 400
	e.Error = &provisioning.Error{Type: "invalidValue", Detail: `phoneNumbers[0].value: "n/a" is no telephone number; one such as +442071838750 is expected`}
	e.Body = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"phoneNumbers[type eq \"work\"].value","value":"n/a"}]}`
}

// move has the entry tell of somebody who came to a group, or left it.
func (l *logLoader) move(e *provisioning.Entry, i int, leaves bool) {
	member := []uuid.UUID{e.Target.ID}
	g := l.data.Group(i % len(l.data.Groups))
	e.Target = provisioning.Target{Type: provisioning.Group, ID: uuid.MustParse(g.ID), Name: g.Name}
	if e.Operation, e.Members.Added = provisioning.MemberAdd, member; leaves {
		e.Operation, e.Members = provisioning.MemberRemove, provisioning.Members{Removed: member}
	}
}

// count stores what servers have counted meanwhile: spans of ten minutes of each connection,
// as two servers count them, and who was refused and not done since.
func (l *logLoader) count(ctx context.Context) error {
	const span = 10 * time.Minute
	var counted provisioning.Counted
	last := l.now.Truncate(span)
	for at := last.Add(-countedDays * 24 * time.Hour); !at.After(last); at = at.Add(span) {
		for i, client := range l.clients[:len(l.clients)-1] {
			s := provisioning.SpanCounts{Client: client.ID, System: provisioning.Entra, Began: at, Succeeded: at}
			s.Done, s.Unchanged, s.Read, s.Refused = int64(200/(i+1)), int64(20/(i+1)), int64(300/(i+1)), int64(10/(i+1))
			counted.Spans = append(counted.Spans, s)
		}
	}
	if _, err := l.store.ProvisioningLog().Add(ctx, l.org.ID, counted); err != nil {
		return err
	}
	for i := len(l.data.Users) - 1; i >= 0 && len(counted.Refused) < mostRefused; i-- {
		if !l.isRefused(i) {
			continue
		}
		e, err := l.entry(i)
		if err != nil {
			return err
		}
		counted.Refused = append(counted.Refused, provisioning.Refusal{Client: e.Actor.ID, Target: e.Target, Entry: e.ID})
	}
	_, err := l.store.ProvisioningLog().Add(ctx, l.org.ID, counted)
	return err
}
