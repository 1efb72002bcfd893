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
var selectGrants = db.New(`
select array(select r.detail::text
             from   catalogue r
             where  r.org_id = @org and r.kind = @role and r.id = any(@roles)),
       array(select p.name
             from   former_grants f, unnest(f.permissions) p(name)
             where  f.org_id = @org and f.client_id = @client and f.until > @at)`)

// grantsOfClient tells what a client may do, and what it may or might until lately.
func grantsOfClient(ctx context.Context, tx pgx.Tx, c oauth.Client, at time.Time) (may, might oauth.Permissions, err error) {
	var roles db.IDs
	for _, g := range c.Roles {
		roles = append(roles, g.Role)
	}
	var details [][]byte
	var former []string
	row := selectGrants.With(
		db.Org(c.Org), db.Named("client", db.ID(c.ID)), db.Named("role", int16(directory.Role)), db.Named("roles", roles), db.Named("at", at),
	).QueryRow(ctx, tx)
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
var (
	insertFormer       = db.New(addFormer, db.Part{Name: "who", SQL: `c.client_id = @of`})
	insertFormerOfRole = db.New(addFormer, db.Part{Name: "who", SQL: `c.roles @> jsonb_build_array(jsonb_build_object('role', @of::uuid))`})
)

const addFormer = `
insert into former_grants (org_id, client_id, id, permissions, until)
select @org, c.client_id, case when n.many then @whatever_id::uuid else @id::uuid end, case when n.many then @whatever::text[] else @permissions::text[] end, @until
from   oauth_clients c, lateral (
  select count(*) >= @most::bigint as many
  from   former_grants f
  where  f.org_id = @org and f.client_id = c.client_id and f.id <> @id::uuid
) n
where  c.org_id = @org and [who]
on     conflict (org_id, client_id, id) do update
set    until = greatest(former_grants.until, excluded.until)`

// whatever is a set of permissions with its id: everything.
var (
	whateverID = db.ID(uuid.Nil)
	whatever   = []string{"*:*:*"}
)

var deleteEndedFormer = db.New(`
delete from former_grants f
where  f.org_id = @org and f.until < @at`)

var deleteFormer = db.New(`delete from former_grants f where f.org_id = @org and f.client_id = @client`)

// remember keeps by one of the statements above what a client, or those with a role,
// might do before a change that is about to be made.
func remember(ctx context.Context, tx pgx.Tx, s db.Statement, org int64, of uuid.UUID, might oauth.Permissions, at time.Time) error {
	names := might.Names()
	if len(names) == 0 {
		return nil
	}
	if _, err := deleteEndedFormer.With(db.Org(org), db.Named("at", at)).Exec(ctx, tx); err != nil {
		return err
	}
	set := strings.Join(names, " ")
	id := db.ID(uuid.NewSHA1(uuid.Nil, []byte(set)))
	if len(set) > formerBytes {
		id, names = whateverID, whatever
	}
	_, err := s.With(
		db.Org(org), db.Named("of", db.ID(of)), db.Named("id", id), db.Named("permissions", names), db.Named("until", at.Add(oauth.SecretOverlap)),
		db.Named("whatever_id", whateverID), db.Named("whatever", whatever), db.Named("most", formerSets),
	).Exec(ctx, tx)
	return err
}

// Narrowed remembers what a role permitted that permits less by a change.
func Narrowed(ctx context.Context, tx pgx.Tx, org int64, old, changed directory.Entry, at time.Time) error {
	might := oauth.PermissionsOf(old.Detail)
	if oauth.PermissionsOf(changed.Detail).Covers(might) {
		return nil
	}
	return remember(ctx, tx, insertFormerOfRole, org, old.ID, might, at)
}
