package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/org"
)

// recorder collects the changes of one transaction that are to be told. A nil
// recorder collects nothing: it is that of organisations without events, whose
// writes it costs nothing.
type recorder struct {
	stream  events.Stream
	changes []events.Change
}

func (r *recorder) add(changes ...events.Change) {
	if r != nil {
		r.changes = append(r.changes, changes...)
	}
}

// recording gives the view that a write works on: with a recorder when changes of
// the organisation are to be told. Its inTx writes the events that come of them.
func (v view) recording(ctx context.Context) (view, error) {
	stream, told, err := v.streams.of(ctx, v.Store, org.ID(v.org))
	if told {
		v.told = &recorder{stream: stream}
	}
	return v, err
}

// inTx is that of the Store, with the events of what was recorded at its end:
// whoever writes events makes others of the organisation wait until the commit.
func (v view) inTx(ctx context.Context, begin func(b *pgx.Batch), work func(tx pgx.Tx) error) error {
	if v.told == nil {
		return v.Store.inTx(ctx, begin, work)
	}
	v.told.changes = nil // of an attempt before
	return v.Store.inTx(ctx, begin, func(tx pgx.Tx) error {
		if err := work(tx); err != nil {
			return err
		}
		return v.emit(ctx, tx, v.told.changes)
	})
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
func (v view) emit(ctx context.Context, tx pgx.Tx, changes []events.Change) error {
	stream := v.told.stream
	members, err := v.membersOf(ctx, tx, stream.Group, stream.Changed(changes))
	if err != nil {
		return err
	}
	txn := v.correlation(ctx)
	if txn == "" {
		txn = uuid.UUID(newID()).String()
	}
	var ids uids
	var claims []string
	for _, c := range stream.Feed(changes, members) {
		if text := stream.Claims(c, txn); text != nil {
			ids, claims = append(ids, uuid.UUID(newID())), append(claims, string(text))
		}
	}
	if len(ids) == 0 {
		return nil
	}
	_, err = tx.Exec(ctx, insertEvents, v.org, int64(len(ids)), now(), ids, claims)
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
