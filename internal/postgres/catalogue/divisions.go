package catalogue

import (
	"context"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
)

// selectWithoutDivision finds users by an index of their own, which has nobody in it as
// long as all have a division.
var selectWithoutDivision = db.New(`
select u.id
from   users u
where  u.org_id = @org and u.division_key is null and u.id > @after
order  by u.id
limit  @limit`)

// UsersWithoutDivision implements directory.Reader.
func (v Catalogue) UsersWithoutDivision(ctx context.Context, after uuid.UUID, limit int) (ids []uuid.UUID, err error) {
	err = selectWithoutDivision.With(db.Org(v.Org), db.Named("after", db.ID(after)), db.Named("limit", limit)).
		ReadAll(ctx, v.DB, func(raw [][]byte) { ids = append(ids, db.ReadID(raw[0])) })
	return ids, pgerr.Wrap("find users without a division", err)
}
