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

// Personal is true of a client c that is of a person who tries the API, as
// oauth.Client.IsPersonal is. Such a client is made and deleted with a session of the console, and
// is in no list of an organisation's clients.
const Personal = `(coalesce(c.provisioning_domain, '') like '.%')`

// theseClients are those of which the status tells: one, or the first of all.
const theseClients = `
select c.client_id, c.name, c.state
from   oauth_clients c
where  c.org_id = @org and (@client::uuid is null or c.client_id = @client) and not ` + Personal + `
order  by lower(c.name), c.client_id
limit  @first`

var clientsPart = db.Part{Name: "clients", SQL: theseClients}

// What is read to tell how provisioning goes. Nothing of it looks at all that an
// organisation has: counts are of some days, tokens of clients few, and the rest ends at a
// number.
var (
	selectActiveClients = db.New(theseClients)

	// selectSpans adds up what servers have counted: in 32 bits, which hold the requests of
	// ten minutes, for PostgreSQL adds up longer numbers at several times the cost.
	selectSpans = db.New(`
select c.client_id, c.began_at, max(c.system), sum(c.done::int), sum(c.unchanged::int), sum(c.reads::int),
       sum(c.refused::int), sum(c.held::int), sum(c.failed::int)
from   provisioning_counts c
where  c.org_id = @org and c.client_id = any(array(select a.client_id from ([clients]) a)) and c.began_at > @since
group  by c.client_id, c.began_at
order  by c.client_id, c.began_at`, clientsPart)

	// selectLast finds what was done last, and the entry of what was refused last.
	selectLast = db.New(`
select a.client_id, s.succeeded_at, f.refusal_id
from   ([clients]) a
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
       limit  1) f on true`, clientsPart)

	// selectOldestRefused finds the oldest entry of users who were refused, or no row.
	selectOldestRefused = db.New(`
select r.entry_id
from   refused_users r
where  r.org_id = @org and (@client::uuid is null or r.client_id = @client)
order  by r.entry_id
limit  1`)

	// selectTokenEnds finds the token of each client that was used last, or else the one
	// that lives longest, of those that are good.
	selectTokenEnds = db.New(`
select a.client_id, t.id, t.issued_at, t.expires_at, t.used_at
from   ([clients]) a
join   lateral (
       select t.id, t.issued_at, t.expires_at, t.used_at
       from   access_tokens t
       where  t.org_id = @org and t.client_id = a.client_id and t.expires_at > @at and t.revoked_at is null and t.origin <> 'issuer'
       order  by t.used_at desc nulls last, t.expires_at desc
       limit  1) t on true`, clientsPart)

	// countEvents counts events that wait, and those that nobody took.
	countEvents = db.New(`
select (select count(*) from (select from events e where e.org_id = @org and e.dead_at is null limit @most) waiting),
       (select count(*) from (select from events e where e.org_id = @org and e.dead_at is not null limit @most) dead)`)
)

// What the log tells of that, in the months in which it lies.
var (
	// selectRefused finds users of whom the last that was asked was refused. Of who was
	// changed since, be it by another server, the log has an entry; of who is known by
	// name alone, the log of the user who has the name by now. A key that is null finds
	// nothing at once: who has an id is looked for under no name, and who is only counted
	// in no entry.
	selectRefused = db.NewTemplate(`
select r.client_id, r.entry_id, r.user_id, coalesce(nullif(r.user_name, ''), told.target_name, ''),
       coalesce(told.result, 'refused'), coalesce(told.status, 0), coalesce(told.error, '')
from   (select r.client_id, r.entry_id, r.user_id, r.user_name,
               row_number() over (partition by r.client_id order by r.entry_id desc) as place
        from   refused_users r
        left   join users u on u.org_id = @org and u.user_name_key = case when r.user_id is null then r.user_key end
        where  r.org_id = @org[client]
        and    not exists (
               select from provisioning_log e
               where  e.org_id = @org[since] and e.target_id = coalesce(r.user_id, u.id) and e.id > r.entry_id
               and    e.client_id = r.client_id and e.result in ('success', 'warning') ` + db.OneByOne + `)
        order  by r.entry_id desc
        limit  [most]) r
left   join lateral (
       select e.target_name, e.result, e.status, e.error
       from   provisioning_log e
       where  e.org_id = @org[since] and e.id = case when r.place <= [shown] then r.entry_id end
       ` + db.OneByOne + `) told on true
order  by r.entry_id desc`)

	// selectRefusals finds entries of what was refused.
	selectRefusals = db.NewTemplate(`
select e.id, e.target_type, e.target_id, e.target_name, e.result, e.status, coalesce(e.error, '')
from   provisioning_log e
where  e.org_id = @org[since] and e.id = any([ids])`)
)

// mostClients is of how many clients the status tells.
const mostClients = 500

// Activity implements provisioning.Store. What is known beside the log is read first: it
// tells in which months to look.
func (l *Store) Activity(ctx context.Context, o org.ID, client uuid.UUID) (provisioning.Activity, error) {
	a := activity{org: o, client: client, places: map[uuid.UUID]int{}, last: map[uuid.UUID]uuid.UUID{}}
	a.At = l.pool.Clock.Now()
	b := new(pgx.Batch)
	a.queue(b)
	err := l.pool.Of(o).SendBatch(ctx, b).Close()
	if b = new(pgx.Batch); err == nil && a.queueTold(b) {
		err = l.pool.Of(o).SendBatch(ctx, b).Close()
	}
	return a.Activity, pgerr.Wrap("read activity", err)
}

// activity is what is read of how provisioning goes.
type activity struct {
	provisioning.Activity
	org    org.ID
	client uuid.UUID // of which alone it is told; zero is all

	places map[uuid.UUID]int // of clients
	// oldest is the oldest entry of a user who was refused, and last that of the last refusal
	// of each client, by the entry.
	oldest uuid.UUID
	last   map[uuid.UUID]uuid.UUID
}

// queue reads what is known beside the log.
func (a *activity) queue(b *pgx.Batch) {
	client, day := db.Named("client", db.NullID(a.client)), db.Named("since", a.At.Add(-24*time.Hour))
	read := func(s db.Statement, row func(row pgx.Rows) error, values ...db.Arg) {
		s.With(append(values, db.Org(a.org), client, db.Named("first", mostClients))...).Queue(b).Query(each(row))
	}
	read(selectActiveClients, a.readClient)
	read(selectSpans, a.readSpan, day)
	read(selectLast, a.readLast)
	read(selectOldestRefused, func(row pgx.Rows) error { return row.Scan(&a.oldest) })
	read(countHolds, a.readHolds, db.Named("since", a.At.Add(-provisioning.HoldIdle)))
	read(selectLoops, a.readLoop, day, db.Named("most", mostLoopsShown))
	read(selectTokenEnds, a.readToken, db.Named("at", a.At))
	read(countEvents, func(row pgx.Rows) error { return row.Scan(&a.Waiting, &a.Dead) }, db.Named("most", provisioning.MostWaiting))
}

// queueTold reads what the log tells of it, and reports whether there is anything to read.
func (a *activity) queueTold(b *pgx.Batch) bool {
	if a.oldest != uuid.Nil {
		since, one := db.In("since", since(provisioning.TimeOf(a.oldest))), db.Fragment{}
		if a.client != uuid.Nil {
			one = db.SQL(" and r.client_id = $?", db.ID(a.client))
		}
		sql, args := selectRefused.Fill(int64(a.org), since, db.In("client", one),
			db.In("most", db.Number(provisioning.MostCounted)), db.In("shown", db.Number(provisioning.MostRefused)))
		b.Queue(sql, args...).Query(each(a.readRefused))
	}
	if len(a.last) > 0 {
		ids, oldest := db.IDs{}, a.At
		for id := range a.last {
			if ids = append(ids, id); provisioning.TimeOf(id).Before(oldest) {
				oldest = provisioning.TimeOf(id)
			}
		}
		sql, args := selectRefusals.Fill(int64(a.org), db.In("since", since(oldest)), db.In("ids", db.SQL("$?::uuid[]", ids)))
		b.Queue(sql, args...).Query(each(a.readRefusal))
	}
	return b.Len() > 0
}

// each reads the rows of a statement.
func each(read func(row pgx.Rows) error) func(rows pgx.Rows) error {
	return func(rows pgx.Rows) error {
		for rows.Next() {
			if err := read(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	}
}

func (a *activity) readClient(row pgx.Rows) error {
	var c provisioning.ClientActivity
	var state oauth.State
	err := row.Scan(&c.ID, &c.Name, &state)
	c.Disabled = state == oauth.StateDisabled
	a.places[c.ID], a.Clients = len(a.Clients), append(a.Clients, c)
	return err
}

// of finds a client; one that came since they were read is nobody's.
func (a *activity) of(client uuid.UUID) *provisioning.ClientActivity {
	at, known := a.places[client]
	if !known {
		return new(provisioning.ClientActivity)
	}
	return &a.Clients[at]
}

func (a *activity) readSpan(row pgx.Rows) error {
	var s provisioning.SpanCounts
	err := row.Scan(&s.Client, &s.Began, &s.System, &s.Done, &s.Unchanged, &s.Read, &s.Refused, &s.Held, &s.Failed)
	c := a.of(s.Client)
	c.Spans = append(c.Spans, s)
	return err
}

func (a *activity) readLast(row pgx.Rows) error {
	var client, entry uuid.UUID
	var succeeded time.Time
	err := row.Scan(&client, (*db.NullTime)(&succeeded), (*db.NullID)(&entry))
	c := a.of(client)
	if c.Succeeded = succeeded; entry != uuid.Nil {
		a.last[entry] = client
		c.Refusal = &provisioning.RefusedRequest{Entry: entry, Result: provisioning.Refused} // unless the log tells more
	}
	return err
}

func (a *activity) readRefusal(row pgx.Rows) error {
	var r provisioning.RefusedRequest
	err := row.Scan(&r.Entry, &r.Target.Type, (*db.NullID)(&r.Target.ID), &r.Target.Name, &r.Result, &r.Status, &r.Error.Detail)
	a.of(a.last[r.Entry]).Refusal = &r
	return err
}

func (a *activity) readRefused(row pgx.Rows) error {
	var client uuid.UUID
	r := provisioning.RefusedRequest{Target: provisioning.Target{Type: provisioning.User}}
	err := row.Scan(&client, &r.Entry, (*db.NullID)(&r.Target.ID), &r.Target.Name, &r.Result, &r.Status, &r.Error.Detail)
	c := a.of(client)
	c.RefusedUsers++
	if len(c.Refused) < provisioning.MostRefused {
		if r.Result == provisioning.Held {
			c.HeldUsers++
		}
		c.Refused = append(c.Refused, r)
	}
	return err
}

func (a *activity) readHolds(row pgx.Rows) error {
	var client uuid.UUID
	var n int
	err := row.Scan(&client, &n)
	a.of(client).Holds = n
	return err
}

func (a *activity) readToken(row pgx.Rows) error {
	var client uuid.UUID
	var t provisioning.TokenEnd
	err := row.Scan(&client, &t.ID, &t.Issued, &t.Expires, (*db.NullTime)(&t.Used))
	a.of(client).Token = &t
	return err
}
