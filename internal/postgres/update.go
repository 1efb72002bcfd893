package postgres

import (
	"context"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
)

// Update implements directory.View.
//
// Users change often and alone: the change is computed without a lock and stored
// if the version is still the same. Groups change under a lock, since their
// members change with them.
func (v view) Update(ctx context.Context, t *schema.Type, id uuid.UUID, c directory.Change) (r directory.Record, err error) {
	if v, err = v.recording(ctx); err != nil {
		return r, err
	}
	if c.Put {
		v.told.replaces()
	}
	update := v.updateGroup
	if tableOf(t) == users {
		update = v.updateUser
	}
	err = retry(ctx, func() error {
		r, err = update(ctx, t, id, c)
		return err
	})
	return r, wrap("update "+t.Name, err)
}

func isZero(e directory.Edit) bool {
	return e.Doc == nil && e.PasswordHash == "" && e.Members == nil
}
