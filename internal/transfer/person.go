package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// membersAtOnce is how many members are added to a group by one write.
const membersAtOnce = 500

// person creates or changes the person of a line. It returns errors of the database; those of
// the line go to Tell. again means that an interrupted run may have done it.
func (r *running) person(ctx context.Context, rec record, again bool) error {
	groups, err := r.groupsOf(ctx, rec.groups)
	if err != nil {
		return r.refuse(rec, err)
	}
	old, found, err := find(ctx, r.Directory, r.Org, schema.User, schema.UserName, rec.name)
	if err != nil {
		return r.refuse(rec, err)
	}
	action, person := Create, old
	switch {
	case !found:
		person, err = r.Directory.CreateUser(r.attempt(ctx), r.Org, rec.body)
	case len(rec.ops) > 0:
		person, err = r.Directory.PatchUser(r.attempt(ctx), r.Org, old.ID.String(), scim.Condition{}, rec.ops, schema.User.Project([]string{schema.ID.Name}, nil))
		action = Update
	}
	if err != nil {
		return r.refuse(rec, err)
	}
	if found && person.Version == old.Version {
		if action, err = r.unchanged(ctx, person.ID, again); err != nil {
			return err
		}
	}
	r.tell(rec, action, nil)
	return r.join(ctx, person, groups)
}

// unchanged is the action on a resource that is already as the file says: none, or that of an
// interrupted run.
func (r *running) unchanged(ctx context.Context, id uuid.UUID, again bool) (Action, error) {
	if !again {
		return Unchanged, nil
	}
	return r.Earlier(ctx, id)
}

// refuse tells what is wrong with a line, or returns an error that is not the line's.
func (r *running) refuse(rec record, err error) error {
	wrong, ok := errors.AsType[*scim.Error](err)
	if !ok {
		if _, ok := errors.AsType[*lineError](err); !ok {
			return fmt.Errorf("line %d: %w", rec.line, err)
		}
	} else if wrong.Status >= http.StatusInternalServerError {
		return fmt.Errorf("line %d: %w", rec.line, err)
	}
	r.tell(rec, Refuse, err)
	return nil
}

// lineError is an error of one line.
type lineError struct{ text string }

func (e *lineError) Error() string { return e.text }

// groupsOf finds groups by their names.
func (r *running) groupsOf(ctx context.Context, names []string) (ids []string, err error) {
	for _, name := range names {
		group, found, err := r.group(ctx, name)
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, &lineError{fmt.Sprintf("groups: the organisation has no group named %q; create it first", name)}
		}
		ids = append(ids, group.ID.String())
	}
	return ids, nil
}

// group finds a group by its name, once.
func (r *running) group(ctx context.Context, name string) (directory.Record, bool, error) {
	key := schema.FoldName(name)
	r.mu.Lock()
	group, known := r.groups[key]
	r.mu.Unlock()
	if known {
		return group, true, nil
	}
	group, found, err := find(ctx, r.Directory, r.Org, schema.Group, schema.GroupName, name)
	if found {
		r.mu.Lock()
		r.groups[key] = group
		r.mu.Unlock()
	}
	return group, found, err
}

// join has a person added to groups, together with others.
func (r *running) join(ctx context.Context, person directory.Record, groups []string) error {
	for _, group := range groups {
		r.mu.Lock()
		r.summary.Memberships++
		waiting := append(r.members[group], person.ID.String()) //nolint:gocritic // put back below
		if len(waiting) < membersAtOnce {
			r.members[group] = waiting
			waiting = nil
		} else {
			delete(r.members, group)
		}
		r.mu.Unlock()
		if waiting != nil {
			if err := r.add(ctx, group, waiting); err != nil {
				return err
			}
		}
	}
	return nil
}

// addAll adds to their groups those who still wait.
func (r *running) addAll(ctx context.Context) error {
	for group, members := range r.members {
		if err := r.add(ctx, group, members); err != nil {
			return err
		}
		delete(r.members, group)
	}
	return nil
}

// add adds members to a group. A check does not: those whom it has made are not there.
func (r *running) add(ctx context.Context, group string, members []string) error {
	if r.try {
		return nil
	}
	values := make([]any, len(members))
	for i, id := range members {
		values[i] = map[string]any{"value": id}
	}
	op := scim.PatchOp{Op: "add", Path: schema.Members.Name, Value: values, HasValue: true}
	_, err := r.Directory.PatchGroup(r.attempt(ctx), r.Org, group, scim.Condition{}, []scim.PatchOp{op}, schema.Group.Project([]string{schema.ID.Name}, nil))
	if err != nil {
		return fmt.Errorf("add %d members to group %s: %w", len(members), group, err)
	}
	return nil
}

// lead gives the person of a line their manager, who may be on any other. Who was refused has
// none.
func (r *running) lead(ctx context.Context, rec record) error {
	if *rec.told == Refuse {
		return nil
	}
	manager, found, err := find(ctx, r.Directory, r.Org, schema.User, schema.UserName, rec.manager)
	switch {
	case err != nil:
		return err
	case !found && r.try && r.has(rec.manager):
		return nil
	case found && r.try:
		return nil
	}
	person, known, err := find(ctx, r.Directory, r.Org, schema.User, schema.UserName, rec.name)
	if err == nil && *rec.told == "" {
		*rec.told, err = r.toldBefore(ctx, person, known)
	}
	switch {
	case err != nil || *rec.told == Refuse:
		return err
	case !found:
		return r.refuse(rec, &lineError{fmt.Sprintf("manager: nobody has the userName %q", rec.manager)})
	}
	op := scim.PatchOp{Op: "replace", Path: schema.Manager.Path(), Value: map[string]any{"value": manager.ID.String()}, HasValue: true}
	_, err = r.Directory.PatchUser(r.attempt(ctx), r.Org, person.ID.String(), scim.Condition{}, []scim.PatchOp{op}, schema.User.Project([]string{schema.ID.Name}, nil))
	if err != nil {
		return r.refuse(rec, err)
	}
	return nil
}

// toldBefore is what a run before has told of the line of a person, as far as can be seen.
func (r *running) toldBefore(ctx context.Context, person directory.Record, known bool) (Action, error) {
	switch {
	case known && r.Earlier != nil:
		return r.Earlier(ctx, person.ID)
	case known:
		return Update, nil
	case r.try:
		return Create, nil
	default:
		return Refuse, nil
	}
}

// fill makes the group of a line, if it is missing, and has its members added.
func (r *running) fill(ctx context.Context, rec record, again bool) error {
	group, found, err := r.group(ctx, rec.name)
	if err != nil {
		return err
	}
	action := Update
	if !found {
		action = Create
		made, err := r.Directory.CreateGroup(r.attempt(ctx), r.Org, rec.name, directory.PlainGroup)
		if err != nil {
			return r.refuse(rec, err)
		}
		group = made.Record
	}
	members, coming, err := r.membersOf(ctx, rec)
	if err != nil {
		return r.refuse(rec, err)
	}
	if found {
		if action, members, err = r.missing(ctx, group.ID, members, coming, again); err != nil {
			return err
		}
	}
	r.tell(rec, action, nil)
	for _, id := range members {
		if err := r.join(ctx, directory.Record{ID: id}, []string{group.ID.String()}); err != nil {
			return err
		}
	}
	return nil
}

// missing are those of members whom a group has not yet, and what becomes of the group by them
// and by those who are coming. What a run before has done of the line counts as done by this one.
func (r *running) missing(ctx context.Context, group uuid.UUID, members []uuid.UUID, coming int, again bool) (Action, []uuid.UUID, error) {
	if again {
		if action, err := r.Earlier(ctx, group); err != nil || action != Unchanged {
			return action, members, err
		}
	}
	full, err := r.Directory.WithMembers(ctx, r.Org, group)
	if err != nil {
		return Refuse, nil, err
	}
	has := make(map[uuid.UUID]bool, full.MemberCount)
	for _, link := range full.Links {
		has[link.ID] = true
	}
	for _, id := range full.MemberIDs {
		has[id] = true
	}
	members = slices.DeleteFunc(members, func(id uuid.UUID) bool { return has[id] })
	if len(members)+coming == 0 {
		return Unchanged, nil, nil
	}
	return Update, members, nil
}

// membersOf finds the members of a group's line: by id, or by userName. In a check, those
// whom the file makes are not there yet: they are coming.
func (r *running) membersOf(ctx context.Context, rec record) (members []uuid.UUID, coming int, err error) {
	var known []uuid.UUID
	for _, value := range rec.members {
		if id, err := uuid.Parse(value); err == nil {
			known = append(known, id)
			continue
		}
		person, found, err := find(ctx, r.Directory, r.Org, schema.User, schema.UserName, value)
		switch {
		case err != nil:
			return nil, 0, err
		case found:
			members = append(members, person.ID)
		case r.try && r.has(value):
			coming++
		default:
			return nil, 0, &lineError{fmt.Sprintf("members: nobody has the userName %q", value)}
		}
	}
	if err := r.exist(ctx, known); err != nil {
		return nil, 0, err
	}
	return append(members, known...), coming, nil
}

// exist refuses ids unless each is that of a user.
func (r *running) exist(ctx context.Context, ids []uuid.UUID) error {
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	found := make(map[uuid.UUID]bool, len(ids))
	for some, err := range r.Directory.Members(ctx, r.Org, slices.Compact(slices.Clone(ids))) {
		if err != nil {
			return err
		}
		for _, member := range some {
			found[member.ID] = true
		}
	}
	for _, id := range ids {
		if !found[id] {
			return &lineError{fmt.Sprintf("members: nobody has the id %s", id)}
		}
	}
	return nil
}
