package catalogue

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/search"
	"github.com/purescim/purescim/internal/postgres/writes"
	"github.com/purescim/purescim/internal/schema"
)

// The folded copy of a document has a member for each extension in use. Schemas
// change rarely enough to look at each resource.
var (
	countCarryingUsers  = db.New(`select count(*) from users u where u.org_id = @org and u.folded ? @urn`)
	countCarryingGroups = db.New(`select count(*) from groups g where g.org_id = @org and g.folded ? @urn`)
)

var (
	lockCarryingUsers = db.New(`
select u.id, u.version, u.created_at, u.modified_at, u.doc
from   users u
where  u.org_id = @org and u.folded ? @urn and u.id > @after
order  by u.id
limit  @most
for    no key update of u`)

	lockCarryingGroups = db.New(`
select g.id, g.version, g.created_at, g.modified_at, g.doc
from   groups g
where  g.org_id = @org and g.folded ? @urn and g.id > @after
order  by g.id
limit  @most
for    no key update of g`)
)

// dropValues takes the values of a schema that is locked out of every resource of
// the type.
func (v Catalogue) dropValues(ctx context.Context, w *writes.Write, tx pgx.Tx, t *schema.Type, urn string) error {
	next := lockCarryingUsers
	if search.TableOf(t) == search.Groups {
		next = lockCarryingGroups
	}
	return v.rewrite(ctx, w, tx, t, func(r directory.Resource) directory.Edit {
		doc := r.Document.Clone()
		delete(doc, urn)
		return directory.Edit{Doc: doc}
	}, next, db.Named("urn", urn))
}
