package writes

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/counts"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

const (
	// brakeSpan is the time whose removals are counted together, and brakeHour how far
	// back they are counted: an hour, and the span in which it began.
	brakeSpan = 5 * time.Minute
	brakeHour = time.Hour + brakeSpan
	// brakeSlots are the rows among which removals of users are divided; turnSlot is a row
	// that counts nothing, and is held by who has the turn.
	brakeSlots, turnSlot = 16, 16
	// brakeSpare is more than there are removals at once that do not see each other. Nearer
	// to its bound a brake lets them come in turn.
	brakeSpare = 64
)

// errNear says that a removal is so near to the bound of its brake that it must have its turn.
var errNear = errors.New("the brake is near to its bound")

// near is what a statement says of such a removal.
const near provisioning.HoldState = "near"

// Brake is what a client may remove within an hour: users, or members of a group. A nil
// brake holds nothing.
type Brake struct {
	org.Brake
	client uuid.UUID
	target uuid.UUID // the group; zero is users
	group  bool
	at     time.Time
	inTurn bool // nobody else removes meanwhile
	dry    bool

	verdict Verdict
}

// Verdict is what a statement says that looks at a brake: nothing is held if state is
// empty.
type Verdict struct {
	state         provisioning.HoldState
	removed, most int64
}

// ReadVerdict reads what HeldBrake says: state, n and most of held.
func ReadVerdict(raw [][]byte) Verdict {
	return Verdict{provisioning.HoldState(raw[0]), db.ReadInt(raw[1]), db.ReadInt(raw[2])}
}

// IsHeld reports whether something is held.
func (v Verdict) IsHeld() bool { return v.state != "" }

// UserBrake is that of a write which deactivates or deletes users.
func (w *Write) UserBrake() *Brake {
	o := w.outbox.origin
	if o.UserBrake.IsOff() || o.Actor.ID == uuid.Nil {
		return nil
	}
	dry := w.IsDryRun()
	return &Brake{Brake: o.UserBrake, client: o.Actor.ID, at: w.Clock.Now(), inTurn: w.outbox.inTurn || dry, dry: dry}
}

// MemberBrake is that of a write which may remove members from a group.
func (w *Write) MemberBrake(group uuid.UUID) *Brake {
	o := w.outbox.origin
	if o.MemberBrake.IsOff() || o.Actor.ID == uuid.Nil {
		return nil
	}
	return &Brake{Brake: o.MemberBrake, client: o.Actor.ID, target: group, group: true, at: w.Clock.Now()}
}

// Deactivating is the brake of an edit of a user, or nil where the user stays active.
func (w *Write) Deactivating(old directory.Resource, e directory.Edit) *Brake {
	if e.Doc == nil || schema.Active.Get(old.Document) != true || schema.Active.Get(e.Doc) == true {
		return nil
	}
	return w.UserBrake()
}

// decided are the conditions of a hold h that is not over.
const decided = `(h.state = 'held' and h.last_at > @brake_idle::timestamptz or h.until_at > @brake_at::timestamptz)`

// spendBrake counts the removal of a user if the client may make it, in the transaction that makes it,
// and tells what it is held by if not. Removals that are made at once do not see each other:
// where they might pass the bound together it counts none, and says that it is near.
var spendBrake = db.New(`
with hold as (
  select h.state
  from   holds h
  where  h.org_id = @org and h.client_id = @brake_client and h.target_id = @brake_target and ` + decided + `
), spent as (
  select coalesce(sum(c.n), 0)::bigint as n
  from   brake_counts c
  where  c.org_id = @org and c.client_id = @brake_client and c.target_id = @brake_target and c.began_at > @brake_since
), bound as (
  select greatest(@brake_least::bigint, (` + counts.ActiveSQL + ` + spent.n) * @brake_percent::bigint / 100) as n
  from   spent
), counted as (
  insert into brake_counts as c (org_id, client_id, target_id, began_at, slot, n)
  select @org, @brake_client, @brake_target, @brake_began, @brake_slot::smallint, @brake_n::bigint
  from   spent, bound
  where  not exists (select from hold) and spent.n + @brake_n::bigint + @brake_spare::bigint <= bound.n
  on conflict (org_id, client_id, target_id, began_at, slot) do update set n = c.n + excluded.n
  returning c.n
)
select coalesce((select state from hold),
                case when exists (select from counted) then 'released' when spent.n + @brake_n::bigint > bound.n then 'held' else 'near' end),
       spent.n, bound.n
from   spent, bound`)

// takeTurn waits until who has removed users before is done, and has what follows see it.
var takeTurn = db.New(`
insert into brake_counts as c (org_id, client_id, target_id, began_at, slot, n)
values (@org, @brake_client, @brake_target, @brake_began, @brake_slot::smallint, 0)
on conflict (org_id, client_id, target_id, began_at, slot) do update set n = c.n`)

// HeldBrake and SpentBrake are parts of a statement that changes the members of a group
// @id, which target has locked: what it is held by, as if all of @brake_n were members, and
// the count of those who were.
var (
	HeldBrake = db.Part{Name: "brake", SQL: `, hold as (
  select h.state
  from   holds h
  where  h.org_id = @org and h.client_id = @brake_client and h.target_id = @id and @brake_n::bigint > 0 and ` + decided + `
), spent as (
  select coalesce(sum(c.n), 0)::bigint as n
  from   brake_counts c
  where  c.org_id = @org and c.client_id = @brake_client and c.target_id = @id and c.began_at > @brake_since and @brake_n::bigint > 0
), held as (
  select coalesce((select state from hold), 'held') as state, s.n, s.most
  from  (select spent.n, greatest(@brake_least::bigint, (target.member_count + spent.n) * @brake_percent::bigint / 100) as most
         from   spent, target) s
  where  @brake_n::bigint > 0 and coalesce((select state from hold) <> 'released', s.n + @brake_n::bigint > s.most)
)`}

	SpentBrake = db.Part{Name: "spend", SQL: `, counted as (
  insert into brake_counts as c (org_id, client_id, target_id, began_at, slot, n)
  select @org, @brake_client, @id, @brake_began, 0, r.n
  from   (select count(*) as n from removed) r
  where  @brake_n::bigint > 0 and r.n > 0 and not exists (select from hold)
  on conflict (org_id, client_id, target_id, began_at, slot) do update set n = c.n + excluded.n
)`}
)

// Arguments adds those of spendBrake and of HeldBrake, in the order of their use.
func (b *Brake) Arguments(args []db.Arg, n int) []db.Arg {
	if b == nil {
		b, n = new(Brake), 0
	}
	return append(args,
		db.Named("brake_client", db.ID(b.client)), db.Named("brake_n", int64(n)), db.Named("brake_idle", b.at.Add(-provisioning.HoldIdle)),
		db.Named("brake_at", b.at), db.Named("brake_since", b.at.Add(-brakeHour)),
		db.Named("brake_least", int64(b.Least)), db.Named("brake_percent", int64(b.Percent)))
}

// Queue looks at the brake, and counts the removal of a user.
func (b *Brake) Queue(batch *pgx.Batch, w *Write) {
	if b == nil {
		return
	}
	spare := int64(brakeSpare)
	if b.inTurn {
		spare = 0
	}
	if b.inTurn && !b.dry {
		takeTurn.With(db.Org(w.Org), db.Named("brake_client", db.ID(b.client)), db.Named("brake_target", db.ID(b.target)),
			db.Named("brake_began", b.Began()), db.Named("brake_slot", int16(turnSlot))).Queue(batch)
	}
	args := append(b.Arguments(nil, 1), db.Org(w.Org), db.Named("brake_target", db.ID(b.target)), db.Named("brake_spare", spare),
		db.Named("brake_began", b.Began()), db.Named("brake_slot", int16(rand.IntN(brakeSlots)))) //nolint:gosec // any slot will do
	spendBrake.With(args...).Queue(batch).Query(db.One(b.read))
}

// read reads what a statement says of the brake.
func (b *Brake) read(raw [][]byte) {
	b.verdict = Verdict{}
	if state := provisioning.HoldState(raw[0]); state != provisioning.Released {
		b.verdict = ReadVerdict(raw)
	}
}

// Ask is queue in a round trip of its own, in a transaction.
func (b *Brake) Ask(ctx context.Context, w *Write, tx pgx.Tx) error {
	if b == nil {
		return nil
	}
	batch := new(pgx.Batch)
	b.Queue(batch, w)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	return b.Check()
}

// Began is the span of time in which removals are counted now.
func (b *Brake) Began() time.Time {
	if b == nil {
		return time.Time{}
	}
	return b.at.Truncate(brakeSpan)
}

// IsOf reports whether another brake counts the same removals.
func (b *Brake) IsOf(other *Brake) bool {
	if b == nil || other == nil {
		return b == other
	}
	return b.client == other.client && b.Brake == other.Brake
}

// HeldBy is the error of a write that a statement has said is held.
func (b Brake) HeldBy(by Verdict) error {
	b.verdict = by
	return b.Check()
}

// IsHeld reports whether a write stored nothing because of a brake.
func IsHeld(err error) bool {
	_, held := errors.AsType[*heldError](err)
	return held
}

// Check returns the *heldError of what is held, or errNear.
func (b *Brake) Check() error {
	switch {
	case b == nil || b.verdict.state == "":
		return nil
	case b.verdict.state == near:
		return errNear
	default:
		return &heldError{*b}
	}
}

// heldError is that nothing may be stored, by a brake.
type heldError struct{ Brake }

func (e *heldError) Error() string { return e.told().Error() }

func (e *heldError) told() *provisioning.HeldError {
	return &provisioning.HeldError{Group: e.group, Removed: e.verdict.removed, Most: e.verdict.most, State: e.verdict.state}
}

// openHold notes what is held. A hold that is over begins anew; a decision that was made
// meanwhile stays.
var openHold = db.New(`
insert into holds as h (org_id, client_id, target_id, id, state, held_at, last_at, attempts, removed, most)
values (@org, @client, @target, @id, 'held', @at, @at, 1, @removed, @most)
on conflict (org_id, client_id, target_id) do update
set    id       = case when h.state = 'held' and h.last_at > @since or h.until_at > @at then h.id else excluded.id end,
       state    = case when h.until_at > @at then h.state else 'held' end,
       held_at  = case when h.state = 'held' and h.last_at > @since or h.until_at > @at then h.held_at else excluded.held_at end,
       attempts = case when h.state = 'held' and h.last_at > @since or h.until_at > @at then h.attempts + 1 else 1 end,
       removed  = case when h.state = 'held' and h.last_at > @since or h.until_at > @at then h.removed else excluded.removed end,
       most     = case when h.state = 'held' and h.last_at > @since or h.until_at > @at then h.most else excluded.most end,
       until_at = case when h.until_at > @at then h.until_at end,
       last_at  = excluded.last_at`)

// hold notes what a write was held by, if it was and is no dry run, and tells who asked.
func (h Hand) hold(ctx context.Context, err error, dry bool) error {
	held, isHeld := errors.AsType[*heldError](err)
	if !isHeld {
		return err
	}
	told := held.told()
	if dry {
		return scim.Forbidden("%s", told.Error()).Because(told)
	}
	_, failed := openHold.With(
		db.Org(h.Org), db.Named("client", db.ID(held.client)), db.Named("target", db.ID(held.target)), db.Named("id", db.NewID()), db.Named("at", held.at),
		db.Named("removed", held.verdict.removed), db.Named("most", held.verdict.most), db.Named("since", held.at.Add(-provisioning.HoldIdle)),
	).Exec(pool.Apart(ctx), h.DB)
	if failed != nil {
		return failed
	}
	return scim.Forbidden("%s", told.Error()).Because(told)
}
