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
var addCounts = db.New(`
insert into provisioning_counts as c (org_id, client_id, began_at, server, system, done, unchanged, reads, refused, held, failed, succeeded_at, refusal_id)
select @org, s.client_id, s.began_at, @server, s.system, s.done, s.unchanged, s.reads, s.refused, s.held, s.failed, s.succeeded_at, s.refusal_id
from   unnest(@clients::uuid[], @began::timestamptz[], @systems::text[], @done::bigint[], @unchanged::bigint[],
              @reads::bigint[], @refused::bigint[], @held::bigint[], @failed::bigint[], @succeeded::timestamptz[], @refusals::uuid[])
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
       refusal_id   = coalesce(excluded.refusal_id, c.refusal_id)`)

// acceptUsers forgets that users were refused whose clients did what they wanted, by
// their ids or by the names that they have.
var acceptUsers = db.New(`
with accepted as (
  select a.client_id, a.id, u.user_name_key
  from   unnest(@clients::uuid[], @ids::uuid[]) as a (client_id, id)
  left   join users u on u.org_id = @org and u.id = a.id
)
delete from refused_users r
using  accepted
where  r.org_id = @org and r.client_id = accepted.client_id and r.user_key in (accepted.id::text, accepted.user_name_key)`)

// mostRefusedUsers is how many users an organisation may have that are refused at present;
// beyond, none is added.
const mostRefusedUsers = 5000

// refuseUsers notes users that were refused.
var refuseUsers = db.New(`
insert into refused_users as r (org_id, client_id, user_key, user_id, user_name, entry_id)
select @org, s.client_id, s.user_key, s.user_id, s.user_name, s.entry_id
from   unnest(@clients::uuid[], @keys::text[], @ids::uuid[], @names::text[], @entries::uuid[]) as s (client_id, user_key, user_id, user_name, entry_id)
where  (select count(*) from (select from refused_users o where o.org_id = @org limit @most) known) < @most
and    not exists (select from deleted_users d where d.org_id = @org and d.user_name_key = '' and d.id = s.user_id) -- who was erased
on conflict (org_id, client_id, user_key) do update set entry_id = excluded.entry_id`)

const anyRefused = `select exists (select from refused_users r where r.org_id = $1)`

// Add implements provisioning.Store. Rows are written in one order on all servers, so that
// none waits for one that waits for it.
func (l *Store) Add(ctx context.Context, o org.ID, c provisioning.Counted) (refused bool, err error) {
	err = pgerr.Retry(ctx, func() error {
		b := new(pgx.Batch)
		if len(c.Succeeded) > 0 {
			clients, users := acceptedUsers(c.Succeeded)
			acceptUsers.With(db.Org(o), db.Named("clients", clients), db.Named("ids", users)).Queue(b)
		}
		if len(c.Refused) > 0 {
			refuseUsers.With(append(refusedArguments(c.Refused), db.Org(o))...).Queue(b)
		}
		if len(c.Spans) > 0 {
			addCounts.With(append(spanArguments(c.Spans), db.Org(o), db.Named("server", db.ID(l.server)))...).Queue(b)
		}
		if len(c.Loops) > 0 {
			addLoops.With(append(loopArguments(c.Loops), db.Org(o), db.Named("server", db.ID(l.server)))...).Queue(b)
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

func refusedArguments(all []provisioning.Refusal) []db.Arg {
	var clients, entries db.IDs
	var ids []*db.ID
	var keys, names []string
	type row struct {
		client uuid.UUID
		key    string
	}
	seen := make(map[row]bool, len(all)) // names may be spelled in several ways
	for _, r := range all {
		key, id := Storable(schema.FoldName(r.Target.Name)), (*db.ID)(nil)
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
	return []db.Arg{
		db.Named("clients", clients), db.Named("keys", keys), db.Named("ids", ids), db.Named("names", names), db.Named("entries", entries),
		db.Named("most", mostRefusedUsers),
	}
}

func spanArguments(all []provisioning.SpanCounts) []db.Arg {
	var clients db.IDs
	var began []time.Time
	var succeeded []db.NullTime
	var refusals []db.NullID
	var systems []string
	counts := make([][]int64, 6)
	for _, s := range all {
		clients, began, systems = append(clients, s.Client), append(began, s.Began), append(systems, string(s.System))
		succeeded, refusals = append(succeeded, db.NullTime(s.Succeeded)), append(refusals, db.NullID(s.Refusal))
		for i, n := range []int64{s.Done, s.Unchanged, s.Read, s.Refused, s.Held, s.Failed} {
			counts[i] = append(counts[i], n)
		}
	}
	return []db.Arg{
		db.Named("clients", clients), db.Named("began", began), db.Named("systems", systems), db.Named("done", counts[0]),
		db.Named("unchanged", counts[1]), db.Named("reads", counts[2]), db.Named("refused", counts[3]), db.Named("held", counts[4]),
		db.Named("failed", counts[5]), db.Named("succeeded", succeeded), db.Named("refusals", refusals),
	}
}

// Counts, and users who were refused, that nobody keeps any more.
var (
	forgetCounts = db.New(`delete from provisioning_counts c where c.org_id = @org and c.began_at < @before`)

	forgetRefused = db.New(`delete from refused_users r where r.org_id = @org and r.entry_id < @before`)
)

// forgetCounted deletes what is too old of what was counted.
func (l *Store) forgetCounted(ctx context.Context, o org.Org) error {
	at := l.pool.Clock.Now()
	_, err := forgetCounts.With(db.Org(o.ID), db.Named("before", at.Add(-countsKept))).Exec(ctx, l.pool.Own())
	if err == nil {
		_, err = forgetLoops.With(db.Org(o.ID), db.Named("before", at.Add(-loopsKept))).Exec(ctx, l.pool.Own())
	}
	if err == nil {
		before := provisioning.FirstID(at.AddDate(0, 0, -o.Settings.RefusalLogDays))
		_, err = forgetRefused.With(db.Org(o.ID), db.Named("before", db.ID(before))).Exec(ctx, l.pool.Own())
	}
	return err
}
