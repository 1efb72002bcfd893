package events

import (
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/schema"
)

// Feed gives what is in the feed of the changes of one transaction. Without a
// group that is all of them. Else it is what happens to the group and its
// members, and who joins and leaves (RFC 9967 section 2.3); isMember says who of
// Changed is one after the transaction.
func (s Stream) Feed(changes []Told, isMember map[uuid.UUID]bool, txn string) []Told {
	if s.Group == uuid.Nil {
		return changes
	}
	deleted, left := make(map[uuid.UUID]bool), make(map[uuid.UUID]bool)
	for _, c := range changes {
		if c.Kind == Deleted {
			deleted[c.ID] = true
		}
		if c.ID == s.Group && c.Members != nil {
			for _, id := range c.Members.Removed {
				left[id] = true
			}
		}
	}
	var told []Told
	for _, c := range changes {
		switch {
		case c.ID == s.Group:
			told = append(append(told, c), s.moves(c, deleted, txn)...)
		case isMember[c.ID], c.Kind == Deleted && left[c.ID]:
			told = append(told, c)
		}
	}
	return told
}

// moves are those in and out of the feed by a change of its group. Who is deleted
// does not also leave.
func (s Stream) moves(c Told, deleted map[uuid.UUID]bool, txn string) []Told {
	if c.Members == nil {
		return nil
	}
	var moved []Told
	for _, id := range c.Members.Added {
		moved = append(moved, s.Tell(Change{Kind: Added, Type: schema.User, ID: id}, txn))
	}
	for _, id := range c.Members.Removed {
		if !deleted[id] {
			moved = append(moved, s.Tell(Change{Kind: Removed, Type: schema.User, ID: id}, txn))
		}
	}
	return moved
}

// Changed are the ids of the changes, of which Feed must know who is a member;
// nil when it need not.
func (s Stream) Changed(changes []Told) []uuid.UUID {
	if s.Group == uuid.Nil {
		return nil
	}
	ids := make([]uuid.UUID, len(changes))
	for i, c := range changes {
		ids[i] = c.ID
	}
	return ids
}
