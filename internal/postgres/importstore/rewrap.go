package importstore

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/seal"
)

// sealed is what is told of an import, or a part of its file, with the bytes that tell its key.
type sealed struct {
	Org  org.ID
	ID   uuid.UUID
	Part *int
	Head []byte
}

// selectSealed is a statement across organisations, for a command only.
const selectSealed = `
select i.org_id, i.id, null, substr(i.state, 1, $1) from imports i
union all
select p.org_id, p.import_id, p.part, substr(p.content, 1, $1) from import_parts p`

var (
	lockState = db.New(`select i.state from imports i where i.org_id = @org and i.id = @id for update`)
	putState  = db.New(`update imports i set state = @kept where i.org_id = @org and i.id = @id`)
	lockPart  = db.New(`select p.content from import_parts p where p.org_id = @org and p.import_id = @id and p.part = @part for update`)
	putPart   = db.New(`update import_parts p set content = @kept where p.org_id = @org and p.import_id = @id and p.part = @part`)
)

// Rewrap seals all of imports with the first key that is not, and tells how much that was.
// Servers may go on with them meanwhile.
func (s *Store) Rewrap(ctx context.Context) (n int, err error) {
	all, err := db.Collect(ctx, s.pool.Own(), db.Bound{SQL: selectSealed, Args: []any{seal.Head}}, pgx.RowToStructByPos[sealed])
	for _, one := range all {
		if s.keys.Current(one.Head) {
			continue
		}
		if err := s.sealAgain(ctx, one); err != nil {
			return n, pgerr.Wrap("seal import again", err)
		}
		n++
	}
	return n, pgerr.Wrap("find imports", err)
}

// sealAgain seals one of them, if it is still there.
func (s *Store) sealAgain(ctx context.Context, one sealed) error {
	place, lock, put := statePlace(one.Org, one.ID), lockState, putState
	if one.Part != nil {
		place, lock, put = partPlace(one.Org, one.ID, *one.Part), lockPart, putPart
	}
	which := []db.Arg{db.Org(one.Org), db.Named("id", db.ID(one.ID)), db.Named("part", one.Part)}
	err := s.pool.Own().InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		var kept []byte
		if err := lock.With(which...).QueryRow(ctx, tx).Scan(&kept); err != nil {
			return err
		}
		value, err := s.keys.Open(place, kept)
		if err != nil {
			return fmt.Errorf("%s: %w", place, err)
		}
		_, err = put.With(append(which, db.Named("kept", s.keys.Seal(place, value)))...).Exec(ctx, tx)
		return err
	})
	return pgerr.NoRows(err, nil)
}
