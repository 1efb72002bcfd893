package users

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/logstore"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/postgres/records"
	"github.com/purescim/purescim/internal/postgres/writes"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// eraseDeleted leaves of a deleted user the id and the times. No user can be created by
// the name that it has then, which is empty.
var eraseDeleted = writes.NewStatement(`
with changed as (
  update deleted_users d
  set    user_name_key = '', doc = @doc
  where  d.org_id = @org and d.id = @id
  returning d.id, d.version
)[outbox]
select changed.version
from   changed`)

// erasedEntry is what is left of an entry: who did what, when, and to which id.
const erasedEntry = `
update provisioning_log e
set    target_name = '', target_key = null, detail = '{"erased":true}', error = case when e.error is not null then '(erased)' end
where  e.org_id = @org and `

var (
	// selectEntriesOfUser are what the log tells of a user, the newest first.
	selectEntriesOfUser = db.New(`
select e.target_name, e.detail
from   provisioning_log e
where  e.org_id = @org and e.target_id = @id and e.target_type = 'User'
order  by e.id desc`)

	eraseEntries = db.New(erasedEntry + `e.target_id = @id and e.target_type = 'User'`)

	// eraseRefused is for requests that were refused before there was an id.
	eraseRefused = db.New(erasedEntry + `e.target_key = any(@keys::text[]) and e.target_id is null and e.target_type = 'User'`)

	// eraseBodies is for requests about others that held values of the user. It looks at so
	// many of a result, the oldest first, and tells where it ended: a million takes longer than
	// one statement may. That a text is there at all is found several times faster than what it
	// stands between, so that is asked first, which PostgreSQL would not do by itself.
	eraseBodies = db.New(`
with held as materialized (
  select lower(h.text) as text, lower(h.pattern) as pattern
  from   unnest(@texts::text[], @patterns::text[]) as h (text, pattern)
), page as materialized (
  select e.id, (
    select exists (select from held h where case when position(h.text in told.text) > 0 then told.text ~ h.pattern end)
    from   (select lower(e.detail || coalesce(e.error, '')) as text offset 0) told
  ) as tells
  from   provisioning_log e
  where  e.org_id = @org and e.result = @result and e.result <> 'success' and e.id > @after
  order  by e.id
  limit  @most
), erased as (
  update provisioning_log e
  set    detail = '{"erased":true}', error = case when e.error is not null then '(erased)' end
  where  e.org_id = @org and e.id = any(array(select p.id from page p where p.tells))
)
select p.id
from   page p
order  by p.id desc
limit  1`)

	// eraseRefusedUser forgets that the user is refused at present.
	eraseRefusedUser = db.New(`
delete from refused_users r
where  r.org_id = @org and (r.user_id = @id or r.user_key = any(@keys::text[]))`)

	// eraseLoops forgets what clients did to the user again and again.
	eraseLoops = db.New(`
delete from provisioning_loops l
where  l.org_id = @org and (l.target_id = @id::uuid or position(@id::uuid::text in l.what) > 0)`)

	// eraseImports takes all files that are imported, and the reports of those that were: they
	// are compressed, so whom they name cannot be searched.
	eraseImports = db.New(`delete from imports i where i.org_id = @org`)

	selectEventsOf = db.New(`
select e.id, e.claims
from   events e
where  e.org_id = @org and position(@id in e.claims) > 0`)

	eraseEvent = db.New(`
update events e
set    claims = @claims
where  e.org_id = @org and e.id = @id`)
)

// EraseUser implements directory.History.
func (v Users) EraseUser(ctx context.Context, t *schema.Type, id uuid.UUID, forget func(report scim.Document)) error {
	return v.Write(ctx, "erase user", func(w *writes.Write) error {
		var found []directory.Resource
		lock := func(b *pgx.Batch) {
			lockDeletedUser.With(db.Org(w.Org), db.Named("id", db.ID(id))).Queue(b).Query(func(rows pgx.Rows) error {
				found = nil
				return db.ReadAll(rows, func(raw [][]byte) { found = append(found, directory.Resource{Record: records.Read(raw)}) })
			})
		}
		w.Erasing(id)
		return w.InTx(ctx, lock, func(w *writes.Write, tx pgx.Tx) error {
			for _, u := range found {
				if err := v.DeleteLocked(ctx, w, tx, t, u, forget); err != nil {
					return err
				}
			}
			return v.eraseDeletedUser(ctx, w, tx, id)
		})
	})
}

// eraseDeletedUser takes the values of a deleted user out of all that holds them.
func (v Users) eraseDeletedUser(ctx context.Context, w *writes.Write, tx pgx.Tx, id uuid.UUID) error {
	old, err := lockDeletion(ctx, w, tx, id)
	if err != nil {
		return err
	}
	doc, err := schema.User.Read(old.Doc)
	if err != nil {
		return err
	}
	if err := v.eraseFromLog(ctx, w, tx, id, doc); err != nil {
		return err
	}
	if err := v.eraseFromEvents(ctx, w, tx, id); err != nil {
		return err
	}
	left := scim.Document{}
	schema.ID.Set(left, id.String())
	return w.Store(ctx, eraseDeleted, writes.OfErased(id), func([][]byte) {}, db.Named("id", db.ID(id)), db.Named("doc", schema.User.Encode(left)))
}

func (v Users) eraseFromLog(ctx context.Context, w *writes.Write, tx pgx.Tx, id uuid.UUID, doc scim.Document) error {
	var known traces
	known.of(doc)
	err := selectEntriesOfUser.With(db.Org(w.Org), db.Named("id", db.ID(id))).ReadAll(ctx, tx, func(raw [][]byte) {
		known.name(string(raw[0]))
		known.before(logstore.ChangesIn(raw[1]))
	})
	if err != nil {
		return err
	}
	b := new(pgx.Batch)
	eraseEntries.With(db.Org(w.Org), db.Named("id", db.ID(id))).Queue(b)
	eraseRefusedUser.With(db.Org(w.Org), db.Named("id", db.ID(id)), db.Named("keys", known.keys)).Queue(b)
	eraseLoops.With(db.Org(w.Org), db.Named("id", db.ID(id))).Queue(b)
	eraseImports.With(db.Org(w.Org)).Queue(b)
	eraseRefused.With(db.Org(w.Org), db.Named("keys", known.keys)).Queue(b)
	if err := tx.SendBatch(ctx, b).Close(); err != nil || len(known.texts) == 0 {
		return err
	}
	for _, result := range []provisioning.Result{provisioning.Refused, provisioning.Held} {
		if err := eraseFromBodies(ctx, w, tx, result, known); err != nil {
			return err
		}
	}
	return nil
}

// erasedAtOnce is how many bodies are looked at by one statement.
const erasedAtOnce = 20_000

// eraseFromBodies takes what is known of a user out of all requests of a result.
func eraseFromBodies(ctx context.Context, w *writes.Write, tx pgx.Tx, result provisioning.Result, known traces) error {
	for after, ended := uuid.Nil, false; !ended; {
		ended = true
		err := eraseBodies.With(
			db.Org(w.Org), db.Named("result", string(result)), db.Named("after", db.ID(after)), db.Named("most", erasedAtOnce),
			db.Named("texts", known.texts), db.Named("patterns", known.patterns),
		).ReadAll(ctx, tx, func(raw [][]byte) { after, ended = db.ReadID(raw[0]), false })
		if err != nil {
			return err
		}
	}
	return nil
}

func (v Users) eraseFromEvents(ctx context.Context, w *writes.Write, tx pgx.Tx, id uuid.UUID) error {
	b := new(pgx.Batch)
	err := selectEventsOf.With(db.Org(w.Org), db.Named("id", id.String())).ReadAll(ctx, tx, func(raw [][]byte) {
		if rest, ofUser := events.Forget(raw[1], id); ofUser {
			eraseEvent.With(db.Org(w.Org), db.Named("id", db.ID(db.ReadID(raw[0]))), db.Named("claims", string(rest))).Queue(b)
		}
	})
	if err != nil || b.Len() == 0 {
		return err
	}
	return tx.SendBatch(ctx, b).Close()
}

// forgottenAtOnce is how many users are deleted by one statement.
const forgottenAtOnce = 5000

// forgetDeleted forgets the users of an organisation who were deleted before a time, some
// at a time.
var forgetDeleted = db.New(`
delete from deleted_users d
where  d.org_id = @org and (d.user_name_key, d.id) in (
  select o.user_name_key, o.id
  from   deleted_users o
  where  o.org_id = @org and o.deleted_at < @before
  limit  @most)`)

// ForgetDeleted forgets those deleted users whom none of the organisations keeps any longer.
func ForgetDeleted(ctx context.Context, p *pool.Pool, orgs []org.Org) error {
	for _, o := range orgs {
		before := p.Clock.Now().AddDate(0, 0, -o.Settings.DeletedUserDays)
		for {
			tag, err := forgetDeleted.With(db.Org(o.ID), db.Named("before", before), db.Named("most", forgottenAtOnce)).Exec(ctx, p.Own())
			if err != nil {
				return pgerr.Wrap("forget deleted users", err)
			}
			if tag.RowsAffected() < forgottenAtOnce {
				break
			}
		}
	}
	return nil
}
