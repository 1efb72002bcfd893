package postgres

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
)

const (
	// tokensKept is how long tokens are listed after their end.
	tokensKept = 7 * 24 * time.Hour
	// keyAhead is how far beyond the last of its tokens a key's end is set, so that
	// not every token moves it.
	keyAhead = 24 * time.Hour
)

// insertToken adds a token of a client that is held, if it may have another.
const insertToken = `
insert into access_tokens (org_id, id, client_id, issued_at, expires_at, issued_to, user_id, origin)
select $1, $2, $3, $4, $5, $6, $7, $10
where  ` + hasRoom

// deleteEnded takes a few tokens that ended long ago. What other servers are
// taking is left to them.
const deleteEnded = `
with ended as (
  select t.id
  from   access_tokens t
  where  t.org_id = $1 and t.expires_at < $2
  order  by t.expires_at
  limit  100
  for    update skip locked
)
delete from access_tokens t
using  ended
where  t.org_id = $1 and t.id = ended.id`

const extendKey = `
update signing_keys
set    verify_until = $2
where  kid = $1 and verify_until < $3`

// AddToken implements oauth.Store. Each token takes a few away that are not
// listed any more, so that there are never many of them. The client is held
// before any token is, as by what ends tokens.
func (r Registry) AddToken(ctx context.Context, t oauth.Token, key string, limit int) error {
	m, origin := issuing{limit: limit}, byAdministrator
	if t.IssuedTo != "" {
		origin = byClient
	}
	add := func(b *pgx.Batch) {
		m.queue(b, t, r.store.clock.stamp())
		b.Queue(insertToken, int64(t.Org), uid(t.ID), uid(t.Client), t.Issued, t.Expires, t.IssuedTo, orNull(t.User), r.store.clock.stamp(), m.max(), origin).
			Exec(func(tag pgconn.CommandTag) error {
				m.added = tag.RowsAffected() > 0
				return nil
			})
		b.Queue(extendKey, key, t.Expires.Add(keyAhead), t.Expires)
		b.Queue(deleteEnded, int64(t.Org), t.Issued.Add(-tokensKept))
	}
	err := r.store.of(t.Org).inTx(ctx, add, func(pgx.Tx) error { return m.refusal() })
	if violates(err, foreignKeyViolation, "tokens_user") {
		err = oauth.ErrNoUser
	}
	return wrap("add token", err)
}

// orNull is an id that is null when it is zero.
func orNull(id uuid.UUID) any {
	if id == uuid.Nil {
		return nil
	}
	return uid(id)
}

// rolesOfClient are the roles that a client c has.
const rolesOfClient = `
       from   catalogue r
       where  r.org_id = $1 and r.kind = $3
       and    r.id in (select (g.value->>'role')::uuid from jsonb_array_elements(c.roles) g)`

// selectBearer reads a client with its organisation and one of its tokens, and the digest
// of what its roles grant (oauth.DigestOf): the server has read most of those before.
const selectBearer = `
select ` + clientColumns + `, ` + orgColumns + `,
       t.id is not null, t.revoked_at is not null,
       t.user_id, (select u.active from users u where u.org_id = $1 and u.id = t.user_id),
       sha256(convert_to(g.details, 'UTF8')), octet_length(g.details)
from   oauth_clients c
join   orgs o on o.org_id = c.org_id
left   join access_tokens t on t.org_id = $1 and t.id = $4 and t.client_id = c.client_id
cross  join lateral (
       select coalesce(string_agg(r.detail::text, ',' order by r.id), '') as details` + rolesOfClient + `) g
where  c.org_id = $1 and c.client_id = $2`

const selectGranted = `
select array(select r.detail::text` + rolesOfClient + ` order by r.id)
from   oauth_clients c
where  c.org_id = $1 and c.client_id = $2`

// Bearer implements oauth.Store.
func (r Registry) Bearer(ctx context.Context, o org.ID, client, token uuid.UUID) (b oauth.Bearer, err error) {
	err = retry(ctx, func() error {
		rows, err := r.store.own().Query(ctx, selectBearer, int64(o), uid(client), int16(directory.Role), uid(token))
		if err == nil {
			b, err = pgx.CollectExactlyOneRow(rows, scanBearer)
		}
		return err
	})
	return b, wrap("read bearer", noRows(err))
}

// Granted implements oauth.Store.
func (r Registry) Granted(ctx context.Context, o org.ID, client uuid.UUID) (details [][]byte, err error) {
	err = retry(ctx, func() error {
		return r.store.of(o).QueryRow(ctx, selectGranted, int64(o), uid(client), int16(directory.Role)).Scan(&details)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return details, wrap("read roles of client", err)
}

func scanBearer(row pgx.CollectableRow) (b oauth.Bearer, err error) {
	var f clientFields
	var user *uuid.UUID
	var active *bool
	var digest []byte
	fields := slices.Concat(f.columns(), fieldsOf(&b.Org), []any{&b.Recorded, &b.Revoked, &user, &active, &digest, &b.GrantedBytes})
	if err = row.Scan(fields...); err == nil {
		b.Client, err = f.client()
	}
	if user != nil {
		b.User, b.Active = *user, active != nil && *active
	}
	copy(b.Granted[:], digest)
	return b, err
}

const selectTokens = `
select t.id, t.client_id, t.issued_at, t.expires_at, t.issued_to, t.used_at, t.used_from, t.revoked_at, t.user_id
from   access_tokens t
where  t.org_id = $1 and t.client_id = $2
order  by t.id desc
offset $3
limit  $4`

const countTokens = `select count(*) from access_tokens t where t.org_id = $1 and t.client_id = $2`

// Tokens implements oauth.Store.
func (r Registry) Tokens(ctx context.Context, o org.ID, client uuid.UUID, p oauth.Page) ([]oauth.Token, int, error) {
	rows, err := r.store.of(o).Query(ctx, selectTokens, int64(o), uid(client), p.Offset, p.Limit)
	if err != nil {
		return nil, 0, wrap("list tokens", err)
	}
	tokens, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t oauth.Token, err error) {
		var used, revoked *time.Time
		var user *uuid.UUID
		err = row.Scan(&t.ID, &t.Client, &t.Issued, &t.Expires, &t.IssuedTo, &used, &t.UsedFrom, &revoked, &user)
		if user != nil {
			t.User = *user
		}
		t.Org, t.Issued, t.Expires, t.Used, t.Revoked = o, t.Issued.UTC(), t.Expires.UTC(), orZero(used), orZero(revoked)
		return t, err
	})
	if err != nil {
		return nil, 0, wrap("list tokens", err)
	}
	var total int
	err = r.store.of(o).QueryRow(ctx, countTokens, int64(o), uid(client)).Scan(&total)
	return tokens, total, wrap("count tokens", err)
}

// orZero is a time that may be null.
func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

const revokeToken = `
update access_tokens t
set    revoked_at = coalesce(t.revoked_at, $4)
where  t.org_id = $1 and t.client_id = $2 and t.id = $3`

// RevokeToken implements oauth.Store.
func (r Registry) RevokeToken(ctx context.Context, o org.ID, client, token uuid.UUID) error {
	err := r.store.of(o).inTx(ctx, nothing, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, revokeToken, int64(o), uid(client), uid(token), r.store.clock.stamp())
		if err == nil && tag.RowsAffected() == 0 {
			err = oauth.ErrNotFound
		}
		if err != nil {
			return err
		}
		return r.record(ctx, tx, token)
	})
	return wrap("revoke token", err)
}

// RevokeTokens implements oauth.Store.
func (r Registry) RevokeTokens(ctx context.Context, o org.ID, client uuid.UUID) error {
	err := r.store.of(o).inRetriedTx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockClient, int64(o), uid(client)); err != nil {
			return err
		}
		return r.endAll(ctx, tx, o, client)
	})
	return wrap("revoke tokens", err)
}

const revokeTokens = `
update access_tokens t
set    revoked_at = $3
where  t.org_id = $1 and t.client_id = $2 and t.revoked_at is null`

// endAll ends all tokens of a client whose row is held, so that none is being added.
func (r Registry) endAll(ctx context.Context, tx pgx.Tx, o org.ID, client uuid.UUID) error {
	if _, err := tx.Exec(ctx, revokeTokens, int64(o), uid(client), r.store.clock.stamp()); err != nil {
		return err
	}
	return r.record(ctx, tx, client)
}

const insertRevocation = `insert into revocations (recorded_at, id) values ($1, $2) on conflict do nothing`

// record lets all servers look up again what they remember of a token or client.
func (r Registry) record(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	_, err := tx.Exec(ctx, insertRevocation, r.store.clock.stamp(), uid(id))
	return err
}

const markUsed = `
update access_tokens t
set    used_at = u.at, used_from = u.address
from   unnest($2::uuid[], $3::timestamptz[], $4::text[]) u(id, at, address)
where  t.org_id = $1 and t.id = u.id and (t.used_at is null or t.used_at < u.at)`

// MarkUsed implements oauth.Store.
func (r Registry) MarkUsed(ctx context.Context, o org.ID, uses []oauth.Use) error {
	// In one order on all servers, so that none waits for one that waits for it.
	slices.SortFunc(uses, func(a, b oauth.Use) int { return slices.Compare(a.Token[:], b.Token[:]) })
	ids, times, addresses := make(uids, len(uses)), make([]time.Time, len(uses)), make([]string, len(uses))
	for i, use := range uses {
		ids[i], times[i], addresses[i] = use.Token, use.At, use.From
	}
	err := retry(ctx, func() error {
		_, err := r.store.own().Exec(ctx, markUsed, int64(o), ids, times, addresses)
		return err
	})
	return wrap("mark tokens used", err)
}

const selectRevocations = `
select r.recorded_at, r.id
from   revocations r
where  r.recorded_at > $1`

// Now implements oauth.Store.
func (r Registry) Now() time.Time { return r.store.Now() }

// Revocations implements oauth.Store.
func (r Registry) Revocations(ctx context.Context, after time.Time) ([]oauth.Revocation, error) {
	rows, err := r.store.own().Query(ctx, selectRevocations, after)
	if err != nil {
		return nil, wrap("list revocations", err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (one oauth.Revocation, err error) {
		err = row.Scan(&one.Recorded, &one.ID)
		return one, err
	})
	return all, wrap("list revocations", err)
}

const deleteRevocations = `delete from revocations r where r.recorded_at < $1`

// ForgetRevocations implements oauth.Store.
func (r Registry) ForgetRevocations(ctx context.Context, before time.Time) error {
	_, err := r.store.own().Exec(ctx, deleteRevocations, before)
	return wrap("forget revocations", err)
}
