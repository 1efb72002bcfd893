package postgres

import "context"

const selectSecret = `select secret from secrets where name = $1`

// CursorKey implements directory.Store: a secret that the migration made.
func (s *Store) CursorKey(ctx context.Context) (key []byte, err error) {
	err = s.own().QueryRow(ctx, selectSecret, "cursors").Scan(&key)
	if err == nil {
		key, err = s.keys.Open(secretPlace("cursors"), key)
	}
	return key, wrap("read the key of cursors", err)
}
