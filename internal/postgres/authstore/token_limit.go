package authstore

import (
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/postgres/db"
)

// Who asked for a token, as the column origin has it.
const (
	byAdministrator = "administrator"
	byClient        = "client"
	byIssuer        = "issuer"
)

// lockIssuing holds an active client while it gets a token: what disables it waits, and
// its tokens are counted by one at a time.
const lockIssuing = `
select c.client_id
from   oauth_clients c
where  c.org_id = $1 and c.client_id = $2 and c.state = 'active'
for    no key update`

// makeRoom ends as many tokens of a client as it takes for one more, if it may: those
// idle the longest that nobody will miss. They are deleted, so that there are never
// more rows than that of tokens that are good. A token that is marked used at this
// moment is not idle.
const makeRoom = `
with idle as (
  select t.id
  from   access_tokens t
  where  t.org_id = $1 and t.client_id = $2 and t.revoked_at is null and t.expires_at > $3::timestamptz
  and    t.origin <> 'administrator'
  and    coalesce(t.used_at, t.issued_at) < $3::timestamptz - interval '1 minute'
  and    (t.origin = 'issuer' or t.used_at is null or t.used_at < t.issued_at + interval '10 minutes'
          or t.used_at < $3::timestamptz - interval '7 days')
  order  by coalesce(t.used_at, t.issued_at)
  limit  greatest(0, 1 - $4::bigint + (
           select count(*)
           from   access_tokens l
           where  l.org_id = $1 and l.client_id = $2 and l.revoked_at is null and l.expires_at > $3::timestamptz))
  for    update skip locked
), ended as (
  delete from access_tokens t
  using  idle
  where  t.org_id = $1 and t.id = idle.id
  returning t.id
)
insert into revocations (recorded_at, id)
select $3::timestamptz, ended.id
from   ended
on     conflict do nothing`

// hasRoom is the condition that the client of the statement may have another token at
// $8, of at most $9.
const hasRoom = `
(select count(*)
 from   access_tokens l
 where  l.org_id = $1 and l.client_id = $3 and l.revoked_at is null and l.expires_at > $8::timestamptz) < $9::bigint`

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
	b.Queue(lockIssuing, int64(t.Org), db.ID(t.Client)).Query(func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		m.active = len(found) > 0
		return err
	})
	if m.limit > 0 {
		b.Queue(makeRoom, int64(t.Org), db.ID(t.Client), at, m.max())
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
