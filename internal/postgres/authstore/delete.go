package authstore

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/schema"
)

// An organisation is deleted in two parts. One transaction takes its row and its clients,
// so that nobody finds it or gets in, and notes that it was deleted. What it owned is then
// deleted a few thousand rows at a time, by whoever deletes it and by the background work of
// every server, which goes on for lateWrites: so no interruption leaves anything behind, and
// neither does a request that was let in before.

// OrganisationTables hold what organisations own, what refers to others first.
var OrganisationTables = []string{
	"events", "event_progress", "event_streams",
	"async_steps", "async_requests", "async_turns", "import_parts", "imports",
	"client_assertions", "former_grants", "trusted_issuers", "access_tokens", "oauth_clients",
	"group_members", "user_keys", "modifications", "users", "groups", "deleted_users", "count_changes", "count_ranges", "counts",
	"catalogue", "schemas",
	"console_setups", "console_invitations", "console_providers", "console_accounts", "provisioning_counts", "refused_users", "provisioning_loops", "brake_counts", "holds", "provisioning_log",
}

const (
	// emptiedAtOnce is how many rows one statement deletes.
	emptiedAtOnce = 2000
	// lateWrites is longer than a request may take that was let in before.
	lateWrites = 10 * time.Minute
)

// emptyTable deletes some rows of an organisation from a table, by their places: in another
// partition the same places are of the same organisation.
const emptyTable = `
delete from %[1]s d
where  d.org_id = $1
and    d.ctid = any(array(select few.ctid from %[1]s few where few.org_id = $1 limit %[2]d))`

var (
	noteDeletedOrg = db.New(`
insert into deleted_orgs (org_id, name, name_key, deleted_at, deleted_by)
select o.org_id, o.name, o.name_key, @at, @by
from   orgs o
where  o.org_id = @org`)

	deleteOrg = db.New(`delete from orgs o where o.org_id = @org`)

	// deleteClients tells every server that the tokens of the clients are good no more.
	deleteClients = db.New(`
with gone as (
  delete from oauth_clients c
  where  c.org_id = @org
  returning c.client_id
)
insert into revocations (recorded_at, id)
select @at, gone.client_id
from   gone
on     conflict do nothing`)

	deleteStreamOfOrg = db.New(`delete from event_streams s where s.org_id = @org`)

	deleteIssuers  = db.New(`delete from trusted_issuers t where t.org_id = @org`)
	deleteAccepted = db.New(`delete from async_requests a where a.org_id = @org`)
	deleteImports  = db.New(`delete from imports i where i.org_id = @org`)

	countLiveTokens = db.New(`select count(*) from access_tokens t where t.org_id = @org and t.revoked_at is null and t.expires_at > @at`)

	selectLeftOrg  = db.New(`select d.org_id from deleted_orgs d where d.name_key = @key and d.emptied_at is null order by d.deleted_at desc limit 1`)
	selectLeftOrgs = db.New(`select d.org_id, d.deleted_at from deleted_orgs d where d.emptied_at is null order by d.org_id limit 100`)
	noteEmptied    = db.New(`update deleted_orgs d set emptied_at = @at where d.org_id = @org`)
)

// LiveTokens counts the good access tokens of an organisation's clients.
func (r Store) LiveTokens(ctx context.Context, o org.ID) (n int, err error) {
	err = countLiveTokens.With(db.Org(o), db.Named("at", r.pool.Clock.Now())).QueryRow(ctx, r.pool.Own()).Scan(&n)
	return n, pgerr.Wrap("count tokens", err)
}

// DeleteOrg ends an organisation: its name is free and its tokens are refused everywhere
// within a second. Empty deletes what it owned. By names who asks for it.
func (r Store) DeleteOrg(ctx context.Context, o org.ID, by string) error {
	err := r.pool.Of(o).InRetriedTx(ctx, func(tx pgx.Tx) error {
		if _, err := noteDeletedOrg.With(db.Org(o), db.Named("at", r.pool.Clock.Now()), db.Named("by", by)).Exec(ctx, tx); err != nil {
			return err
		}
		if _, err := deleteClients.With(db.Org(o), db.Named("at", r.pool.Clock.Stamp())).Exec(ctx, tx); err != nil {
			return err
		}
		for _, s := range []db.Statement{deleteIssuers, deleteStreamOfOrg, deleteAccepted, deleteImports, deleteOrg} {
			if _, err := s.With(db.Org(o)).Exec(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
	return pgerr.Wrap("delete organisation", err)
}

// LeftOrg finds the organisation that was deleted under a name, in any case, and of which
// something may be left, or oauth.ErrNotFound.
func (r Store) LeftOrg(ctx context.Context, name string) (org.ID, error) {
	var id int64
	err := selectLeftOrg.With(db.Named("key", schema.FoldName(name))).QueryRow(ctx, r.pool.Own()).Scan(&id)
	return org.ID(id), pgerr.Wrap("read organisation", noRows(err))
}

// Empty deletes what a deleted organisation owned and tells how many rows that were. What
// was deleted before it is interrupted stays deleted.
func (r Store) Empty(ctx context.Context, o org.ID) (rows int64, err error) {
	for _, table := range OrganisationTables {
		sql := fmt.Sprintf(emptyTable, table, emptiedAtOnce)
		for more := true; more; {
			err := pgerr.Retry(ctx, func() error {
				tag, err := r.pool.Own().Exec(ctx, sql, int64(o))
				rows += tag.RowsAffected()
				more = tag.RowsAffected() > 0
				return err
			})
			if err != nil {
				return rows, pgerr.Wrap("delete what an organisation owned", err)
			}
		}
	}
	return rows, nil
}

// EmptyAll goes on with what is left of organisations that were deleted.
func (r Store) EmptyAll(ctx context.Context) error {
	left := map[org.ID]time.Time{}
	err := selectLeftOrgs.With().
		ReadAll(ctx, r.pool.Own(), func(raw [][]byte) { left[org.ID(db.ReadInt(raw[0]))] = db.ReadTime(raw[1]) })
	if err != nil {
		return pgerr.Wrap("find deleted organisations", err)
	}
	for o, deleted := range left {
		n, err := r.Empty(ctx, o)
		if err != nil {
			return err
		}
		if n > 0 {
			r.pool.Log.InfoContext(ctx, "deleted what an organisation owned that is deleted", "org", o, "rows", n)
		}
		if now := r.pool.Clock.Now(); n == 0 && now.Sub(deleted) > lateWrites {
			if _, err := noteEmptied.With(db.Org(o), db.Named("at", now)).Exec(ctx, r.pool.Own()); err != nil {
				return pgerr.Wrap("note that an organisation is gone", err)
			}
		}
	}
	return nil
}
