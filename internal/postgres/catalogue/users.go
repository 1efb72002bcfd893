package catalogue

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/groups"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/postgres/records"
	"github.com/purescim/purescim/internal/postgres/search"
	"github.com/purescim/purescim/internal/postgres/users"
	"github.com/purescim/purescim/internal/postgres/writes"
	"github.com/purescim/purescim/internal/schema"
)

// Users who refer to entries by name are found by the rows of user_keys, those
// of a division by their column.
var (
	countUsersByKey = db.New(`
select name.key, c.n
from   unnest(@keys::text[]) as name (key), lateral (
       select count(*) as n
       from   (select from user_keys k where k.org_id = @org and k.kind = @kind and k.key = name.key limit @most) found) c`)

	countUsersByDivision = db.New(`
select name.key, c.n
from   unnest(@keys::text[]) as name (key), lateral (
       select count(*) as n
       from   (select from users u where u.org_id = @org and u.division_key = name.key limit @most) found) c`)
)

// CountUsers implements directory.Catalogue.
func (v Catalogue) CountUsers(ctx context.Context, kind directory.Kind, names []string, most int) ([]int, error) {
	var limit any // none
	if most > 0 {
		limit = most
	}
	counts, err := v.usersOf(ctx, v.DB, kind, names, limit)
	return counts, pgerr.Wrap("count users", err)
}

func (v Catalogue) usersOf(ctx context.Context, q pool.Querier, kind directory.Kind, names []string, limit any) ([]int, error) {
	keys := schema.FoldNames(names)
	s, k := countUsersByDivision, search.Users.KindOf(kind.Attribute())
	if k != 0 {
		s = countUsersByKey
	}
	byKey := make(map[string]int, len(keys))
	err := s.With(db.Org(v.Org), db.Named("keys", keys), db.Named("kind", k), db.Named("most", limit)).
		ReadAll(ctx, q, func(raw [][]byte) { byKey[string(raw[0])] = int(db.ReadInt(raw[1])) })
	counts := make([]int, len(keys))
	for i, key := range keys {
		counts[i] = byKey[key]
	}
	return counts, err
}

// countClients counts the OAuth clients that carry a role, or carry one in a
// division.
var countClients = db.New(`
select count(*)
from   oauth_clients c
where  c.org_id = @org and c.roles @> @role::jsonb`)

// useOf counts and names the users who refer to a locked entry.
func (v Catalogue) useOf(ctx context.Context, tx pgx.Tx, e directory.Entry) (directory.InUseError, error) {
	counts, err := v.usersOf(ctx, tx, e.Kind, []string{e.Name}, nil)
	if err != nil {
		return directory.InUseError{}, err
	}
	use := directory.InUseError{Users: counts[0]}
	field := map[directory.Kind]string{directory.Role: "role", directory.Division: "division"}[e.Kind]
	if field == "" {
		return use, nil
	}
	err = countClients.With(db.Org(v.Org), db.Named("role", fmt.Sprintf(`[{%q: %q}]`, field, e.ID))).
		ReadOne(ctx, tx, func(raw [][]byte) { use.Clients = int(db.ReadInt(raw[0])) })
	return use, err
}

// The next users, by id, who refer to an entry.
var (
	lockUsersByKey = db.New(`
select u.id, u.version, u.created_at, u.modified_at, u.doc
from   user_keys k
join   users u on u.org_id = @org and u.id = k.user_id
where  k.org_id = @org and k.kind = @kind and k.key = @key and k.user_id > @after
order  by k.user_id
limit  @most
for    no key update of u`)

	lockUsersByDivision = db.New(`
select u.id, u.version, u.created_at, u.modified_at, u.doc
from   users u
where  u.org_id = @org and u.division_key = @key and u.id > @after
order  by u.id
limit  @most
for    no key update of u`)
)

// rewriteUsers edits every user who refers to a locked entry. The lock keeps new references
// away, and users who are being written are waited for.
func (v Catalogue) rewriteUsers(ctx context.Context, w *writes.Write, tx pgx.Tx, t *schema.Type, e directory.Entry, edit func(directory.Resource) directory.Edit) error {
	next := lockUsersByDivision
	kind := search.Users.KindOf(e.Kind.Attribute())
	if kind != 0 {
		next = lockUsersByKey
	}
	return v.rewrite(ctx, w, tx, t, edit, next, db.Named("kind", kind), db.Named("key", schema.FoldName(e.Name)))
}

// rewrittenAtOnce bounds how many documents are in memory.
const rewrittenAtOnce = 500

// rewrite edits the resources that next locks, so many of them at a time, by their ids.
func (v Catalogue) rewrite(ctx context.Context, w *writes.Write, tx pgx.Tx, t *schema.Type, edit func(directory.Resource) directory.Edit, next db.Statement, args ...db.Arg) error {
	after := uuid.Nil
	for {
		page, err := v.lockPage(ctx, w, tx, next, append(slices.Clip(args), db.Named("after", db.ID(after)), db.Named("most", rewrittenAtOnce)))
		if err != nil || len(page) == 0 {
			return err
		}
		b := new(pgx.Batch)
		for _, r := range page {
			if r.Document, err = t.Load(r.Doc); err != nil {
				return err
			}
			e := edit(r)
			if e.Doc.Equal(r.Document) { // it has changed while it was waited for
				continue
			}
			if err := queueEdit(b, w, t, r, e); err != nil {
				return err
			}
		}
		if err := tx.SendBatch(ctx, b).Close(); err != nil {
			return err
		}
		after = page[len(page)-1].ID
	}
}

func (v Catalogue) lockPage(ctx context.Context, w *writes.Write, tx pgx.Tx, next db.Statement, args []db.Arg) (page []directory.Resource, err error) {
	err = next.With(append(args, db.Org(w.Org))...).
		ReadAll(ctx, tx, func(raw [][]byte) { page = append(page, directory.Resource{Record: records.Read(raw)}) })
	return page, err
}

// queueEdit stores the document of a resource that is locked.
func queueEdit(b *pgx.Batch, w *writes.Write, t *schema.Type, old directory.Resource, e directory.Edit) error {
	if search.TableOf(t) == search.Users {
		return users.QueueUpdate(b, w, t, old, e)
	}
	c := writes.OfGroup(events.Patched, t, old, e.Doc)
	old.Version++
	return groups.QueueUpdate(b, w, t, &old.Record, old.Document, e, c)
}
