package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// holdingGroup locks a group as those do that change its members.
const holdingGroup = `select from groups where org_id = $1 and id = $2 for no key update`

// holdGroup keeps all changes of a group waiting until release is called.
func (o *tenant) holdGroup(group uuid.UUID) (release func()) {
	o.t.Helper()
	tx, err := o.Own().Begin(o.t.Context())
	o.must(err)
	_, err = tx.Exec(o.t.Context(), holdingGroup, o.Tenant.Org, db.ID(group))
	o.must(err)
	return func() { o.must(tx.Rollback(context.WithoutCancel(o.t.Context()))) }
}

// waitUntil waits for what another goroutine does.
func waitUntil(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 2000 {
		if done() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("waited in vain until %s", what)
}

// queued waits until n requests wait for their turn, behind one that is on its way.
func (o *tenant) queued(group uuid.UUID, n int) {
	o.t.Helper()
	waitUntil(o.t, fmt.Sprintf("%d requests wait", n), func() bool {
		waiting, busy := o.InTurn(group)
		return busy && waiting == n
	})
}

// outcome is what became of a change.
type outcome struct {
	directory.Record
	err error
}

// begin starts a change and waits until it is the n-th that waits for its turn.
func (o *tenant) begin(ctx context.Context, group uuid.UUID, m directory.MemberChange, n int) <-chan outcome {
	o.t.Helper()
	done := make(chan outcome, 1)
	go func() {
		r, err := o.ChangeMembers(ctx, group, anyVersion, m)
		done <- outcome{r, err}
	}()
	o.queued(group, n)
	return done
}

func TestMergedMembers_EachGetsItsOwnAnswer(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(8)
	g := o.group("Sales", ids[:3]...)
	stranger := uuid.Must(uuid.NewV7())
	release := o.holdGroup(g.ID)
	first := o.begin(t.Context(), g.ID, directory.MemberChange{Add: ids[3:4]}, 0)
	var rest []<-chan outcome
	ctx, cancel := context.WithCancel(t.Context())
	for i, m := range []directory.MemberChange{
		{Add: ids[4:6], Remove: ids[:1], Limit: 1, Links: true},  // version 4, 5 members
		{Add: ids[1:2], Remove: []uuid.UUID{stranger}, Limit: 1}, // changes nothing
		{Add: []uuid.UUID{ids[6], stranger}},
		{Remove: ids[1:2], Limit: 1}, // against the second: in the next batch
		{Add: ids[7:], Links: true},
	} {
		ctx := ctx
		if i < 4 {
			ctx = t.Context()
		}
		rest = append(rest, o.begin(ctx, g.ID, m, i+1))
	}
	cancel()
	gone := <-rest[4]
	if !errors.Is(gone.err, context.Canceled) {
		t.Errorf("error %v of the request that was given up", gone.err)
	}
	o.queued(g.ID, 4)
	release()

	told := func(what string, c <-chan outcome, version scim.Version, members int) directory.Record {
		t.Helper()
		r := <-c
		o.must(r.err)
		expect(t, what+": version", r.Version, version)
		expect(t, what+": count", r.MemberCount, members)
		return r.Record
	}
	told("first", first, 3, 4)
	merged := told("merged", rest[0], 4, 5)
	expect(t, "members", linkIDs(merged.Links), ids[1:6])
	same := told("nothing to change", rest[1], 4, 5)
	expect(t, "members that were not asked for", same.Links, nil)
	told("against another", rest[3], 5, 4)
	missing := (*directory.MissingError)(nil)
	if refused := <-rest[2]; !errors.As(refused.err, &missing) || len(missing.References) != 1 || missing.References[0].User != stranger {
		t.Errorf("error %v, want the one user who is missing", refused.err)
	}
	expect(t, "in the end", linkIDs(o.get(schema.Group, g.ID, true).Links), ids[2:6])
	o.consistent()
}

func TestMergedMembers_AreOneTransaction(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(writers)
	g := o.group("Sales")
	release := o.holdGroup(g.ID)
	done := make([]<-chan outcome, writers)
	for i := range done {
		done[i] = o.begin(t.Context(), g.ID, directory.MemberChange{Add: ids[i : i+1]}, i)
	}
	release()
	for i, c := range done {
		r := <-c
		o.must(r.err)
		expect(t, "version", r.Version, g.Version+scim.Version(i+1))
		expect(t, "count", r.MemberCount, i+1)
	}
	expect(t, "transactions", o.number(`select count(distinct xmin::text) from group_members`), 2)
	waitUntil(t, "the queue is gone", func() bool {
		_, busy := o.InTurn(g.ID)
		return !busy
	})
	o.consistent()
}

// A batch goes on while anybody waits for it, and not when nobody does.
func TestMergedMembers_GivenUp(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(2)
	g := o.group("Sales", ids[0])
	release := o.holdGroup(g.ID)
	nothing := directory.MemberChange{Add: ids[:1]}
	begin := func(m directory.MemberChange, n int) (<-chan outcome, context.CancelFunc) {
		ctx, cancel := context.WithCancel(t.Context())
		return o.begin(ctx, g.ID, m, n), cancel
	}
	expectGone := func(c <-chan outcome) {
		t.Helper()
		if r := <-c; !errors.Is(r.err, context.Canceled) {
			t.Errorf("error %v, want that of the context", r.err)
		}
	}
	first, cancel := begin(nothing, 0)
	second, cancelSecond := begin(nothing, 1)
	third, cancelThird := begin(nothing, 2)
	cancel()
	expectGone(first)
	o.queued(g.ID, 0) // both are on their way now
	last, cancelLast := begin(directory.MemberChange{Add: ids[1:]}, 1)
	defer cancelLast()
	cancelSecond()
	expectGone(second)
	o.queued(g.ID, 1)
	cancelThird()
	expectGone(third)
	o.queued(g.ID, 0)
	release()
	r := <-last
	o.must(r.err)
	expect(t, "count", r.MemberCount, 2)
	o.consistent()
}

// Whose time is over while its change is on its way is told that this is not known, and who
// only waited for a turn is not.
func TestMergedMembers_Late(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(1)
	g := o.group("Sales")
	release := o.holdGroup(g.ID)
	defer release()
	begin := func(n int) (done <-chan outcome, late func()) {
		ctx, cancel := context.WithCancelCause(t.Context())
		return o.begin(ctx, g.ID, directory.MemberChange{Add: ids}, n), func() { cancel(context.DeadlineExceeded) }
	}
	first, lateFirst := begin(0)
	waiting, lateWaiting := begin(1)
	merged, lateMerged := begin(2)
	lateWaiting()
	if r := <-waiting; r.err == nil || errors.Is(r.err, scim.ErrUncertain) {
		t.Errorf("who waited for a turn: %v", r.err)
	}
	lateFirst()
	<-first
	o.queued(g.ID, 0) // it is on its way now
	lateMerged()
	if r := <-merged; !errors.Is(r.err, scim.ErrUncertain) {
		t.Errorf("whom another sent: %v", r.err)
	}
}

// Writers on several servers, some of whom look at the version or replace, lose no
// change that was acknowledged.
func TestMergedMembers_SeveralServers(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	s, err := Open(t.Context(), o.Own().Config().ConnString(), Options{})
	o.must(err)
	t.Cleanup(s.Close)
	servers := []*view{o.view, s.view(org.ID(o.Tenant.Org))}
	const each, rounds = 4, 30
	ids := o.users(writers * each)
	g := o.group("Sales", ids[:writers*each/2]...)
	var mu sync.Mutex
	members := map[uuid.UUID]bool{}
	for i, id := range ids {
		members[id] = i < len(ids)/2
	}
	atOnce(t, func(n int) error {
		random := rand.New(rand.NewPCG(1, uint64(n)))
		mine := ids[n*each : (n+1)*each]
		for range rounds {
			m := directory.MemberChange{Limit: each}
			for _, id := range mine {
				switch random.IntN(3) {
				case 0:
					m.Add = append(m.Add, id)
				case 1:
					m.Remove = append(m.Remove, id)
				}
			}
			match := anyVersion
			if random.IntN(5) == 0 {
				match = scim.ParseCondition("*")
			}
			if _, err := servers[random.IntN(2)].ChangeMembers(t.Context(), g.ID, match, m); err != nil {
				return err
			}
			mu.Lock()
			for _, id := range m.Add {
				members[id] = true
			}
			for _, id := range m.Remove {
				members[id] = false
			}
			mu.Unlock()
		}
		return nil
	})
	maps.DeleteFunc(members, func(_ uuid.UUID, member bool) bool { return !member })
	r := o.get(schema.Group, g.ID, true)
	expect(t, "members", linkIDs(r.Links), sortedIDs(members))
	o.consistent()
}

func sortedIDs(set map[uuid.UUID]bool) []uuid.UUID {
	return slices.SortedFunc(maps.Keys(set), func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
}

// said is a request that was answered.
type said struct {
	directory.MemberChange
	directory.Record
}

// follow makes the change to a set of members and reports whether it changed it.
func follow(members map[uuid.UUID]bool, m directory.MemberChange) (after map[uuid.UUID]bool, changed bool) {
	after = maps.Clone(members)
	for _, id := range m.Remove {
		delete(after, id)
	}
	for _, id := range m.Add {
		after[id] = true
	}
	return after, !maps.Equal(members, after)
}

// Writers change the same users at once. There is an order in which each of them is
// answered rightly: that of the versions.
func TestMergedMembers_AnswersFollowOneOrder(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(12)
	g := o.group("Sales", ids[:6]...)
	var mu sync.Mutex
	answers := map[scim.Version][]said{}
	last := g.Version
	atOnce(t, func(n int) error {
		random := rand.New(rand.NewPCG(2, uint64(n)))
		for range 40 {
			m := directory.MemberChange{Limit: len(ids), Links: random.IntN(2) == 0}
			for _, id := range ids {
				switch random.IntN(8) {
				case 0:
					m.Add = append(m.Add, id)
				case 1:
					m.Remove = append(m.Remove, id)
				}
			}
			r, err := o.ChangeMembers(t.Context(), g.ID, anyVersion, m)
			if err != nil {
				return err
			}
			mu.Lock()
			answers[r.Version] = append(answers[r.Version], said{m, r})
			last = max(last, r.Version)
			mu.Unlock()
		}
		return nil
	})
	members := map[uuid.UUID]bool{}
	for _, id := range ids[:6] {
		members[id] = true
	}
	for v := g.Version; v <= last; v++ {
		if v > g.Version {
			members = afterVersion(t, members, answers[v])
		}
		for _, a := range answers[v] {
			if _, changes := follow(members, a.MemberChange); changes {
				t.Fatalf("version %d was answered to a change that it does not hold", v)
			}
			if a.MemberCount != len(members) {
				t.Errorf("version %d has %d members, and %d were answered", v, len(members), a.MemberCount)
			}
			if a.MemberChange.Links {
				expect(t, fmt.Sprintf("members that were answered with version %d", v), linkIDs(a.Record.Links), append([]uuid.UUID{}, sortedIDs(members)...))
			}
		}
	}
	r := o.get(schema.Group, g.ID, true)
	expect(t, "members", linkIDs(r.Links), sortedIDs(members))
	expect(t, "version", r.Version, last)
	o.consistent()
}

// afterVersion finds the one of the requests that were answered with a version that
// made it.
func afterVersion(t *testing.T, members map[uuid.UUID]bool, answers []said) map[uuid.UUID]bool {
	t.Helper()
	for _, a := range answers {
		after, changed := follow(members, a.MemberChange)
		if changed && !slices.ContainsFunc(answers, func(other said) bool {
			_, changes := follow(after, other.MemberChange)
			return changes
		}) {
			return after
		}
	}
	t.Fatalf("none of the %d requests that were answered with a version made it", len(answers))
	return nil
}
