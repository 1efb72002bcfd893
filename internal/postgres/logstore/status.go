package logstore

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/provisioning"
)

// What is read to tell how provisioning goes. Nothing of it looks at all that an
// organisation has: counts are of some days, tokens of clients few, and the rest ends at a
// number.
var (
	selectActiveClients = db.New(`
select c.client_id, c.name, c.state
from   oauth_clients c
where  c.org_id = @org and coalesce(c.provisioning_domain, '') not like '.%'
order  by lower(c.name), c.client_id
limit  @most`)

	// selectSpans adds up what servers have counted.
	selectSpans = db.New(`
select c.client_id, c.began_at, max(c.system), sum(c.done)::bigint, sum(c.unchanged)::bigint, sum(c.reads)::bigint,
       sum(c.refused)::bigint, sum(c.held)::bigint, sum(c.failed)::bigint
from   provisioning_counts c
where  c.org_id = @org and c.client_id = any(@clients::uuid[]) and c.began_at > @since
group  by c.client_id, c.began_at
order  by c.client_id, c.began_at`)

	// selectLast finds what was done last, and the entry of what was refused last.
	selectLast = db.New(`
select a.client_id, s.succeeded_at, f.refusal_id, e.target_type, e.target_id, e.target_name, e.result, e.status, e.error
from   unnest(@clients::uuid[]) as a (client_id)
left   join lateral (
       select c.succeeded_at
       from   provisioning_counts c
       where  c.org_id = @org and c.client_id = a.client_id and c.succeeded_at is not null
       order  by c.began_at desc, c.succeeded_at desc
       limit  1) s on true
left   join lateral (
       select c.refusal_id
       from   provisioning_counts c
       where  c.org_id = @org and c.client_id = a.client_id and c.refusal_id is not null
       order  by c.began_at desc, c.refusal_id desc
       limit  1) f on true
left   join provisioning_log e on e.org_id = @org and e.id = f.refusal_id`)

	// selectRefused finds users of whom the last that was asked was refused. Of who was
	// changed since, be it by another server, the log has an entry; of who is known by
	// name alone, the log of the user who has the name by now.
	selectRefused = db.New(`
select r.client_id, r.entry_id, r.user_id, coalesce(nullif(r.user_name, ''), e.target_name, ''), e.result, e.status, e.error
from   refused_users r
left   join users u on u.org_id = @org and r.user_id is null and u.user_name_key = r.user_key
left   join provisioning_log e on e.org_id = @org and e.id = r.entry_id
where  r.org_id = @org
and    not exists (
       select from provisioning_log d
       where  d.org_id = @org and d.target_id = coalesce(r.user_id, u.id) and d.id > r.entry_id
       and    d.client_id = r.client_id and d.result in ('success', 'warning'))
order  by r.entry_id desc
limit  @most`)

	// selectTokenEnds finds the token of each client that was used last, or else the one
	// that lives longest, of those that are good.
	selectTokenEnds = db.New(`
select a.client_id, t.id, t.issued_at, t.expires_at, t.used_at
from   unnest(@clients::uuid[]) as a (client_id)
join   lateral (
       select t.id, t.issued_at, t.expires_at, t.used_at
       from   access_tokens t
       where  t.org_id = @org and t.client_id = a.client_id and t.expires_at > @at and t.revoked_at is null and t.origin <> 'issuer'
       order  by t.used_at desc nulls last, t.expires_at desc
       limit  1) t on true`)

	// countEvents counts events that wait, and those that nobody took.
	countEvents = db.New(`
select (select count(*) from (select from events e where e.org_id = @org and e.dead_at is null limit @most) waiting),
       (select count(*) from (select from events e where e.org_id = @org and e.dead_at is not null limit @most) dead)`)
)

// mostClients is of how many clients the status tells.
const mostClients = 500

// Activity implements provisioning.Store.
func (l *Store) Activity(ctx context.Context, o org.ID) (provisioning.Activity, error) {
	a := provisioning.Activity{At: l.pool.Clock.Now()}
	var err error
	asked := selectActiveClients.With(db.Org(o), db.Named("most", mostClients))
	a.Clients, err = db.Collect(ctx, l.pool.Of(o), asked, func(row pgx.CollectableRow) (c provisioning.ClientActivity, err error) {
		var state oauth.State
		err = row.Scan(&c.ID, &c.Name, &state)
		c.Disabled = state == oauth.StateDisabled
		return c, err
	})
	if err != nil {
		return a, pgerr.Wrap("read activity", err)
	}
	known := make(map[uuid.UUID]*provisioning.ClientActivity, len(a.Clients))
	var ids db.IDs
	for i := range a.Clients {
		known[a.Clients[i].ID], ids = &a.Clients[i], append(ids, a.Clients[i].ID)
	}
	b := new(pgx.Batch)
	activity{known}.queue(b, o, ids, a.At)
	countEvents.With(db.Org(o), db.Named("most", provisioning.MostWaiting)).Queue(b).QueryRow(func(row pgx.Row) error { return row.Scan(&a.Waiting, &a.Dead) })
	return a, pgerr.Wrap("read activity", l.pool.Of(o).SendBatch(ctx, b).Close())
}

// activity is what is read of the clients of an organisation.
type activity struct {
	clients map[uuid.UUID]*provisioning.ClientActivity
}

// queue reads all in one round trip.
func (a activity) queue(b *pgx.Batch, o org.ID, ids db.IDs, at time.Time) {
	selectSpans.With(db.Org(o), db.Named("clients", ids), db.Named("since", at.Add(-24*time.Hour))).Queue(b).Query(a.each(a.span))
	selectLast.With(db.Org(o), db.Named("clients", ids)).Queue(b).Query(a.each(a.last))
	selectRefused.With(db.Org(o), db.Named("most", provisioning.MostCounted)).Queue(b).Query(a.each(a.refused))
	countHolds.With(db.Org(o), db.Named("since", at.Add(-provisioning.HoldIdle))).Queue(b).Query(a.each(a.holds))
	selectLoops.With(db.Org(o), db.Named("since", at.Add(-24*time.Hour)), db.Named("most", mostLoopsShown)).Queue(b).Query(a.each(a.loop))
	selectTokenEnds.With(db.Org(o), db.Named("clients", ids), db.Named("at", at)).Queue(b).Query(a.each(a.token))
}

// each reads the rows of a statement.
func (a activity) each(read func(row pgx.Rows) error) func(rows pgx.Rows) error {
	return func(rows pgx.Rows) error {
		for rows.Next() {
			if err := read(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	}
}

func (a activity) span(row pgx.Rows) error {
	var s provisioning.SpanCounts
	err := row.Scan(&s.Client, &s.Began, &s.System, &s.Done, &s.Unchanged, &s.Read, &s.Refused, &s.Held, &s.Failed)
	if c := a.clients[s.Client]; c != nil {
		s.Began = s.Began.UTC()
		c.Spans = append(c.Spans, s)
	}
	return err
}

func (a activity) last(row pgx.Rows) error {
	var client uuid.UUID
	var succeeded *time.Time
	var entry *uuid.UUID
	var told toldRefusal
	err := row.Scan(&client, &succeeded, &entry, &told.kind, &told.id, &told.name, &told.result, &told.status, &told.detail)
	if c := a.clients[client]; c != nil {
		c.Succeeded = db.OrZero(succeeded)
		if entry != nil {
			last := told.request(*entry)
			c.Refusal = &last
		}
	}
	return err
}

func (a activity) refused(row pgx.Rows) error {
	var client, entry uuid.UUID
	told := toldRefusal{}
	err := row.Scan(&client, &entry, &told.id, &told.name, &told.result, &told.status, &told.detail)
	c := a.clients[client]
	if err != nil || c == nil {
		return err
	}
	c.RefusedUsers++
	if len(c.Refused) < provisioning.MostRefused {
		r := told.request(entry)
		r.Target.Type = provisioning.User
		c.Refused = append(c.Refused, r)
	}
	return nil
}

func (a activity) holds(row pgx.Rows) error {
	var client uuid.UUID
	var n int
	err := row.Scan(&client, &n)
	if c := a.clients[client]; c != nil {
		c.Holds = n
	}
	return err
}

func (a activity) token(row pgx.Rows) error {
	var client uuid.UUID
	var t provisioning.TokenEnd
	var used *time.Time
	err := row.Scan(&client, &t.ID, &t.Issued, &t.Expires, &used)
	if c := a.clients[client]; c != nil {
		t.Issued, t.Expires, t.Used = t.Issued.UTC(), t.Expires.UTC(), db.OrZero(used)
		c.Token = &t
	}
	return err
}

// toldRefusal is what the log tells of a refusal; nothing, if it was dropped.
type toldRefusal struct {
	kind, name, result, detail *string
	id                         *uuid.UUID
	status                     *int16
}

func (t toldRefusal) request(entry uuid.UUID) provisioning.RefusedRequest {
	r := provisioning.RefusedRequest{Entry: entry, Result: provisioning.Refused}
	if t.id != nil {
		r.Target.ID = *t.id
	}
	if t.status != nil {
		r.Status = int(*t.status)
	}
	for to, text := range map[*string]*string{(*string)(&r.Target.Type): t.kind, &r.Target.Name: t.name, (*string)(&r.Result): t.result, &r.Error.Detail: t.detail} {
		if text != nil {
			*to = *text
		}
	}
	return r
}
