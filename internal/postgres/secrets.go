package postgres

import (
	"context"

	"github.com/purescim/purescim/internal/postgres/pgerr"
)

const selectSecret = `select secret from secrets where name = $1`

// CursorKey implements directory.Store: a secret that the migration made.
func (s *Store) CursorKey(ctx context.Context) (key []byte, err error) {
	err = s.Own().QueryRow(ctx, selectSecret, "cursors").Scan(&key)
	if err == nil {
		key, err = s.keys.Open(secretPlace("cursors"), key)
	}
	return key, pgerr.Wrap("read the key of cursors", err)
}

// secretPlace is where a secret is kept.
func secretPlace(name string) string { return "secrets.secret/" + name }
