package authstore

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/logstore"
)

// lockPersonal holds the clients of people who try the API (oauth.Client.IsPersonal), in one
// order, so that none waits for one that waits for it.
var lockPersonal = db.New(`
select c.org_id, c.client_id
from   oauth_clients c
where  c.client_id = any(@people::uuid[]) and ` + logstore.Personal + `
order  by c.client_id
for    update`)

// EndPersonal deletes the clients of people, with their tokens, in the transaction that takes
// from them what the tokens were made with: no way to end a session, a role or an account
// leaves a token behind.
func (r Store) EndPersonal(ctx context.Context, tx pgx.Tx, people ...uuid.UUID) error {
	if len(people) == 0 {
		return nil
	}
	type client struct {
		Org int64
		ID  uuid.UUID
	}
	found, err := db.Collect(ctx, tx, lockPersonal.With(db.Named("people", db.IDs(people))), pgx.RowToStructByPos[client])
	for _, c := range found {
		if err == nil {
			err = r.deleteClient(ctx, tx, org.ID(c.Org), c.ID)
		}
	}
	return err
}
