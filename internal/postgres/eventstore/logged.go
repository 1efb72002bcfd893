package eventstore

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/logstore"
	"github.com/purescim/purescim/internal/provisioning"
)

// log stores the entry of a change of a stream in its transaction.
func (e *Store) log(ctx context.Context, tx pgx.Tx, o org.ID, operation provisioning.Operation, changes []provisioning.Change) error {
	return logstore.InsertChange(ctx, tx, e.pool.Clock, int64(o), operation, provisioning.Target{Type: provisioning.Stream}, changes)
}

func streamValues(s events.Stream) logstore.Values {
	kinds, _ := json.Marshal(s.Kinds)
	v := logstore.Values{
		"method": string(s.Method), "endpoint": provisioning.CleanText(s.Endpoint), "audience": s.Audience, "form": string(s.Form),
		"events": string(kinds), "status": string(s.Status), "group": "", "authorization": logstore.Secret(s.Credential),
	}
	if s.Group != uuid.Nil {
		v["group"] = s.Group.String()
	}
	return v
}
