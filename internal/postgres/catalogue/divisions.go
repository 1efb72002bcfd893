package catalogue

import (
	"context"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
)

// selectWithoutDivision finds users by an index of their own, which has nobody in it as
// long as all have a division.
const selectWithoutDivision = `
select u.id
from   users u
where  u.org_id = $1 and u.division_key is null and u.id > $2
order  by u.id
limit  $3`

// UsersWithoutDivision implements directory.Reader.
func (v Catalogue) UsersWithoutDivision(ctx context.Context, after uuid.UUID, limit int) (ids []uuid.UUID, err error) {
	rows, err := v.DB.Query(ctx, selectWithoutDivision, v.Org, db.ID(after), limit)
	if err == nil {
		err = db.ReadAll(rows, func(raw [][]byte) { ids = append(ids, db.ReadID(raw[0])) })
	}
	return ids, pgerr.Wrap("find users without a division", err)
}
