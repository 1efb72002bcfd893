package writes

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/clock"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/jobstore"
	"github.com/purescim/purescim/internal/postgres/logstore"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/scim"
)

// outbox is a transactional outbox: it collects the changes of one transaction, and
// stores with it what others are told of them. These are the stream of events, and the
// step of an accepted request, whose outcome is kept; it is silent when there is neither.
// The entry of the provisioning log is stored by the statement itself (outboxSQL).
type outbox struct {
	stream *events.Stream // nil is none
	txn    string
	step   *directory.DoneStep // nil is none
	// attempt is shown the entries of the change, by their ids; nil is none.
	attempt *provisioning.Attempt
	ids     db.IDs

	clock  *clock.Clock
	origin provisioning.Origin  // of the change, for the log
	logged []provisioning.Entry // that no statement has stored yet
	// warnings are those of the write of a user, from when its edit is made; nil is none.
	warnings func() []directory.Warning

	erased  uuid.UUID // a user of whom nothing is told but the id; zero is nobody
	events  []events.Told
	last    *Change             // after what comes of it; nil when there is none
	changed bool                // a statement has changed something
	inTurn  bool                // of removals that a brake counts
	made    []provisioning.Made // of what came by SCIM
}

// newOutbox makes the outbox of a write.
func (h Hand) newOutbox(ctx context.Context) (*outbox, error) {
	stream, told, err := h.events.Of(ctx, org.ID(h.Org))
	step := directory.StepOf(ctx)
	o := &outbox{
		step: step, clock: h.Clock, origin: provisioning.OriginOf(ctx),
		warnings: func() []directory.Warning { return directory.WarningsOf(ctx) },
	}
	if o.attempt = provisioning.AttemptOf(ctx); o.isDryRun() {
		o.step = nil // nobody is told of what does not happen
		return o, err
	}
	if !told && step == nil {
		return o, err
	}
	o.txn = h.correlation(ctx)
	if told {
		known := stream
		o.stream = &known
	}
	if o.txn == "" {
		o.txn = uuid.UUID(db.NewID()).String()
	}
	return o, err
}

// IsSilent reports whether nobody is told of changes. The log always is, but by the
// statement that makes the change.
func (o *outbox) isSilent() bool { return o.stream == nil && o.step == nil && o.attempt == nil }

// empty forgets the changes of a transaction that was rolled back.
func (o *outbox) empty() {
	o.logged, o.ids, o.changed, o.made = nil, nil, false, nil
	if !o.isSilent() {
		o.events, o.last = nil, nil
	}
}

// Add takes a change that a statement has made, with the version that it led to.
func (w *Write) Add(c Change, version scim.Version) { w.outbox.add(c, version) }

// Left notes that a group has lost a user who is deleted, for the log.
func (w *Write) Left(group, user uuid.UUID) { w.outbox.left(group, user) }

// Add takes a change that a statement has made, with the version that it led to.
func (o *outbox) add(c Change, version scim.Version) {
	if o.isSilent() {
		return
	}
	if c.kind != events.Deleted {
		c.version = version
	}
	o.last = &c
	if o.stream != nil && c.typ != nil {
		o.events = append(o.events, o.stream.Tell(c.event(), o.txn))
	}
}

// reading reads the row of the statement that makes a change, and takes the change if
// there was one.
func (o *outbox) reading(c Change, read func(raw [][]byte)) func(rows pgx.Rows) error {
	return db.One(func(raw [][]byte) {
		if read(raw); raw[0] != nil {
			o.changed = true
			o.add(c, scim.Version(db.ReadInt(raw[0])))
		}
	})
}

// noting reads the row of a statement of which nobody is told, and notes whether it has
// changed something.
func (o *outbox) noting(read func(raw [][]byte)) func(rows pgx.Rows) error {
	return db.One(func(raw [][]byte) {
		if read(raw); raw[0] != nil {
			o.changed = true
		}
	})
}

// making reads the row of a statement and notes the attributes that it has changed, if it
// has: they are those of its entry.
func (o *outbox) making(e provisioning.Entry, read func(raw [][]byte)) func(raw [][]byte) {
	if !o.origin.SCIM || len(e.Changes) == 0 {
		return read
	}
	made := provisioning.Made{Target: e.Target, Changes: e.Changes}
	return func(raw [][]byte) {
		if read(raw); raw[0] != nil {
			o.made = append(o.made, made)
		}
	}
}

// MovedOne notes the one member who was added to a group, or removed, if something has
// changed.
func (w *Write) MovedOne(group, member uuid.UUID, added bool) {
	if !w.outbox.changed || !w.outbox.origin.SCIM {
		return
	}
	id := member.String()
	moved := provisioning.Change{Attribute: `members[value eq "` + id + `"]`, Before: id}
	if added {
		moved.Before, moved.After = nil, id
	}
	w.outbox.made = append(w.outbox.made, provisioning.Made{
		Target: provisioning.Target{Type: provisioning.Group, ID: group}, Changes: []provisioning.Change{moved},
	})
}

// flush stores what is told of the changes, before the commit: the outcome of a step, and
// then the events, since whoever writes events makes others of the organisation wait
// until the commit.
func (w *Write) flush(ctx context.Context, tx pgx.Tx) error {
	o := w.outbox
	if len(o.logged) > 0 {
		if err := logstore.Insert(ctx, tx, w.Org, o.logged); err != nil {
			return err
		}
	}
	if o.attempt != nil {
		if err := w.showAttempt(ctx, tx); err != nil {
			return err
		}
	}
	if o.step != nil && o.last != nil {
		outcome, err := o.step.Outcome(o.last.id, o.last.version)
		if err != nil {
			return err
		}
		if err := jobstore.KeepStep(ctx, tx, o.step.Step, outcome); err != nil {
			return err
		}
	}
	if o.stream == nil {
		return nil
	}
	members, err := w.membersOf(ctx, tx, o.stream.Group, o.stream.Changed(o.events))
	if err != nil {
		return err
	}
	var claims [][]byte
	for _, c := range o.stream.Feed(o.events, members, o.txn) {
		if o.erased != uuid.Nil {
			c.Claims, _ = events.Forget(c.Claims, o.erased)
		}
		claims = append(claims, c.Claims)
	}
	return w.events.Insert(ctx, tx, org.ID(w.Org), claims)
}

// IsDryRun reports whether nothing may stay of the write.
func (o *outbox) isDryRun() bool { return o.attempt != nil && o.attempt.DryRun }

// attempted notes an entry that the attempt is to be shown, if it is stored.
func (o *outbox) attempted(e provisioning.Entry) {
	if o.attempt != nil {
		o.ids = append(o.ids, e.ID)
	}
}

// showAttempt gives the attempt the entries of the transaction, as they are stored.
func (w *Write) showAttempt(ctx context.Context, tx pgx.Tx) (err error) {
	a := w.outbox.attempt
	a.Entries, a.Total, err = logstore.ReadStored(ctx, tx, w.Org, w.outbox.ids)
	return err
}

// committed tells the step whether its outcome was kept.
func (o *outbox) committed(done bool) {
	if o.step != nil {
		o.step.Committed(done && o.last != nil)
	}
}

// selectSomeMembers finds who of the users are members of a group.
var selectSomeMembers = db.New(`
with asked as materialized (
  select @id::uuid as id, a.id as user_id
  from   unnest(@asked::uuid[]) as a (id)
  where  a.id ` + db.AnyID + `
)
select m.user_id
from   asked
join   group_members m on m.org_id = @org and m.group_id = asked.id and m.user_id = asked.user_id
order  by m.user_id`)

// MembersAmong gives those of the users who are members of a group, sorted.
func (h Hand) MembersAmong(ctx context.Context, q pool.Querier, group uuid.UUID, users []uuid.UUID) ([]uuid.UUID, error) {
	members := make([]uuid.UUID, 0, len(users))
	err := selectSomeMembers.With(db.Org(h.Org), db.Named("id", db.ID(group)), db.Named("asked", db.IDs(users))).
		ReadAll(ctx, q, func(raw [][]byte) { members = append(members, db.ReadID(raw[0])) })
	return members, err
}

// membersOf tells who of the users are members of a group.
func (h Hand) membersOf(ctx context.Context, tx pgx.Tx, group uuid.UUID, users []uuid.UUID) (map[uuid.UUID]bool, error) {
	if len(users) == 0 {
		return nil, nil
	}
	found, err := h.MembersAmong(ctx, tx, group, users)
	members := make(map[uuid.UUID]bool, len(found))
	for _, id := range found {
		members[id] = true
	}
	return members, err
}
