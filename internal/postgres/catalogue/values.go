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
const (
	countCarrying = `select count(*) from [table] r where r.org_id = @org and r.folded ? @urn`
	lockCarrying  = `
select r.id, r.version, r.created_at, r.modified_at, r.doc
from   [table] r
where  r.org_id = @org and r.folded ? @urn and r.id > @after
order  by r.id
limit  @most
for    no key update of r`
)

var (
	ofUsers, ofGroups   = db.Part{Name: "table", SQL: "users"}, db.Part{Name: "table", SQL: "groups"}
	countCarryingUsers  = db.New(countCarrying, ofUsers)
	countCarryingGroups = db.New(countCarrying, ofGroups)
	lockCarryingUsers   = db.New(lockCarrying, ofUsers)
	lockCarryingGroups  = db.New(lockCarrying, ofGroups)
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
