package authstore

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/provisioning"
)

// mostEnding is how many tokens are ended, or listed, at a time.
const mostEnding = 1000

var (
	succeedTokens = db.New(`
update access_tokens t
set    successor = case when @ends::timestamptz is null then @successor::uuid end, ends_at = @ends::timestamptz,
       revoked_at = case when @ends::timestamptz <= @at then @at end
where  t.org_id = @org and t.client_id = @client and t.id <> @successor::uuid and t.revoked_at is null and t.expires_at > @at
and    t.origin = 'administrator' and t.user_id is null
returning t.id`)

	// selectSucceeded finds tokens of all organisations that are to end: their time has
	// come, or their successor was used.
	selectSucceeded = db.New(`
select t.org_id, t.client_id, t.id
from   access_tokens t
where  t.ends_at <= @at and t.revoked_at is null
union
select t.org_id, t.client_id, t.id
from   access_tokens t
join   access_tokens s on s.org_id = t.org_id and s.id = t.successor
where  t.successor is not null and t.revoked_at is null and s.used_at is not null
limit  @most`)

	selectEnding = db.New(`
select t.id, t.client_id, t.issued_at, t.expires_at, t.used_at, t.used_from
from   access_tokens t
where  t.org_id = @org and t.expires_at > @after and t.expires_at < @before and t.revoked_at is null and t.origin <> 'issuer'
and    t.expires_at - t.issued_at > interval '2 days'
order  by t.expires_at, t.id
limit  @most`)
)

// Succeed implements oauth.RenewalStore.
func (r Store) Succeed(ctx context.Context, o org.ID, client, successor uuid.UUID, at time.Time) (n int, err error) {
	now := r.pool.Clock.Stamp()
	atOnce := !at.IsZero() && !at.After(now)
	err = r.pool.Of(o).InRetriedTx(ctx, func(tx pgx.Tx) error {
		old, err := db.Collect(ctx, tx, succeedTokens.With(
			db.Org(o), db.Named("client", db.ID(client)), db.Named("successor", db.ID(successor)), db.Named("ends", db.NullTime(at)), db.Named("at", now),
		), pgx.RowTo[uuid.UUID])
		if n = len(old); err != nil || n == 0 {
			return err
		}
		operation, changes := provisioning.Update, append(ofClient(client), endOf(successor, at))
		if atOnce {
			operation, changes = provisioning.Revoke, ofClient(client)
		}
		for _, token := range old {
			if err := r.log(ctx, tx, o, operation, tokenTarget(token), changes); err != nil {
				return err
			}
		}
		if atOnce {
			return r.record(ctx, tx, old...)
		}
		return nil
	})
	return n, pgerr.Wrap("renew tokens", err)
}

// endOf tells when a token ends that has a successor.
func endOf(successor uuid.UUID, at time.Time) provisioning.Change {
	if at.IsZero() {
		return provisioning.Change{Attribute: "successor", After: successor.String()}
	}
	return provisioning.Change{Attribute: "ends", After: at.UTC().Format(time.RFC3339)}
}

// EndSucceeded implements oauth.RenewalStore. Servers may do it at once: a token that has
// ended ends again without harm.
func (r Store) EndSucceeded(ctx context.Context, now time.Time) ([]oauth.Token, error) {
	ended, err := db.Collect(ctx, r.pool.Own(), selectSucceeded.With(db.Named("at", now), db.Named("most", mostEnding)), func(row pgx.CollectableRow) (t oauth.Token, err error) {
		err = row.Scan((*int64)(&t.Org), &t.Client, &t.ID)
		return t, err
	})
	if err != nil {
		return nil, pgerr.Wrap("find renewed tokens", err)
	}
	ctx = provisioning.WithOrigin(ctx, &provisioning.Origin{Actor: provisioning.Actor{Type: provisioning.Server}})
	for _, t := range ended {
		if err := r.RevokeToken(ctx, t.Org, t.Client, t.ID); err != nil && !errors.Is(err, oauth.ErrNotFound) {
			return nil, err
		}
	}
	return ended, nil
}

// Ending implements oauth.RenewalStore.
func (r Store) Ending(ctx context.Context, o org.ID, now, before time.Time) ([]oauth.Token, error) {
	asked := selectEnding.With(db.Org(o), db.Named("after", now), db.Named("before", before), db.Named("most", mostEnding))
	tokens, err := db.Collect(ctx, r.pool.Of(o), asked, func(row pgx.CollectableRow) (t oauth.Token, err error) {
		t.Org = o
		err = row.Scan(&t.ID, &t.Client, &t.Issued, &t.Expires, (*db.NullTime)(&t.Used), &t.UsedFrom)
		return t, err
	})
	return tokens, pgerr.Wrap("list ending tokens", err)
}
