// Package logstore keeps the provisioning log: entries that no change stores with itself, the
// pages of the log, its months, and what is counted of requests.
//
// The entry of a change of users, groups and the like is stored by the statement that makes
// the change, in package postgres; other stores call InsertChange in their transactions.
package logstore

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/clock"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
)

// Store keeps the entries of the provisioning log.
type Store struct {
	pool *pool.Pool
	orgs func(ctx context.Context) ([]org.Org, error)

	server uuid.UUID // whose counts are apart from those of others
}

var _ provisioning.Store = (*Store)(nil)

// New makes the store of the entries of all organisations, which orgs lists.
func New(p *pool.Pool, orgs func(ctx context.Context) ([]org.Org, error)) *Store {
	return &Store{p, orgs, uuid.New()}
}

// NewID implements provisioning.Store.
func (l *Store) NewID() uuid.UUID { return l.pool.Clock.NewID() }

// cliPrefix begins the actor of what the command line did, personPrefix that of what
// somebody did in the console; serverActor is who did what nobody asked for.
const cliPrefix, personPrefix, serverActor = "cli:", "console:", "server"

// ActorOf is how an actor is stored, beside the id of a client.
func ActorOf(a provisioning.Actor) string {
	switch a.Type {
	case provisioning.Client:
		return a.Name
	case provisioning.CLI:
		return cliPrefix + a.Name
	case provisioning.Person:
		return personPrefix + a.Name
	default:
		return serverActor
	}
}

// insertEntries stores entries that no change stores with itself. Of what is
// known by the id alone it finds the name, if it has one or had when it was deleted. Of a user who was erased while the entry
// waited, it keeps what is left of other entries, too.
var insertEntries = db.New(`
insert into provisioning_log (org_id, id, client_id, actor, correlation_id, operation, target_type, target_id,
                              target_name, target_key, result, status, error, removed, member_id, detail)
select @org, e.id, nullif(e.client_id, [none]), e.actor, e.correlation_id, e.operation, e.target_type, nullif(e.target_id, [none]),
       case when erased.id is null then coalesce(nullif(e.target_name, ''),
                (select u.doc::jsonb->>'userName' from users u where u.org_id = @org and u.id = e.target_id),
                (select d.doc::jsonb->>'userName' from deleted_users d where d.org_id = @org and d.id = e.target_id limit 1),
                (select g.display_name from groups g where g.org_id = @org and g.id = e.target_id),
                (select c.name from catalogue c where c.org_id = @org and c.kind in (1, 2, 3, 4) and c.id = e.target_id),
                (select c.name from oauth_clients c where c.org_id = @org and c.client_id = e.target_id), '') else '' end,
       case when erased.id is null then nullif(e.target_key, '') end, e.result, e.status,
       case when erased.id is null then nullif(e.error, '') when e.error <> '' then '(erased)' end,
       case when e.lost <> [none] then array[e.lost] end, nullif(e.lost, [none]),
       case when erased.id is null then e.detail else '{"erased":true}' end
from   unnest(@ids::uuid[], @clients::uuid[], @actors::text[], @correlations::text[], @operations::text[], @types::text[],
              @targets::uuid[], @names::text[], @keys::text[], @results::text[], @statuses::smallint[], @errors::text[], @lost::uuid[], @details::text[])
       as e (id, client_id, actor, correlation_id, operation, target_type, target_id, target_name, target_key, result, status, error, lost, detail)
left   join deleted_users erased on erased.org_id = @org and erased.user_name_key = '' and erased.id = e.target_id and e.target_type = 'User'
on conflict do nothing`, db.Part{Name: "none", SQL: `'00000000-0000-0000-0000-000000000000'::uuid`})

// Record implements provisioning.Store.
func (l *Store) Record(ctx context.Context, o org.ID, entries []provisioning.Entry) error {
	err := pgerr.Retry(ctx, func() error { return Insert(ctx, l.pool.Of(o), int64(o), entries) })
	return pgerr.Wrap("record entries", err)
}

// Insert stores entries. One may have lost one member, and that is all it may tell
// of members.
func Insert(ctx context.Context, q pool.Querier, o int64, entries []provisioning.Entry) error {
	n := len(entries)
	ids, clients, targets, lost := make(db.IDs, n), make(db.IDs, n), make(db.IDs, n), make(db.IDs, n)
	texts := map[string][]string{}
	statuses := make([]int16, n)
	for i, e := range entries {
		text, err := detailOf(e)
		if err != nil {
			return err
		}
		ids[i], clients[i], targets[i], statuses[i] = e.ID, e.Actor.ID, e.Target.ID, int16(e.Status)
		if len(e.Members.Removed) == 1 {
			lost[i] = e.Members.Removed[0]
		}
		problem := ""
		if e.Error != nil {
			problem = e.Error.Detail
		}
		for name, value := range map[string]string{
			"actors": ActorOf(e.Actor), "correlations": e.CorrelationID, "operations": string(e.Operation), "types": string(e.Target.Type),
			"names": e.Target.Name, "keys": KeyOf(e), "results": string(e.Result), "errors": problem, "details": text,
		} {
			texts[name] = append(texts[name], Storable(value))
		}
	}
	values := []db.Arg{
		db.Named("ids", ids), db.Named("lost", lost), db.Named("clients", clients), db.Named("targets", targets), db.Named("statuses", statuses),
	}
	for name, list := range texts {
		values = append(values, db.Named(name, list))
	}
	_, err := q.Exec(ctx, insertEntries.String(), insertEntries.Args(o, values...)...)
	return err
}

// Storable is a text without what PostgreSQL does not store.
func Storable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

// MemberOf is the member of whom the entry tells: the zero id where it tells of several, and
// null where of none.
func MemberOf(e provisioning.Entry) any {
	switch m := e.Members; {
	case len(m.Added)+len(m.Removed) == 0:
		return nil
	case len(m.Added)+len(m.Removed) > 1:
		return db.ID{}
	case len(m.Added) == 1:
		return db.ID(m.Added[0])
	default:
		return db.ID(m.Removed[0])
	}
}

// KeyOf is by what the entry is found when the name of its target is asked for. The
// users and groups there are, and who was deleted, are found by their own tables.
func KeyOf(e provisioning.Entry) string {
	t := e.Target
	known := t.ID != uuid.Nil && (t.Type == provisioning.User || t.Type == provisioning.Group)
	if known && e.Operation != provisioning.Rename && (e.Operation != provisioning.Delete || t.Type == provisioning.User) {
		return ""
	}
	return schema.FoldName(t.Name)
}

// InsertChange stores the entry of a change that no writing makes, in the transaction of the
// change; c makes its id.
func InsertChange(
	ctx context.Context, tx pool.Querier, c *clock.Clock, o int64, operation provisioning.Operation, target provisioning.Target, changes []provisioning.Change,
) error {
	e := provisioning.OriginOf(ctx).Entry(c.NewID())
	e.Operation, e.Target, e.Result, e.Changes = operation, target, provisioning.Success, changes
	return Insert(ctx, tx, o, []provisioning.Entry{e})
}
