package authstore

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/logstore"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/provisioning"
)

const (
	// tokensKept is how long tokens are listed after their end.
	tokensKept = 7 * 24 * time.Hour
	// keyAhead is how far beyond the last of its tokens a key's end is set, so that
	// not every token moves it.
	keyAhead = 24 * time.Hour
)

// insertToken adds a token of a client that is held, if it may have another.
var insertToken = db.New(`
insert into access_tokens (org_id, id, client_id, issued_at, expires_at, issued_to, user_id, origin)
select @org, @id, @client, @issued, @expires, @to, @user, @origin
where  ` + hasRoom)

// deleteEnded takes a few tokens that ended long ago. What other servers are
// taking is left to them.
var deleteEnded = db.New(`
with ended as (
  select t.id
  from   access_tokens t
  where  t.org_id = @org and t.expires_at < @before
  order  by t.expires_at
  limit  100
  for    update skip locked
)
delete from access_tokens t
using  ended
where  t.org_id = @org and t.id = ended.id`)

// revokedKept is how many revoked tokens of a client are listed, the newest. A program that
// ends each of its tokens would leave any number of rows.
const revokedKept = 1000

// deleteRevoked takes a few away that are beyond these. A token of ours without a row is
// refused just so; one of another issuer would be taken for new, and lives for a day.
var deleteRevoked = db.New(`
with revoked as (
  select t.id
  from   access_tokens t
  where  t.org_id = @org and t.client_id = @client and t.revoked_at is not null and t.origin <> 'issuer'
  order  by t.id desc
  offset @kept
  limit  100
)
delete from access_tokens t
using  revoked
where  t.org_id = @org and t.id = revoked.id`)

var extendKey = db.New(`
update signing_keys
set    verify_until = @until
where  kid = @key and verify_until < @expires`)

// AddToken implements oauth.Store. Each token takes a few away that are not
// listed any more, so that there are never many of them. The client is held
// before any token is, as by what ends tokens.
func (r Store) AddToken(ctx context.Context, t oauth.Token, key string, limit int) error {
	m, origin := issuing{limit: limit}, byAdministrator
	if t.IssuedTo != "" {
		origin = byClient
	}
	add := func(b *pgx.Batch) {
		m.queue(b, t, r.pool.Clock.Stamp())
		insertToken.With(m.token(t, r.pool.Clock.Stamp(), origin)...).Queue(b).
			Exec(func(tag pgconn.CommandTag) error {
				m.added = tag.RowsAffected() > 0
				return nil
			})
		extendKey.With(db.Named("key", key), db.Named("until", t.Expires.Add(keyAhead)), db.Named("expires", t.Expires)).Queue(b)
		deleteEnded.With(db.Org(t.Org), db.Named("before", t.Issued.Add(-tokensKept))).Queue(b)
		deleteRevoked.With(db.Org(t.Org), db.Named("client", db.ID(t.Client)), db.Named("kept", revokedKept)).Queue(b)
	}
	err := r.pool.Of(t.Org).InTx(ctx, add, func(tx pgx.Tx) error {
		if err := m.refusal(); err != nil || origin != byAdministrator {
			return err
		}
		return r.log(ctx, tx, t.Org, provisioning.Create, tokenTarget(t.ID), toClient(t.Client))
	})
	if pgerr.Violates(err, pgerr.ForeignKeyViolation, "tokens_user") {
		err = oauth.ErrNoUser
	}
	return pgerr.Wrap("add token", err)
}

// rolesOfClient are the roles that a client c has.
const rolesOfClient = `
       from   catalogue r
       where  r.org_id = @org and r.kind = @role
       and    r.id in (select (g.value->>'role')::uuid from jsonb_array_elements(c.roles) g)`

// selectBearer reads a client with its organisation and one of its tokens, and the digest
// of what its roles grant (oauth.DigestOf): the server has read most of those before.
var selectBearer = db.New(`
select ` + clientColumns + `, ` + orgColumns + `,
       t.id is not null, t.revoked_at is not null,
       t.user_id, (select u.active from users u where u.org_id = @org and u.id = t.user_id),
       sha256(convert_to(g.details, 'UTF8')), octet_length(g.details)
from   oauth_clients c
join   orgs o on o.org_id = c.org_id
left   join access_tokens t on t.org_id = @org and t.id = @token and t.client_id = c.client_id
cross  join lateral (
       select coalesce(string_agg(r.detail::text, ',' order by r.id), '') as details` + rolesOfClient + `) g
where  c.org_id = @org and c.client_id = @client`)

var selectGranted = db.New(`
select array(select r.detail::text` + rolesOfClient + ` order by r.id)
from   oauth_clients c
where  c.org_id = @org and c.client_id = @client`)

// Bearer implements oauth.Store.
func (r Store) Bearer(ctx context.Context, o org.ID, client, token uuid.UUID) (b oauth.Bearer, err error) {
	err = pgerr.Retry(ctx, func() error {
		b, err = db.CollectOne(ctx, r.pool.Own(), selectBearer.With(
			db.Org(o), db.Named("client", db.ID(client)), db.Named("role", int16(directory.Role)), db.Named("token", db.ID(token)),
		), scanBearer)
		return err
	})
	return b, pgerr.Wrap("read bearer", noRows(err))
}

// Granted implements oauth.Store.
func (r Store) Granted(ctx context.Context, o org.ID, client uuid.UUID) (details [][]byte, err error) {
	err = pgerr.Retry(ctx, func() error {
		return selectGranted.With(db.Org(o), db.Named("client", db.ID(client)), db.Named("role", int16(directory.Role))).QueryRow(ctx, r.pool.Of(o)).Scan(&details)
	})
	return details, pgerr.Wrap("read roles of client", pgerr.NoRows(err, nil))
}

func scanBearer(row pgx.CollectableRow) (b oauth.Bearer, err error) {
	var f clientFields
	var active *bool
	var digest []byte
	fields := slices.Concat(f.columns(), fieldsOf(&b.Org), []any{&b.Recorded, &b.Revoked, (*db.NullID)(&b.User), &active, &digest, &b.GrantedBytes})
	err = row.Scan(fields...)
	b.Client, b.Active = f.client(), active != nil && *active
	copy(b.Granted[:], digest)
	return b, err
}

var selectTokens = db.New(`
select t.id, t.client_id, t.issued_at, t.expires_at, t.issued_to, t.used_at, t.used_from, t.revoked_at, t.user_id
from   access_tokens t
where  t.org_id = @org and t.client_id = @client
order  by t.id desc
offset @offset
limit  @limit`)

var countTokens = db.New(`select count(*) from access_tokens t where t.org_id = @org and t.client_id = @client`)

// Tokens implements oauth.Store.
func (r Store) Tokens(ctx context.Context, o org.ID, client uuid.UUID, p oauth.Page) ([]oauth.Token, int, error) {
	b := new(pgx.Batch)
	var tokens []oauth.Token
	var total int
	asked := []db.Arg{db.Org(o), db.Named("client", db.ID(client)), db.Named("offset", p.Offset), db.Named("limit", p.Limit)}
	db.QueueTotal(b, &total, countTokens.With(asked...))
	db.QueueAll(b, &tokens, selectTokens.With(asked...), func(row pgx.CollectableRow) (t oauth.Token, err error) {
		t.Org = o
		err = row.Scan(&t.ID, &t.Client, &t.Issued, &t.Expires, &t.IssuedTo, (*db.NullTime)(&t.Used), &t.UsedFrom, (*db.NullTime)(&t.Revoked), (*db.NullID)(&t.User))
		return t, err
	})
	err := r.pool.Of(o).SendBatch(ctx, b).Close()
	return tokens, total, pgerr.Wrap("list tokens", err)
}

var (
	revokeToken = db.New(`
update access_tokens t
set    revoked_at = @at
where  t.org_id = @org and t.client_id = @client and t.id = @token and t.revoked_at is null`)

	countToken = db.New(`select count(*) from access_tokens t where t.org_id = @org and t.client_id = @client and t.id = @token`)
)

// RevokeToken implements oauth.Store.
func (r Store) RevokeToken(ctx context.Context, o org.ID, client, token uuid.UUID) error {
	err := r.pool.Of(o).InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		of := []db.Arg{db.Org(o), db.Named("client", db.ID(client)), db.Named("token", db.ID(token))}
		tag, err := revokeToken.With(append(of, db.Named("at", r.pool.Clock.Stamp()))...).Exec(ctx, tx)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 { // it has ended before, which is no change
			there := 0
			if err := countToken.With(of...).QueryRow(ctx, tx).Scan(&there); err != nil || there > 0 {
				return err
			}
			return oauth.ErrNotFound
		}
		if err := r.log(ctx, tx, o, provisioning.Revoke, tokenTarget(token), ofClient(client)); err != nil {
			return err
		}
		return r.record(ctx, tx, token)
	})
	return pgerr.Wrap("revoke token", err)
}

// RevokeTokens implements oauth.Store.
func (r Store) RevokeTokens(ctx context.Context, o org.ID, client uuid.UUID) error {
	err := r.pool.Of(o).InRetriedTx(ctx, func(tx pgx.Tx) error {
		if _, err := lockClient.With(db.Org(o), db.Named("client", db.ID(client))).Exec(ctx, tx); err != nil {
			return err
		}
		return r.endAll(ctx, tx, o, client)
	})
	return pgerr.Wrap("revoke tokens", err)
}

var revokeTokens = db.New(`
update access_tokens t
set    revoked_at = @at
where  t.org_id = @org and t.client_id = @client and t.revoked_at is null`)

// endAll ends all tokens of a client whose row is held, so that none is being added.
func (r Store) endAll(ctx context.Context, tx pgx.Tx, o org.ID, client uuid.UUID) error {
	tag, err := revokeTokens.With(db.Org(o), db.Named("client", db.ID(client)), db.Named("at", r.pool.Clock.Stamp())).Exec(ctx, tx)
	if err != nil {
		return err
	}
	if n := int(tag.RowsAffected()); n > 0 {
		changes := append(ofClient(client), logstore.Number("tokens", n)...)
		if err := r.log(ctx, tx, o, provisioning.Revoke, provisioning.Target{Type: provisioning.Token}, changes); err != nil {
			return err
		}
	}
	return r.record(ctx, tx, client)
}

var findUser = db.New(`select u.id from users u where u.org_id = @org and u.id = @user`)

var revokeTokensOfUser = db.New(`
update access_tokens t
set    revoked_at = @at
where  t.org_id = @org and t.user_id = @user and t.revoked_at is null
returning t.id`)

// RevokeTokensOf implements oauth.Store. What is remembered is looked up by token and by
// client, so each token is recorded, in the transaction that ends them.
func (r Store) RevokeTokensOf(ctx context.Context, o org.ID, user uuid.UUID) (ended []uuid.UUID, err error) {
	err = r.pool.Of(o).InRetriedTx(ctx, func(tx pgx.Tx) error {
		var id uuid.UUID
		if err := findUser.With(db.Org(o), db.Named("user", db.ID(user))).QueryRow(ctx, tx).Scan(&id); err != nil {
			return pgerr.NoRows(err, oauth.ErrNoUser)
		}
		ended, err = db.Collect(ctx, tx, revokeTokensOfUser.With(
			db.Org(o), db.Named("user", db.ID(user)), db.Named("at", r.pool.Clock.Stamp()),
		), pgx.RowTo[uuid.UUID])
		if err != nil {
			return err
		}
		for _, token := range ended {
			if err := r.log(ctx, tx, o, provisioning.Revoke, tokenTarget(token), nil); err != nil {
				return err
			}
		}
		return r.record(ctx, tx, ended...)
	})
	return ended, pgerr.Wrap("revoke tokens of user", err)
}

var insertRevocations = db.New(`
insert into revocations (recorded_at, id)
select @at, unnest(@ids::uuid[])
on conflict do nothing`)

// record lets all servers look up again what they remember of tokens or clients.
func (r Store) record(ctx context.Context, tx pgx.Tx, ids ...uuid.UUID) error {
	_, err := insertRevocations.With(db.Named("at", r.pool.Clock.Stamp()), db.Named("ids", db.IDs(ids))).Exec(ctx, tx)
	return err
}

var markUsed = db.New(`
update access_tokens t
set    used_at = u.at, used_from = u.address
from   unnest(@ids::uuid[], @times::timestamptz[], @addresses::text[]) u(id, at, address)
where  t.org_id = @org and t.id = u.id and (t.used_at is null or t.used_at < u.at)`)

// MarkUsed implements oauth.Store.
func (r Store) MarkUsed(ctx context.Context, o org.ID, uses []oauth.Use) error {
	// In one order on all servers, so that none waits for one that waits for it.
	slices.SortFunc(uses, func(a, b oauth.Use) int { return slices.Compare(a.Token[:], b.Token[:]) })
	ids, times, addresses := make(db.IDs, len(uses)), make([]time.Time, len(uses)), make([]string, len(uses))
	for i, use := range uses {
		ids[i], times[i], addresses[i] = use.Token, use.At, use.From
	}
	err := pgerr.Retry(ctx, func() error {
		_, err := markUsed.With(db.Org(o), db.Named("ids", ids), db.Named("times", times), db.Named("addresses", addresses)).Exec(ctx, r.pool.Own())
		return err
	})
	return pgerr.Wrap("mark tokens used", err)
}

var selectRevocations = db.New(`
select r.recorded_at, r.id
from   revocations r
where  r.recorded_at > @after`)

// Now implements oauth.Store.
func (r Store) Now() time.Time { return r.pool.Now() }

// NewID implements oauth.Clock.
func (r Store) NewID() uuid.UUID { return r.pool.NewID() }

// Revocations implements oauth.Store.
func (r Store) Revocations(ctx context.Context, after time.Time) ([]oauth.Revocation, error) {
	all, err := db.Collect(ctx, r.pool.Own(), selectRevocations.With(db.Named("after", after)), func(row pgx.CollectableRow) (one oauth.Revocation, err error) {
		err = row.Scan(&one.Recorded, &one.ID)
		return one, err
	})
	return all, pgerr.Wrap("list revocations", err)
}

const deleteRevocations = `delete from revocations r where r.recorded_at < $1`

// ForgetRevocations implements oauth.Store.
func (r Store) ForgetRevocations(ctx context.Context, before time.Time) error {
	_, err := r.pool.Own().Exec(ctx, deleteRevocations, before)
	return pgerr.Wrap("forget revocations", err)
}
