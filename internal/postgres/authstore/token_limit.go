package authstore

import (
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/postgres/db"
)

// The values of the column origin: where a token was asked for.
const (
	byAdministrator = "administrator"
	byClient        = "client"
	byIssuer        = "issuer"
)

// lockIssuing holds an active client while it gets a token: what disables it waits, and
// its tokens are counted by one at a time.
var lockIssuing = db.New(`
select c.client_id
from   oauth_clients c
where  c.org_id = @org and c.client_id = @client and c.state = 'active'
for    no key update`)

// makeRoom ends as many tokens of a client as it takes for one more, if it may: those
// idle the longest that nobody will miss. They are deleted, so that there are never
// more rows than that of tokens that are good. A token that is marked used at this
// moment is not idle.
var makeRoom = db.New(`
with idle as (
  select t.id
  from   access_tokens t
  where  t.org_id = @org and t.client_id = @client and t.revoked_at is null and t.expires_at > @at::timestamptz
  and    t.origin <> 'administrator'
  and    coalesce(t.used_at, t.issued_at) < @at::timestamptz - interval '1 minute'
  and    (t.origin = 'issuer' or t.used_at is null or t.used_at < t.issued_at + interval '10 minutes'
          or t.used_at < @at::timestamptz - interval '7 days')
  order  by coalesce(t.used_at, t.issued_at)
  limit  greatest(0, 1 - @most::bigint + (
           select count(*)
           from   access_tokens l
           where  l.org_id = @org and l.client_id = @client and l.revoked_at is null and l.expires_at > @at::timestamptz))
  for    update skip locked
), ended as (
  delete from access_tokens t
  using  idle
  where  t.org_id = @org and t.id = idle.id
  returning t.id
)
insert into revocations (recorded_at, id)
select @at::timestamptz, ended.id
from   ended
on     conflict do nothing`)

// hasRoom is the condition that the client of the statement may have another token at
// @at, of at most @most.
const hasRoom = `
(select count(*)
 from   access_tokens l
 where  l.org_id = @org and l.client_id = @client and l.revoked_at is null and l.expires_at > @at::timestamptz) < @most::bigint`

// issuing prepares that a client gets a token while it has fewer than limit that are good;
// 0 is any number.
type issuing struct {
	limit  int
	active bool // whether the client is
	added  bool // whether the token was added, or was there
}

func (m *issuing) max() int64 {
	if m.limit <= 0 {
		return math.MaxInt32
	}
	return int64(m.limit)
}

// queue holds the client and makes room.
func (m *issuing) queue(b *pgx.Batch, t oauth.Token, at time.Time) {
	lockIssuing.With(db.Org(t.Org), db.Named("client", db.ID(t.Client))).Queue(b).Query(func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		m.active = len(found) > 0
		return err
	})
	if m.limit > 0 {
		makeRoom.With(db.Org(t.Org), db.Named("client", db.ID(t.Client)), db.Named("at", at), db.Named("most", m.max())).Queue(b)
	}
}

// token gives the arguments that add one, which somebody asks for at a time.
func (m *issuing) token(t oauth.Token, at time.Time, origin string) []db.Arg {
	return []db.Arg{
		db.Org(t.Org), db.Named("id", db.ID(t.ID)), db.Named("client", db.ID(t.Client)), db.Named("issued", t.Issued), db.Named("expires", t.Expires),
		db.Named("to", t.IssuedTo), db.Named("user", db.NullID(t.User)), db.Named("origin", origin), db.Named("at", at), db.Named("most", m.max()),
	}
}

// refusal is why the token was not added.
func (m *issuing) refusal() error {
	switch {
	case !m.active:
		return oauth.ErrClientClosed
	case !m.added:
		return &oauth.TokenLimitError{Limit: m.limit}
	default:
		return nil
	}
}
