package logstore

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/provisioning"
)

// loadedColumns are those of an entry, as loaded gives them.
var loadedColumns = []string{
	"org_id", "id", "client_id", "actor", "correlation_id", "operation", "target_type", "target_id", "target_name", "target_key",
	"result", "status", "error", "added", "removed", "member_id", "detail",
}

// Load stores entries by COPY, each as whoever makes such a change stores it with the change:
// it is for filling organisations, some thousand entries at a time. MakeRoom comes before it.
func (l *Store) Load(ctx context.Context, o org.ID, entries []provisioning.Entry) error {
	rows := make([][]any, len(entries))
	for i, e := range entries {
		var err error
		if rows[i], err = loaded(int64(o), e); err != nil {
			return err
		}
	}
	err := l.pool.Of(o).InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		_, err := tx.CopyFrom(ctx, pgx.Identifier{"provisioning_log"}, loadedColumns, pgx.CopyFromRows(rows))
		return err
	})
	return pgerr.Wrap("load entries", err)
}

// MakeRoom makes the partitions of all months since a time, for entries that are loaded.
func (l *Store) MakeRoom(ctx context.Context, since time.Time) error {
	known, err := l.partitions(ctx)
	if err == nil {
		err = l.addPartitions(ctx, known, since, l.pool.Clock.Now())
	}
	return pgerr.Wrap("make room for entries", err)
}

func loaded(org int64, e provisioning.Entry) ([]any, error) {
	detail := NewDetail(e)
	for to, doc := range map[*json.RawMessage]map[string]any{&detail.After: e.Created, &detail.Before: e.Deleted} {
		if doc == nil {
			continue
		}
		var err error
		if *to, err = json.Marshal(doc); err != nil {
			return nil, err
		}
	}
	detail.Last, detail.Groups = e.Last, e.Groups
	text, err := json.Marshal(detail)
	problem := ""
	if e.Error != nil {
		problem = e.Error.Detail
	}
	return []any{
		org, db.ID(e.ID), db.NullID(e.Actor.ID), ActorOf(e.Actor), e.CorrelationID, string(e.Operation), string(e.Target.Type),
		db.NullID(e.Target.ID), e.Target.Name, db.NullText(KeyOf(e)), string(e.Result), int16(e.Status), db.NullText(problem),
		db.NullIDs(e.Members.Added), db.NullIDs(e.Members.Removed), MemberOf(e), string(text),
	}, err
}
