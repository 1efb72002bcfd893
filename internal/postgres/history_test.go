package postgres

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// historyOperations is how many requests TestHistory makes. Faults that take two servers
// and bad luck come once in many thousands: -args -history 350000.
var historyOperations = flag.Int("history", 2000, "requests that TestHistory makes")

// TestHistory has two servers add, remove, replace, delete and restore at random, and
// holds each answer against the history of its group: a version is one state, and what
// was acknowledged with it is so in that state. A name keeps its id, and the counts are
// right in the end.
func TestHistory(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	servers := []*tenant{o, o.besideWith(8)}
	h := &history{tenant: o, states: map[uuid.UUID]map[scim.Version][]uuid.UUID{}}
	for i := range 8 {
		name := fmt.Sprint("user", i)
		h.names, h.ids = append(h.names, name), append(h.ids, o.user(name).ID)
	}
	for i := range 2 {
		g := o.group(fmt.Sprint("group", i))
		h.groups, h.states[g.ID] = append(h.groups, g.ID), map[scim.Version][]uuid.UUID{}
	}
	var left atomic.Int64
	left.Store(int64(*historyOperations))
	atOnce(t, func(n int) error {
		random := rand.New(rand.NewPCG(uint64(n), 11))
		for left.Add(-1) >= 0 {
			if err := h.act(random, servers[n%2]); err != nil {
				return err
			}
		}
		return nil
	})
	h.check()
	o.consistent()
	o.must(o.FoldCounts(t.Context(), org.ID(o.Tenant.Org)))
	o.consistent()
}

// history is what was answered.
type history struct {
	*tenant
	names       []string
	ids, groups []uuid.UUID

	mu      sync.Mutex
	states  map[uuid.UUID]map[scim.Version][]uuid.UUID // members of a group, by version
	claimed []claim
}

// claim is what an answer says of a version.
type claim struct {
	group uuid.UUID
	directory.Record
	directory.MemberChange
}

// act makes one request.
func (h *history) act(random *rand.Rand, s *tenant) error {
	ctx, group, user := h.t.Context(), h.groups[random.IntN(len(h.groups))], random.IntN(len(h.ids))
	m := directory.MemberChange{Limit: len(h.ids), Links: random.IntN(2) == 0}
	switch n := random.IntN(300); {
	case n == 0:
		if err := s.DeleteUser(ctx, schema.User, h.ids[user], anyVersion, schema.Manager.Clear); !errors.Is(err, directory.ErrNotFound) {
			return err
		}
		return nil
	case n < 10:
		r, err := s.CreateUser(ctx, schema.User, directory.Edit{Doc: userDoc(h.names[user])})
		if err == nil && r.ID != h.ids[user] {
			h.t.Errorf("%s came back as %s and not as %s", h.names[user], r.ID, h.ids[user])
		}
		if taken := (*scim.Error)(nil); errors.As(err, &taken) && taken.Type == scim.TypeUniqueness {
			return nil
		}
		return err
	case n < 50:
		r, err := s.Get(ctx, schema.Group, group, true)
		h.answered(claim{group: group, Record: r, MemberChange: directory.MemberChange{Links: true}})
		return err
	case n < 90:
		m.Replace, m.Add = true, h.some(random)
		r, err := s.Update(ctx, schema.Group, group, directory.Change{
			Put: true, Answer: true,
			Edit: func(directory.Resource) (directory.Edit, error) { return directory.Edit{Members: &m}, nil },
		})
		return h.said(claim{group, r, m}, err)
	default:
		m.Add, m.Remove = h.some(random), h.some(random)
		r, err := s.ChangeMembers(ctx, group, anyVersion, m)
		return h.said(claim{group, r, m}, err)
	}
}

func (h *history) some(random *rand.Rand) (ids []uuid.UUID) {
	for _, id := range h.ids {
		if random.IntN(5) == 0 {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return ids
}

// said notes an answer, unless the request was refused because a user is deleted.
func (h *history) said(c claim, err error) error {
	if missing := (*directory.MissingError)(nil); errors.As(err, &missing) {
		return nil
	}
	if err == nil {
		h.answered(c)
	}
	return err
}

func (h *history) answered(c claim) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.claimed = append(h.claimed, c)
	if c.Record.Links == nil {
		return
	}
	members := linkIDs(c.Record.Links)
	known, ok := h.states[c.group][c.Version]
	if ok && !slices.Equal(known, members) {
		h.t.Errorf("version %d was answered with the members %v and %v", c.Version, known, members)
	}
	h.states[c.group][c.Version] = members
}

// check holds all answers against the states that are known.
func (h *history) check() {
	for _, c := range h.claimed {
		members, ok := h.states[c.group][c.Version]
		if !ok {
			continue
		}
		has := func(id uuid.UUID) bool { return slices.Contains(members, id) }
		if c.MemberCount != len(members) {
			h.t.Errorf("version %d has %d members, and %d were answered", c.Version, len(members), c.MemberCount)
		}
		if c.Replace && len(c.Add) != len(members) || slices.ContainsFunc(c.Remove, func(id uuid.UUID) bool { return has(id) && !slices.Contains(c.Add, id) }) ||
			slices.ContainsFunc(c.Add, func(id uuid.UUID) bool { return !has(id) }) {
			h.t.Errorf("version %d, with the members %v, was answered to %+v", c.Version, members, c.MemberChange)
		}
	}
}
