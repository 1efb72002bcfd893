package writes

import (
	"encoding/json"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/logstore"
	"github.com/purescim/purescim/internal/postgres/search"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// The entry of a change in the provisioning log is stored by the statement that makes
// the change, if it has changed something: neither is there without the other.
const outboxSQL = `, logged as (
  insert into provisioning_log (` + logColumns + `, added, removed, member_id)
  select ` + logValues + `, @log_added::uuid[], @log_removed::uuid[], @log_member::uuid
  from   changed
  where  @log_operation::text <> ''
)`

// UserOutbox is that of a change of users, which tells of no members.
const UserOutbox = `, logged as (
  insert into provisioning_log (` + logColumns + `)
  select ` + logValues + `
  from   changed
  where  @log_operation::text <> ''
)`

const (
	logColumns = `org_id, id, client_id, actor, correlation_id, operation, target_type, target_id, target_name, target_key,
                                result, status, detail`
	logValues = `@org, @log_id::uuid, @log_client::uuid, @log_actor::text, @log_correlation::text, @log_operation::text, @log_type::text,
         @log_target::uuid, @log_name::text, @log_key::text, @log_result::text, 0::smallint, @log_detail::text`
)

// What a statement that changes members tells of who has come and gone, which its part
// "changed" has as added and removed, with the group's display_name. AddedOutbox is of one
// that only adds, and RemovedOutbox of one that only removes.
const (
	AddedOutbox = memberOutbox + `'member_add', 'Group',
         changed.id, changed.display_name, @log_result::text, 0::smallint, added, null, ` + oneAdded + `, @log_detail::text
  from   changed
)`
	RemovedOutbox = memberOutbox + `'member_remove', 'Group',
         changed.id, changed.display_name, @log_result::text, 0::smallint, null, removed, ` + oneRemoved + `, @log_detail::text
  from   changed
)`
	MemberOutbox = memberOutbox + `
         case when removed is null then 'member_add' when added is null then 'member_remove' else 'member_change' end, 'Group',
         changed.id, changed.display_name, @log_result::text, 0::smallint, added, removed,
         case when added is null then ` + oneRemoved + ` when removed is null then ` + oneAdded + ` else ` + db.LeastID + ` end, @log_detail::text
  from   changed
)`

	memberOutbox = `, logged as (
  insert into provisioning_log (org_id, id, client_id, actor, correlation_id, operation, target_type, target_id, target_name,
                                result, status, added, removed, member_id, detail)
  select @org, @log_id::uuid, @log_client::uuid, @log_actor::text, @log_correlation::text, `
	oneAdded   = `case when cardinality(added) = 1 then added[1] else ` + db.LeastID + ` end`
	oneRemoved = `case when cardinality(removed) = 1 then removed[1] else ` + db.LeastID + ` end`

	// MergedOutbox is MemberOutbox for several requests, each of which has an entry of its
	// own if it has changed something.
	MergedOutbox = `, logged as (
  insert into provisioning_log (org_id, id, client_id, actor, correlation_id, operation, target_type, target_id, target_name,
                                result, status, added, removed, member_id, detail)
  select @org, l.id, l.client, l.actor, l.correlation,
         case when m.removed is null then 'member_add' when m.added is null then 'member_remove' else 'member_change' end, 'Group',
         changed.id, changed.display_name, l.result, 0::smallint, m.added, m.removed,
         case when m.n = 1 then coalesce(m.added[1], m.removed[1]) else ` + db.LeastID + ` end, l.detail
  from   changed,
         (select w.request, count(*) as n, array_agg(w.user_id) filter (where a.user_id is not null) as added,
                 array_agg(w.user_id) filter (where r.user_id is not null) as removed
          from   unnest(@add::uuid[] || @remove::uuid[], @requests::integer[]) as w (user_id, request)
          left   join added a on a.user_id = w.user_id
          left   join removed r on r.user_id = w.user_id
          where  a.user_id is not null or r.user_id is not null
          group  by w.request) m
  join   unnest(@log_ids::uuid[], @log_clients::uuid[], @log_actors::text[], @log_correlations::text[], @log_results::text[], @log_details::text[])
         with ordinality as l (id, client, actor, correlation, result, detail, n) on l.n = m.request + 1
)`
)

// entry is the entry of a change. Its operation is empty where there is none: of a part
// of a change that a later statement completes.
func (o *outbox) entry(c Change) provisioning.Entry {
	e := o.origin.Entry(o.clock.NewID())
	e.Result = provisioning.Success
	e.Target = provisioning.Target{Type: targetType(c.what), ID: c.id, Name: c.name}
	if c.kind == "" {
		return e
	}
	before, after := c.before, c.after
	if before == nil && c.text != nil {
		before, _ = c.typ.Load(c.text) // as it was stored
	}
	if name := nameOf(c.typ, before, after); name != "" {
		e.Target.Name = name
	}
	e.Members = provisioning.Members{Removed: c.lost}
	e.Changes = c.changes
	switch c.kind {
	case events.Created:
		e.Operation = provisioning.Create
		if c.restored {
			e.Operation = provisioning.Restore
		}
		e.Members.Added = c.members.Added
	case events.Deleted:
		if e.Operation = provisioning.Delete; c.erased {
			e.Operation = provisioning.Erase
		}
	default:
		if after != nil {
			e.Changes = append(provisioning.Difference(before, after), c.changes...)
		}
		if c.password {
			e.Changes = append(e.Changes, provisioning.Change{Attribute: schema.Password.Name})
		}
		e.Operation = logstore.OperationOf(c.what, e.Changes)
		if !e.RestoredTo.IsZero() {
			e.Operation = provisioning.Restore
		}
		if len(e.Changes) == 0 && c.moves {
			e.Operation = "" // the statement that changes the members has told it
		}
	}
	if c.typ != nil && search.TableOf(c.typ) == search.Users && c.kind != events.Deleted {
		o.warn(&e)
	}
	return e
}

// warn adds what a user was stored with a warning of.
func (o *outbox) warn(e *provisioning.Entry) {
	if o.warnings == nil {
		return
	}
	for _, w := range o.warnings() {
		e.Warnings, e.Result = append(e.Warnings, w.Attribute+": "+w.Text), provisioning.Warning
	}
}

// nameOf is the userName of a user, or the name of a group, as it was.
func nameOf(t *schema.Type, before, after scim.Document) string {
	if t == nil {
		return ""
	}
	if before == nil {
		before = after
	}
	if search.TableOf(t) == search.Users {
		return schema.UserName.Text(before)
	}
	return schema.GroupName.Text(before)
}

// targetType is what the log calls what was changed.
func targetType(what string) provisioning.TargetType {
	switch what {
	case directory.Role.String():
		return provisioning.Role
	case directory.Division.String():
		return provisioning.Division
	case directory.Skill.String():
		return provisioning.Skill
	case directory.Language.String():
		return provisioning.Language
	case "schema":
		return provisioning.Schema
	default:
		return provisioning.TargetType(what)
	}
}

// arguments adds those of outboxSQL and of the outboxes of members.
func (o *outbox) arguments(args []db.Arg, e provisioning.Entry, c Change) []db.Arg {
	o.attempted(e)
	var client, target, key any
	if e.Actor.ID != uuid.Nil {
		client = db.ID(e.Actor.ID)
	}
	if e.Target.ID != uuid.Nil {
		target = db.ID(e.Target.ID)
	}
	if folded := logstore.KeyOf(e); folded != "" {
		key = folded
	}
	return append(args,
		db.Named("log_id", db.ID(e.ID)), db.Named("log_client", client), db.Named("log_actor", logstore.ActorOf(e.Actor)),
		db.Named("log_correlation", e.CorrelationID), db.Named("log_operation", string(e.Operation)), db.Named("log_type", string(e.Target.Type)),
		db.Named("log_target", target), db.Named("log_name", e.Target.Name), db.Named("log_key", key), db.Named("log_result", string(e.Result)),
		db.Named("log_detail", c.detail(e)),
		db.Named("log_added", db.NullIDs(e.Members.Added)), db.Named("log_removed", db.NullIDs(e.Members.Removed)), db.Named("log_member", logstore.MemberOf(e)))
}

// detail renders what of the entry of a change is only shown. Of what was created or
// deleted it holds the document as it is stored.
func (c Change) detail(e provisioning.Entry) []byte {
	d := logstore.NewDetail(e)
	switch c.kind {
	case events.Created:
		d.After = c.whole
	case events.Deleted:
		d.Last, d.Groups = c.last, c.groups
		if c.typ != nil {
			d.Before = c.text
		}
	}
	return d.Render()
}

// MergedArguments are those of MergedOutbox: for each write that others make together its
// own, and its change.
func MergedArguments(writes []*Write, changes []Change) []db.Arg {
	n := len(writes)
	ids, clients := make(db.IDs, n), make([]*db.ID, n)
	actors, correlations, results, details := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for i, w := range writes {
		e := w.outbox.entry(Change{})
		if ids[i] = e.ID; e.Actor.ID != uuid.Nil {
			clients[i] = (*db.ID)(&e.Actor.ID)
		}
		actors[i], correlations[i], results[i], details[i] = logstore.ActorOf(e.Actor), e.CorrelationID, string(e.Result), string(changes[i].detail(e))
	}
	return []db.Arg{
		db.Named("log_ids", ids), db.Named("log_clients", clients), db.Named("log_actors", actors),
		db.Named("log_correlations", correlations), db.Named("log_results", results), db.Named("log_details", details),
	}
}

// EntryChanges tells by what two entries of the catalogue differ.
func EntryChanges(old, now directory.Entry) (changes []provisioning.Change) {
	add := func(attribute string, before, after any) {
		if before == "" {
			before = nil
		}
		if after == "" {
			after = nil
		}
		changes = append(changes, provisioning.Change{Attribute: attribute, Before: before, After: after})
	}
	if old.Name != now.Name {
		add("name", old.Name, now.Name)
	}
	if old.Description != now.Description {
		add("description", old.Description, now.Description)
	}
	var before, after map[string]any
	_, _ = json.Unmarshal(old.Detail, &before), json.Unmarshal(now.Detail, &after) // JSON, or nothing
	if len(before)+len(after) > 0 && !scim.EqualValue(before, after) {
		add("permissions", orNil(before), orNil(after))
	}
	return changes
}

// orNil is an object, or nil where it is empty.
func orNil(object map[string]any) any {
	if len(object) == 0 {
		return nil
	}
	return object
}

// GroupChanges tells by what two groups differ beside their documents.
func GroupChanges(old, now directory.Group) (changes []provisioning.Change) {
	add := func(attribute string, before, after any) {
		if before != after {
			changes = append(changes, provisioning.Change{Attribute: attribute, Before: before, After: after})
		}
	}
	add("description", old.Description, now.Description)
	add("type", old.Type, now.Type)
	add("visibility", old.Visibility, now.Visibility)
	add("rulesVisible", old.RulesVisible, now.RulesVisible)
	return changes
}

// Left notes that a group has lost a user who is deleted, for the log.
func (o *outbox) left(group, user uuid.UUID) {
	e := o.origin.Entry(o.clock.NewID())
	e.Operation, e.Result = provisioning.MemberRemove, provisioning.Success
	e.Target = provisioning.Target{Type: provisioning.Group, ID: group}
	e.Members.Removed = []uuid.UUID{user}
	o.attempted(e)
	o.logged = append(o.logged, e)
}
