package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/oauth"
)

// selectGrants reads what a client is granted and what it was granted until lately,
// both of one moment.
const selectGrants = `
select array(select r.detail::text
             from   catalogue r
             where  r.org_id = $1 and r.kind = $3 and r.id = any($4)),
       array(select p.name
             from   former_grants f, unnest(f.permissions) p(name)
             where  f.org_id = $1 and f.client_id = $2 and f.until > $5)`

// grantsOfClient tells what a client may do, and what it may or might until lately.
func grantsOfClient(ctx context.Context, tx pgx.Tx, c oauth.Client, at time.Time) (may, might oauth.Permissions, err error) {
	var roles uids
	for _, g := range c.Roles {
		roles = append(roles, g.Role)
	}
	var details [][]byte
	var former []string
	row := tx.QueryRow(ctx, selectGrants, int64(c.Org), uid(c.ID), int16(directory.Role), roles, at)
	if err := row.Scan(&details, &former); err != nil {
		return may, might, err
	}
	may = oauth.PermissionsOf(details...)
	return may, oauth.NewPermissions(append(former, may.Names()...)...), nil
}

// insertFormer notes of one client what it might do so far.
const insertFormer = `
insert into former_grants (org_id, client_id, id, permissions, until)
values ($1, $2, $3, $4, $5)`

// insertFormerOfRole notes of the clients that carry a role what it permitted so far.
const insertFormerOfRole = `
insert into former_grants (org_id, client_id, id, permissions, until)
select $1, c.client_id, $3, $4, $5
from   oauth_clients c
where  c.org_id = $1 and c.roles @> jsonb_build_array(jsonb_build_object('role', $2::uuid))`

const deleteEndedFormer = `
delete from former_grants f
where  f.org_id = $1 and f.until < $2`

const deleteFormer = `delete from former_grants f where f.org_id = $1 and f.client_id = $2`

// remember keeps by one of the statements above what a client, or those with a role,
// might do before a change that is about to be made.
func remember(ctx context.Context, tx pgx.Tx, sql string, org int64, of any, might oauth.Permissions, at time.Time) error {
	names := might.Names()
	if len(names) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, deleteEndedFormer, org, at); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, sql, org, of, uid(uuid.Must(uuid.NewV7())), names, at.Add(oauth.SecretOverlap))
	return err
}

// narrowed remembers what a role permitted that permits less by a change.
func narrowed(ctx context.Context, tx pgx.Tx, org int64, old, changed directory.Entry, at time.Time) error {
	might := oauth.PermissionsOf(old.Detail)
	if oauth.PermissionsOf(changed.Detail).Covers(might) {
		return nil
	}
	return remember(ctx, tx, insertFormerOfRole, org, uid(old.ID), might, at)
}
