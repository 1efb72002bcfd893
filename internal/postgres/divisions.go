package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/org"
)

// Users without a division are found by an index of their own, which has nobody in it
// as long as all have one.
const (
	// selectUndivided is a statement across organisations, for the background work only.
	selectUndivided = selectOrgs + `
where  not o.strict
and    exists (select from users u where u.org_id = o.org_id and u.division_key is null)
order  by o.org_id`

	selectWithoutDivision = `
select u.id
from   users u
where  u.org_id = $1 and u.division_key is null and u.id > $2
order  by u.id
limit  $3`
)

// OrgsWithoutDivision implements directory.Store.
func (s *Store) OrgsWithoutDivision(ctx context.Context) ([]org.Org, error) {
	rows, err := s.own().Query(ctx, selectUndivided)
	if err != nil {
		return nil, wrap("find organisations without divisions", err)
	}
	orgs, err := pgx.CollectRows(rows, scanOrg)
	return orgs, wrap("find organisations without divisions", err)
}

// UsersWithoutDivision implements directory.Reader.
func (v view) UsersWithoutDivision(ctx context.Context, after uuid.UUID, limit int) (ids []uuid.UUID, err error) {
	rows, err := v.db.Query(ctx, selectWithoutDivision, v.org, uid(after), limit)
	if err == nil {
		err = readAll(rows, func(raw [][]byte) { ids = append(ids, readID(raw[0])) })
	}
	return ids, wrap("find users without a division", err)
}
