package authstore

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/postgres/db"
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
	var roles db.IDs
	for _, g := range c.Roles {
		roles = append(roles, g.Role)
	}
	var details [][]byte
	var former []string
	row := tx.QueryRow(ctx, selectGrants, int64(c.Org), db.ID(c.ID), int16(directory.Role), roles, at)
	if err := row.Scan(&details, &former); err != nil {
		return may, might, err
	}
	may = oauth.PermissionsOf(details...)
	return may, oauth.NewPermissions(append(former, may.Names()...)...), nil
}

// The bounds of what is kept of one client, whose roles may change as often as somebody
// likes. Beyond them it counts as one that might do everything: to forget what it might
// do would let those take it who wait for that.
const (
	formerSets  = 32       // of permissions
	formerBytes = 64 << 10 // of the names of a set
)

// insertFormer notes of one client what it might do so far, and insertFormerOfRole of the
// clients that carry a role what it permitted. A set of permissions is kept once, by the
// id that is made of it.
const (
	insertFormer       = addFormer + `$1 and c.client_id = $2` + againFormer
	insertFormerOfRole = addFormer + `$1 and c.roles @> jsonb_build_array(jsonb_build_object('role', $2::uuid))` + againFormer

	addFormer = `
insert into former_grants (org_id, client_id, id, permissions, until)
select $1, c.client_id, case when n.many then $6::uuid else $3::uuid end, case when n.many then $7::text[] else $4::text[] end, $5
from   oauth_clients c, lateral (
  select count(*) >= $8::bigint as many
  from   former_grants f
  where  f.org_id = $1 and f.client_id = c.client_id and f.id <> $3::uuid
) n
where  c.org_id = `
	againFormer = `
on     conflict (org_id, client_id, id) do update
set    until = greatest(former_grants.until, excluded.until)`
)

// whatever is a set of permissions with its id: everything.
var (
	whateverID = db.ID(uuid.Nil)
	whatever   = []string{"*:*:*"}
)

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
	set := strings.Join(names, " ")
	id := db.ID(uuid.NewSHA1(uuid.Nil, []byte(set)))
	if len(set) > formerBytes {
		id, names = whateverID, whatever
	}
	_, err := tx.Exec(ctx, sql, org, of, id, names, at.Add(oauth.SecretOverlap), whateverID, whatever, formerSets)
	return err
}

// Narrowed remembers what a role permitted that permits less by a change.
func Narrowed(ctx context.Context, tx pgx.Tx, org int64, old, changed directory.Entry, at time.Time) error {
	might := oauth.PermissionsOf(old.Detail)
	if oauth.PermissionsOf(changed.Detail).Covers(might) {
		return nil
	}
	return remember(ctx, tx, insertFormerOfRole, org, db.ID(old.ID), might, at)
}
