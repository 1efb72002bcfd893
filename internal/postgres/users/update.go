package users

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/postgres/counts"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/postgres/records"
	"github.com/purescim/purescim/internal/postgres/search"
	"github.com/purescim/purescim/internal/postgres/writes"
	"github.com/purescim/purescim/internal/schema"
)

const selectUser = `
select u.id, u.version, u.created_at, u.modified_at, u.doc, u.password_hash[groups]
from   users u
where  u.org_id = @org and u.id = @id`

var (
	selectOneUser       = db.New(selectUser, db.Empty("groups"))
	selectUserAndGroups = db.New(selectUser, db.Part{Name: "groups", SQL: "," + records.GroupsOfUser})
	lockUser            = db.New(selectUser+lockingUser, db.Empty("groups"))
	lockUserAndGroups   = db.New(selectUser+lockingUser, db.Part{Name: "groups", SQL: "," + records.GroupsOfUser})
)

const lockingUser = ` for no key update of u`

// UpdateUser changes a user, as directory.View has it.
func (v Users) UpdateUser(ctx context.Context, t *schema.Type, id uuid.UUID, c directory.Change) (r directory.Record, err error) {
	err = v.Write(ctx, "update "+t.Name, func(w *writes.Write) error {
		r, err = v.updateUser(ctx, w, t, id, c)
		return err
	})
	return r, err
}

// updateUser reads, edits and writes without holding a lock meanwhile; a write
// of a version that is no longer the current one stores nothing.
func (v Users) updateUser(ctx context.Context, w *writes.Write, t *schema.Type, id uuid.UUID, c directory.Change) (directory.Record, error) {
	r, err := v.updateRecentUser(ctx, w, t, id, c)
	for try := 0; errors.Is(err, writes.ErrVersionConflict) && try < writes.OptimisticTries; try++ {
		var old directory.Resource
		var edit directory.Edit
		if old, edit, err = v.editUser(ctx, w, v.lookUp, t, id, c); err != nil || edit.IsZero() {
			return old.Record, err
		}
		r, err = v.storeUser(ctx, w, t, old, edit, c)
	}
	if errors.Is(err, writes.ErrVersionConflict) {
		return v.updateLockedUser(ctx, w, t, id, c)
	}
	return r, err
}

// updateRecentUser edits a user that was read lately without reading it again:
// identity systems look a user up before they change it. What is remembered may be
// out of date. So it decides nothing: the edit counts only when it is stored, which
// it is if the version is still the same. Else the error is writes.ErrVersionConflict.
func (v Users) updateRecentUser(ctx context.Context, w *writes.Write, t *schema.Type, id uuid.UUID, c directory.Change) (directory.Record, error) {
	known, ok := v.recent.Of(w.Org, id)
	if !ok || c.Password {
		return directory.Record{}, writes.ErrVersionConflict
	}
	old := directory.Resource{Record: known}
	var err error
	if old.Document, err = t.Load(known.Doc); err != nil {
		return old.Record, writes.ErrVersionConflict // it may have values of a schema that is gone
	}
	if c.Match.CheckMatch(old.Version) != nil {
		return old.Record, writes.ErrVersionConflict
	}
	edit, err := c.Edit(old)
	if err != nil || edit.IsZero() {
		return old.Record, writes.ErrVersionConflict
	}
	return v.storeUser(ctx, w, t, old, edit, c)
}

// updateLockedUser makes other writers wait while it edits.
func (v Users) updateLockedUser(ctx context.Context, w *writes.Write, t *schema.Type, id uuid.UUID, c directory.Change) (r directory.Record, err error) {
	err = w.InTx(ctx, pool.Nothing, func(w *writes.Write, tx pgx.Tx) error {
		old, edit, err := v.editUser(ctx, w, v.lock, t, id, c)
		r = old.Record
		if err != nil || edit.IsZero() {
			return err
		}
		if err := w.Deactivating(old, edit).Ask(ctx, w, tx); err != nil {
			return err
		}
		if edit, err = w.LockReferences(ctx, tx, edit); err != nil {
			return err
		}
		r, err = v.writeUser(ctx, w, t, old, edit, c)
		return err
	})
	return v.remembered(ctx, w, r, err)
}

// userReader reads a user, with the groups or without.
type userReader func(ctx context.Context, w *writes.Write, id uuid.UUID, groups bool, read func(raw [][]byte)) error

func (v Users) lookUp(ctx context.Context, w *writes.Write, id uuid.UUID, groups bool, read func(raw [][]byte)) error {
	s := selectOneUser
	if groups {
		s = selectUserAndGroups
	}
	return w.LookUp(ctx, db.One(read), s.String(), w.Org, db.ID(id))
}

// lock is lookUp that locks the user until the transaction ends.
func (v Users) lock(ctx context.Context, w *writes.Write, id uuid.UUID, groups bool, read func(raw [][]byte)) error {
	s := lockUser
	if groups {
		s = lockUserAndGroups
	}
	return w.Ask(ctx, s, read, db.Named("id", db.ID(id)))
}

// editUser reads the user and computes its new state.
func (v Users) editUser(ctx context.Context, w *writes.Write, find userReader, t *schema.Type, id uuid.UUID, c directory.Change) (u directory.Resource, e directory.Edit, err error) {
	err = find(ctx, w, id, c.Links, func(raw [][]byte) {
		u.Record = records.Read(raw)
		u.PasswordHash = string(raw[5])
		if c.Links {
			u.Links = records.ReadLinks(raw[6])
		}
	})
	if err != nil {
		return u, e, err
	}
	if u.Document, err = t.Load(u.Doc); err != nil {
		return u, e, err
	}
	if err = c.Match.CheckMatch(u.Version); err != nil {
		return u, e, err
	}
	e, err = c.Edit(u)
	return u, e, err
}

// updateDocument stores a new state of the version that was read, updateUser also what
// changes in its columns, and updateUserAndKeys in keys and counts too; with or without the
// groups in the answer. There is a row if the state was stored. updateDocuments and
// updateUsers do it for several that come at once.
var (
	updateDocument              = writes.NewTelling(writes.UserOutbox, updateUserText, slices.Concat(oneUser, onlyDocument, answerNothing)...)
	updateDocumentWithGroups    = writes.NewTelling(writes.UserOutbox, updateUserText, slices.Concat(oneUser, onlyDocument, answerGroups)...)
	updateUser                  = writes.NewTelling(writes.UserOutbox, updateUserText, slices.Concat(oneUser, changedColumns, answerNothing)...)
	updateUserWithGroups        = writes.NewTelling(writes.UserOutbox, updateUserText, slices.Concat(oneUser, changedColumns, answerGroups)...)
	updateUserAndKeys           = writes.NewTelling(writes.UserOutbox, updateUserText, slices.Concat(oneUser, changedKeys, answerNothing)...)
	updateUserAndKeysWithGroups = writes.NewTelling(writes.UserOutbox, updateUserText, slices.Concat(oneUser, changedKeys, answerGroups)...)

	updateDocuments           = writes.NewSeveral(writes.UserOutbox, updateUserText, slices.Concat(severalUsers, onlyDocument, answerNothing)...)
	updateDocumentsWithGroups = writes.NewSeveral(writes.UserOutbox, updateUserText, slices.Concat(severalUsers, onlyDocument, answerGroups)...)
	updateUsers               = writes.NewSeveral(writes.UserOutbox, updateUserText, slices.Concat(severalUsers, changedColumns, answerNothing)...)
	updateUsersWithGroups     = writes.NewSeveral(writes.UserOutbox, updateUserText, slices.Concat(severalUsers, changedColumns, answerGroups)...)
)

const updateUserText = `
with changed as (
  update users u
  set    version       = version + 1,
         modified_at   = @at::timestamptz,
         password_hash = coalesce(nullif(@password::text, ''), password_hash),
         doc           = @doc::text,
         folded        = coalesce(@folded::jsonb, folded || @members::jsonb)[columns][each]
  where  u.org_id = @org and u.id = @id::uuid and u.version = @version::bigint[any]
  returning u.id, u.version[n]
), moved as (
  update modifications t
  set    modified_at = @at::timestamptz[whose]
)[beside][outbox]
select changed.version[answer][number]
from   changed`

// The parts of updateUserText, by what belongs together.
var (
	oneUser = []db.Part{
		db.Empty("each"), db.Empty("any"), db.Empty("n"), db.Empty("number"),
		{Name: "whose", SQL: `
  where  t.org_id = @org and t.kind = 1 and t.modified_at = @before::timestamptz and t.id = (select id from changed)`},
	}
	severalUsers = []db.Part{
		{Name: "each", SQL: `
  from   ` + db.Several},
		{Name: "any", SQL: ` and e.id ` + db.AnyID},
		{Name: "n", SQL: `, e.n`},
		{Name: "whose", SQL: `
  from   changed
  where  t.org_id = @org and t.kind = 1 and t.modified_at = @before::timestamptz and t.id = changed.id`},
		{Name: "number", SQL: `, changed.n`},
	}

	onlyDocument   = []db.Part{db.Empty("columns"), db.Empty("beside")}
	changedColumns = []db.Part{{Name: "columns", SQL: `,
         ` + search.Users.Assigned().SQL}, db.Empty("beside")}
	changedKeys = []db.Part{changedColumns[0], {Name: "beside", SQL: `, ` + ReplacedKeys + `, counted as (
  insert into count_changes (org_id, kind, id, n, resource_id)
  select @org, c.kind, c.id, c.n, changed.id
  from   changed, unnest(@count_kinds::smallint[], @count_ids::uuid[], @counts::integer[]) as c (kind, id, n)
)`}}

	answerNothing = []db.Part{db.Empty("answer")}
	answerGroups  = []db.Part{{Name: "answer", SQL: "," + records.GroupsOf("changed.id")}}
)

// ReplacedKeys stores the key rows of a user who has changed.
const ReplacedKeys = `dropped as (
  delete from user_keys k
  using  changed, unnest(@gone_kinds::smallint[], @gone_keys::text[]) as old (kind, key)
  where  k.org_id = @org and k.kind = old.kind and k.key = old.key and k.user_id = changed.id
), keyed as (
  insert into user_keys (org_id, kind, key, user_id)
  select @org, new.kind, new.key, changed.id
  from   changed, unnest(@kinds::smallint[], @keys::text[]) as new (kind, key)
  on conflict do nothing
)`

func (v Users) storeUser(ctx context.Context, w *writes.Write, t *schema.Type, old directory.Resource, e directory.Edit, c directory.Change) (r directory.Record, err error) {
	err = w.Referring(ctx, e, w.Deactivating(old, e), func(w *writes.Write, e directory.Edit) error {
		r, err = v.writeUser(ctx, w, t, old, e, c)
		return err
	})
	return v.remembered(ctx, w, r, err)
}

// writeUser stores an edit. The answer has the links when they are wanted.
func (v Users) writeUser(ctx context.Context, w *writes.Write, t *schema.Type, old directory.Resource, e directory.Edit, c directory.Change) (directory.Record, error) {
	u, err := newUserUpdate(w, t, old, e)
	if err != nil {
		return u.record, err
	}
	links := u.record.Links
	read := func(raw [][]byte) {
		if len(raw) > 1 {
			links = records.ReadLinks(raw[1])
		}
	}
	var room [db.MaxArguments]db.Arg
	err = w.Store(ctx, u.statement(c.Links && old.Links == nil), writes.OfUser(writes.KindOf(c.Put), t, old, e), read, u.arguments(room[:0])...)
	u.record.Links = links
	if errors.Is(err, directory.ErrNotFound) {
		return u.record, writes.ErrVersionConflict
	}
	return u.record, uniqueness(err, e.Doc)
}

// QueueUpdate stores the edit of a user who is locked.
func QueueUpdate(b *pgx.Batch, w *writes.Write, t *schema.Type, old directory.Resource, e directory.Edit) error {
	u, err := newUserUpdate(w, t, old, e)
	if err == nil {
		w.Queue(b, u.statement(false), writes.OfUser(events.Patched, t, old, e), func([][]byte) {}, u.arguments(make([]db.Arg, 0, db.MaxArguments))...)
	}
	return err
}

// userUpdate is what stores an edit, and the state that it leads to.
type userUpdate struct {
	record   directory.Record
	old      directory.Record
	password string
	search.Change
	counts []counts.Change
}

func newUserUpdate(w *writes.Write, t *schema.Type, old directory.Resource, e directory.Edit) (u userUpdate, err error) {
	doc := e.Doc
	if doc == nil {
		doc = old.Document
	}
	u = userUpdate{record: old.Record, old: old.Record, password: e.PasswordHash}
	u.record.Version, u.record.Modified, u.record.Doc = old.Version+1, w.Clock.Since(old.Modified), t.Encode(doc)
	u.Change, err = search.NewChange(t, old.Document, doc)
	u.counts = activation(schema.Active.Get(old.Document) == true, schema.Active.Get(doc) == true)
	return u, err
}

// movesKeys reports whether more than the row changes.
func (u userUpdate) movesKeys() bool { return len(u.Gone)+len(u.Added)+len(u.counts) > 0 }

func (u userUpdate) statement(groups bool) writes.Statement {
	switch {
	case u.movesKeys() && groups:
		return updateUserAndKeysWithGroups
	case u.movesKeys():
		return updateUserAndKeys
	case u.Columns != nil && groups:
		return ofColumnsWithGroups
	case u.Columns != nil:
		return ofColumns
	case groups:
		return ofDocumentWithGroups
	default:
		return ofDocument
	}
}

// The statements for one user or several.
var (
	ofDocument           = updateDocument.Or(updateDocuments)
	ofDocumentWithGroups = updateDocumentWithGroups.Or(updateDocumentsWithGroups)
	ofColumns            = updateUser.Or(updateUsers)
	ofColumnsWithGroups  = updateUserWithGroups.Or(updateUsersWithGroups)
)

// arguments adds those of the statement.
func (u userUpdate) arguments(args []db.Arg) []db.Arg {
	args = append(args, db.Named("at", u.record.Modified), db.Named("password", u.password), db.Named("doc", u.record.Doc),
		db.Named("folded", u.Folded), db.Named("members", u.Members))
	args = append(search.Users.Arguments(args, u.Columns), db.Named("id", db.ID(u.record.ID)), db.Named("version", int64(u.old.Version)), db.Named("before", u.old.Modified))
	if !u.movesKeys() {
		return args
	}
	goneKinds, goneKeys := search.ArraysOf(u.Gone)
	kinds, keys := search.ArraysOf(u.Added)
	countKinds, countIDs, ns := counts.Arrays(u.counts)
	return append(args, db.Named("gone_kinds", goneKinds), db.Named("gone_keys", goneKeys), db.Named("kinds", kinds), db.Named("keys", keys),
		db.Named("count_kinds", countKinds), db.Named("count_ids", countIDs), db.Named("counts", ns))
}

// activation is what an update changes in the numbers of users.
func activation(was, is bool) []counts.Change {
	switch {
	case was == is:
		return nil
	case is:
		return []counts.Change{{Kind: counts.InactiveUsers, N: -1}, {Kind: counts.ActiveUsers, N: 1}}
	default:
		return []counts.Change{{Kind: counts.ActiveUsers, N: -1}, {Kind: counts.InactiveUsers, N: 1}}
	}
}

// remembered remembers what a write has led to, unless it failed or nothing stays of it.
func (v Users) remembered(ctx context.Context, w *writes.Write, r directory.Record, err error) (directory.Record, error) {
	if err == nil && !w.IsDryRun() {
		v.recent.Remember(ctx, w.Org, r)
	}
	return r, err
}
