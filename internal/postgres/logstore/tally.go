package logstore

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
)

// countsKept is how long counts are kept.
const countsKept = 8 * 24 * time.Hour

// Now implements provisioning.Store.
func (l *Store) Now() time.Time { return l.pool.Clock.Now() }

// addCounts adds what a server has counted to its own rows.
const addCounts = `
insert into provisioning_counts as c (org_id, client_id, began_at, server, system, done, unchanged, reads, refused, held, failed, succeeded_at, refusal_id)
select $1, s.client_id, s.began_at, $2, s.system, s.done, s.unchanged, s.reads, s.refused, s.held, s.failed, s.succeeded_at, s.refusal_id
from   unnest($3::uuid[], $4::timestamptz[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[],
              $12::timestamptz[], $13::uuid[])
       as s (client_id, began_at, system, done, unchanged, reads, refused, held, failed, succeeded_at, refusal_id)
on conflict (org_id, client_id, began_at, server) do update
set    system       = coalesce(nullif(excluded.system, ''), c.system),
       done         = c.done + excluded.done,
       unchanged    = c.unchanged + excluded.unchanged,
       reads        = c.reads + excluded.reads,
       refused      = c.refused + excluded.refused,
       held         = c.held + excluded.held,
       failed       = c.failed + excluded.failed,
       succeeded_at = coalesce(excluded.succeeded_at, c.succeeded_at),
       refusal_id   = coalesce(excluded.refusal_id, c.refusal_id)`

// acceptUsers forgets that users were refused whose clients did what they wanted, by
// their ids or by the names that they have.
const acceptUsers = `
with accepted as (
  select a.client_id, a.id, u.user_name_key
  from   unnest($2::uuid[], $3::uuid[]) as a (client_id, id)
  left   join users u on u.org_id = $1 and u.id = a.id
)
delete from refused_users r
using  accepted
where  r.org_id = $1 and r.client_id = accepted.client_id and r.user_key in (accepted.id::text, accepted.user_name_key)`

// mostRefusedUsers is how many users an organisation may have that are refused at present;
// beyond, none is added.
const mostRefusedUsers = 5000

// refuseUsers notes users that were refused.
const refuseUsers = `
insert into refused_users as r (org_id, client_id, user_key, user_id, user_name, entry_id)
select $1, s.client_id, s.user_key, s.user_id, s.user_name, s.entry_id
from   unnest($2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::uuid[]) as s (client_id, user_key, user_id, user_name, entry_id)
where  (select count(*) from (select from refused_users o where o.org_id = $1 limit $7) known) < $7
and    not exists (select from deleted_users d where d.org_id = $1 and d.user_name_key = '' and d.id = s.user_id) -- who was erased
on conflict (org_id, client_id, user_key) do update set entry_id = excluded.entry_id`

const anyRefused = `select exists (select from refused_users r where r.org_id = $1)`

// Add implements provisioning.Store. Rows are written in one order on all servers, so that
// none waits for one that waits for it.
func (l *Store) Add(ctx context.Context, o org.ID, c provisioning.Counted) (refused bool, err error) {
	err = pgerr.Retry(ctx, func() error {
		b := new(pgx.Batch)
		if len(c.Succeeded) > 0 {
			clients, users := acceptedUsers(c.Succeeded)
			b.Queue(acceptUsers, int64(o), clients, users)
		}
		if len(c.Refused) > 0 {
			b.Queue(refuseUsers, append([]any{int64(o)}, refusedArguments(c.Refused)...)...)
		}
		if len(c.Spans) > 0 {
			b.Queue(addCounts, append([]any{int64(o), db.ID(l.server)}, spanArguments(c.Spans)...)...)
		}
		if len(c.Loops) > 0 {
			b.Queue(addLoops, append([]any{int64(o), db.ID(l.server)}, loopArguments(c.Loops)...)...)
		}
		b.Queue(anyRefused, int64(o)).QueryRow(func(row pgx.Row) error { return row.Scan(&refused) })
		return l.pool.Of(o).SendBatch(ctx, b).Close()
	})
	return refused, pgerr.Wrap("store counts", err)
}

func acceptedUsers(all []provisioning.AcceptedUser) (clients, users db.IDs) {
	slices.SortFunc(all, func(a, b provisioning.AcceptedUser) int { return bytes.Compare(a.User[:], b.User[:]) })
	for _, s := range all {
		clients, users = append(clients, s.Client), append(users, s.User)
	}
	return clients, users
}

func refusedArguments(all []provisioning.Refusal) []any {
	var clients, entries db.IDs
	var ids []*db.ID
	var keys, names []string
	type row struct {
		client uuid.UUID
		key    string
	}
	seen := make(map[row]bool, len(all)) // names may be spelled in several ways
	for _, r := range all {
		key, id := Storable(schema.Fold(r.Target.Name)), (*db.ID)(nil)
		if r.Target.ID != uuid.Nil {
			key, id = r.Target.ID.String(), (*db.ID)(&r.Target.ID)
		}
		if seen[row{r.Client, key}] {
			continue
		}
		seen[row{r.Client, key}] = true
		clients, entries, ids = append(clients, r.Client), append(entries, r.Entry), append(ids, id)
		keys, names = append(keys, key), append(names, Storable(r.Target.Name))
	}
	return []any{clients, keys, ids, names, entries, mostRefusedUsers}
}

func spanArguments(all []provisioning.SpanCounts) []any {
	var clients db.IDs
	var began []time.Time
	var succeeded []*time.Time
	var refusals []*db.ID
	var systems []string
	counts := make([][]int64, 6)
	for _, s := range all {
		clients, began, systems = append(clients, s.Client), append(began, s.Began), append(systems, string(s.System))
		at, entry := (*time.Time)(nil), (*db.ID)(nil)
		if !s.Succeeded.IsZero() {
			at = &s.Succeeded
		}
		if s.Refusal != uuid.Nil {
			entry = (*db.ID)(&s.Refusal)
		}
		succeeded, refusals = append(succeeded, at), append(refusals, entry)
		for i, n := range []int64{s.Done, s.Unchanged, s.Read, s.Refused, s.Held, s.Failed} {
			counts[i] = append(counts[i], n)
		}
	}
	return []any{clients, began, systems, counts[0], counts[1], counts[2], counts[3], counts[4], counts[5], succeeded, refusals}
}

// Counts, and users who were refused, that nobody keeps any more.
const (
	forgetCounts = `delete from provisioning_counts c where c.org_id = $1 and c.began_at < $2`

	forgetRefused = `delete from refused_users r where r.org_id = $1 and r.entry_id < $2`
)

// forgetCounted deletes what is too old of what was counted.
func (l *Store) forgetCounted(ctx context.Context, o org.Org) error {
	at := l.pool.Clock.Now()
	_, err := l.pool.Own().Exec(ctx, forgetCounts, int64(o.ID), at.Add(-countsKept))
	if err == nil {
		_, err = l.pool.Own().Exec(ctx, forgetLoops, int64(o.ID), at.Add(-loopsKept))
	}
	if err == nil {
		before := provisioning.FirstID(at.AddDate(0, 0, -o.Settings.RefusalLogDays))
		_, err = l.pool.Own().Exec(ctx, forgetRefused, int64(o.ID), db.ID(before))
	}
	return err
}
