package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// recorder collects the changes of one transaction that are to be told, or that
// are a step of an accepted request. A nil recorder collects nothing: it is that of
// requests to organisations without events, whose writes it costs nothing.
type recorder struct {
	streams bool // there is somebody to tell
	stream  events.Stream
	txn     string
	updated events.Kind // what the update of a resource is
	changes []events.Told

	step *directory.Step // nil is none
	made *events.Change  // by the step: the last, after what comes of it
}

func (r *recorder) add(c events.Change) {
	if r == nil {
		return
	}
	r.made = &c
	if r.streams {
		r.changes = append(r.changes, r.stream.Tell(c, r.txn))
	}
}

// replaces says that the update is one of the whole resource.
func (r *recorder) replaces() {
	if r != nil {
		r.updated = events.Replaced
	}
}

// leaves records that a deleted user has left a group, of which a row gives the
// id, the version and the externalId.
func (r *recorder) leaves(user uuid.UUID, group [][]byte) {
	if r == nil {
		return
	}
	doc := scim.Document{}
	schema.ExternalID.Set(doc, string(group[2]))
	r.add(events.Change{
		Kind: events.Patched, Type: schema.Group, ID: readID(group[0]), Version: scim.Version(readInt(group[1])),
		Old: doc, New: doc, Members: &events.MemberChange{Removed: []uuid.UUID{user}},
	})
}

// created records a new group with its members.
func (r *recorder) created(t *schema.Type, g directory.Record, doc scim.Document, members []uuid.UUID) {
	if r != nil {
		m := &events.MemberChange{Added: members, Replaced: len(members) > 0, All: members}
		r.add(events.Change{Kind: events.Created, Type: t, ID: g.ID, Version: g.Version, New: doc, Members: m})
	}
}

// deleted records that a group is.
func (r *recorder) deleted(g directory.Record) {
	if r != nil {
		doc, _ := schema.Group.Load(g.Doc) // as it was stored
		r.add(events.Change{Kind: events.Deleted, Type: schema.Group, ID: g.ID, Old: doc})
	}
}

// user records the new state of a user.
func (r *recorder) user(t *schema.Type, old directory.Resource, e directory.Edit, version scim.Version) {
	if r == nil {
		return
	}
	doc := e.Doc
	if doc == nil {
		doc = old.Document
	}
	r.add(events.Change{
		Kind: r.updated, Type: t, ID: old.ID, Version: version, Old: old.Document, New: doc, Password: e.PasswordHash != "",
	})
}

// group records the new state of a group; a nil doc is that of before. A PUT that
// leaves the members out does not replace the group.
func (r *recorder) group(t *schema.Type, old directory.Resource, version scim.Version, doc scim.Document, m *events.MemberChange) {
	if r == nil {
		return
	}
	before := old.Document
	if before == nil {
		before, _ = t.Load(old.Doc) // as it was stored
	}
	if doc == nil {
		doc = before
	}
	kind := r.updated
	if m == nil || !m.Replaced {
		kind = events.Patched
	}
	r.add(events.Change{Kind: kind, Type: t, ID: old.ID, Version: version, Old: before, New: doc, Members: m})
}

// recording gives the view that a write works on: with a recorder when changes of
// the organisation are to be told, or this is a step. Its inTx writes the events,
// and the outcome of the step.
func (v view) recording(ctx context.Context) (view, error) {
	stream, told, err := v.streams.of(ctx, v.Store, org.ID(v.org))
	if step := directory.StepOf(ctx); told || step != nil {
		v.told = &recorder{streams: told, stream: stream, txn: v.correlation(ctx), updated: events.Patched, step: step}
		if v.told.txn == "" {
			v.told.txn = uuid.UUID(newID()).String()
		}
	}
	return v, err
}

// alone runs a write of one statement: as it is, or in a transaction with what is
// recorded of it.
func (v view) alone(ctx context.Context, write func(query queryFunc) error) error {
	if v.told == nil {
		return write(v.commits.of(v.org).query)
	}
	return v.inTx(ctx, nothing, func(tx pgx.Tx) error { return write(through(tx)) })
}

// inTx is that of the Store, with what was recorded at its end: the outcome of a
// step, and then the events, since whoever writes events makes others of the
// organisation wait until the commit.
func (v view) inTx(ctx context.Context, begin func(b *pgx.Batch), work func(tx pgx.Tx) error) error {
	if v.told == nil {
		return v.db.inTx(ctx, begin, work)
	}
	v.told.changes, v.told.made = nil, nil // of an attempt before
	err := v.db.inTx(ctx, begin, func(tx pgx.Tx) error {
		if err := work(tx); err != nil {
			return err
		}
		if err := v.told.keep(ctx, tx); err != nil {
			return err
		}
		if !v.told.streams {
			return nil
		}
		return v.emit(ctx, tx, v.told.changes)
	})
	if v.told.step != nil {
		v.told.step.Kept = err == nil && v.told.made != nil
	}
	return err
}

// keep stores the outcome of the step, if the changes are one.
func (r *recorder) keep(ctx context.Context, tx pgx.Tx) error {
	if r.step == nil || r.made == nil {
		return nil
	}
	outcome, err := r.step.Outcome(r.made.ID, r.made.Version)
	if err != nil {
		return err
	}
	return keepStep(ctx, tx, *r.step, outcome)
}

// inRetriedTx is that of the Store, with events as inTx writes them.
func (v view) inRetriedTx(ctx context.Context, work func(tx pgx.Tx) error) error {
	return retry(ctx, func() error { return v.inTx(ctx, nothing, work) })
}

// insertEvents numbers and stores events, unless the stream is removed.
const insertEvents = `
with advanced as (
  update event_progress
  set    last_seq = last_seq + $2
  where  org_id = $1
  returning last_seq - $2 as base
)
insert into events (org_id, id, seq, made_at, queued_at, claims)
select $1, e.id, advanced.base + e.n, $3, $3, e.claims
from   advanced, unnest($4::uuid[], $5::text[]) with ordinality as e (id, claims, n)`

// emit stores the events of changes.
func (v view) emit(ctx context.Context, tx pgx.Tx, changes []events.Told) error {
	stream := v.told.stream
	members, err := v.membersOf(ctx, tx, stream.Group, stream.Changed(changes))
	if err != nil {
		return err
	}
	var claims [][]byte
	for _, c := range stream.Feed(changes, members, v.told.txn) {
		claims = append(claims, c.Claims)
	}
	return v.storeEvents(ctx, tx, v.org, claims)
}

// storeEvents stores events of an organisation by their claims; those that are nil
// are not told.
func (s *Store) storeEvents(ctx context.Context, tx pgx.Tx, o int64, claims [][]byte) error {
	var ids uids
	var texts []string
	for _, of := range claims {
		if of != nil {
			ids, texts = append(ids, uuid.UUID(newID())), append(texts, string(of))
		}
	}
	if len(ids) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, insertEvents, o, int64(len(ids)), s.clock.now(), ids, texts)
	return err
}

// membersOf tells who of the users are members of a group.
func (v view) membersOf(ctx context.Context, tx pgx.Tx, group uuid.UUID, users []uuid.UUID) (map[uuid.UUID]bool, error) {
	if len(users) == 0 {
		return nil, nil
	}
	found, err := v.memberIDs(ctx, tx, users, selectSomeMemberIDs, v.org, uid(group), uids(users))
	members := make(map[uuid.UUID]bool, len(found))
	for _, id := range found {
		members[id] = true
	}
	return members, err
}
