package console

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// recovery is what would become of something that is taken back, before it is.
type recovery struct {
	Heading, Back, Action string
	Yes                   string // the words on the button: what is done, and to what
	At                    string // the time whose state is restored; empty for an entry that is undone
	Place                 string
	Groups, Roles         bool
	Warnings              []string
	Problem               string
	// Refused tells that a later change would be lost, which somebody may want, and Later
	// leads to that change, if it is known.
	Refused bool
	Later   *laterChange
	Nothing bool
	Danger  bool // it deletes something
	difference
}

// laterChange stands in the way of a recovery.
type laterChange struct {
	Link, Sentence string
	Time           time.Time
}

// showRecovery shows what a recovery would do, or why it does nothing.
func (v *visit) showRecovery(p recovery, found directory.Recovered, err error) error {
	status := http.StatusOK
	if detail, code, told := statusOf(err); told {
		p.Problem, status = detail, code
		if later, ok := errors.AsType[*directory.LaterError](err); ok {
			p.Refused, p.Problem = true, sentence(later.What+" was changed since. To take this back all the same would lose that change")
			if e := later.Entry; e != nil {
				p.Later = &laterChange{v.home("/activity/", e.ID.String()), e.Sentence(), e.Time()}
				p.Problem = sentence(later.What + " was changed since. Take the later change back first; to take this one back all the same would lose it")
			}
		}
	} else if err != nil {
		return err
	}
	if p.difference, err = v.differenceOf(found); err != nil {
		return err
	}
	p.Warnings = found.Warnings
	p.Nothing = p.Problem == "" && len(found.Entries) == 0
	if !p.Nothing && p.Problem == "" {
		if p.Yes, p.Danger, err = v.actOf(found); err != nil {
			return err
		}
	}
	title := "Take back"
	if p.Place != "activity" {
		title = "Restore"
	}
	return v.showStatus(status, "recovery", p.Place, title, p)
}

// actOf names what a recovery does, as the button that does it has it, and tells whether it
// deletes something.
func (v *visit) actOf(found directory.Recovered) (words string, deletes bool, err error) {
	name, err := v.nameOf(found.Target)
	if err != nil {
		return "", false, err
	}
	own := len(found.Entries) - len(found.Others())
	changes, members := found.Changes()
	switch e := found.Entries[0]; {
	case own > 0 && e.Operation == provisioning.Delete:
		return "Delete " + name, true, nil
	case own > 0 && (e.Operation == provisioning.Create || e.Operation == provisioning.Restore):
		return "Bring " + name + " back", false, nil
	}
	n := len(changes) + len(members.Added) + len(members.Removed) + found.Total - own
	return "Take back " + plural(n, "change") + " of " + name, false, nil
}

// nameOf is what people call a person or a group: of a person who has one, the name to be
// shown.
func (v *visit) nameOf(t provisioning.Target) (string, error) {
	switch t.Type {
	case provisioning.User:
		record, err := v.Directory.Get(v.r.Context(), v.org, schema.User, t.ID.String(), schema.Projection{})
		if err == nil {
			var row personRow
			row, err = newPersonRow(record)
			t.Name = cmp.Or(row.Name, row.Login)
		}
		if err != nil && !isNotFound(err) {
			return "", err
		}
	case provisioning.Group:
		if g, err := v.Directory.Group(v.r.Context(), v.org, t.ID.String()); err == nil {
			t.Name = g.Name
		} else if !isNotFound(err) {
			return "", err
		}
	}
	return t.String(), nil
}

// asked is what the form or the URL asks of a recovery.
func (v *visit) asked() (r directory.Recovery) {
	value := func(name string) string { return strings.TrimSpace(v.r.FormValue(name)) }
	r.Force, r.Groups, r.Roles = value("force") == "yes", value("groups") == "on", value("roles") == "on"
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if at, err := time.Parse(layout, value("at")); err == nil {
			r.At = at
		}
	}
	return r
}

// allow refuses an administrator who would give a role more than it has now: clients have
// roles, and only an owner says what they may.
func (v *visit) allow(old, now directory.Entry) error {
	if now.Kind != directory.Role || v.who.Manages(v.org.ID) == nil || oauth.PermissionsOf(old.Detail).Covers(oauth.PermissionsOf(now.Detail)) {
		return nil
	}
	return scim.Forbidden("the role %q would permit more than it does now; only an owner may take that back", now.Name)
}

func previewUndo(v *visit) error {
	found, err := v.undone(true)
	if found.Undone.ID == uuid.Nil {
		return err
	}
	return v.showUndo("Take back that "+found.Undone.Sentence()+"?", found, err)
}

// undo takes an entry back, and leads to the one that tells of that.
func undo(v *visit) error {
	found, err := v.undone(false)
	switch {
	case found.Undone.ID == uuid.Nil:
		return err
	case err != nil:
		return v.showUndo("It could not be taken back", found, err)
	}
	told := found.Undone.ID
	if i := slices.IndexFunc(found.Entries, func(made provisioning.Entry) bool { return made.Target.ID == found.Undone.Target.ID }); i >= 0 {
		told = found.Entries[i].ID
	}
	return v.to(v.home("/activity/", told.String()) + "?done=undone")
}

// undone takes the entry of the path back, or tells what that would do. Where there is no
// such entry, none is undone.
func (v *visit) undone(dryRun bool) (directory.Recovered, error) {
	id, err := v.id()
	if err != nil {
		return directory.Recovered{}, err
	}
	r := v.asked()
	r.DryRun, r.Allow = dryRun, v.allow
	return v.Directory.Undo(v.r.Context(), v.org, id, r)
}

func (v *visit) showUndo(heading string, found directory.Recovered, err error) error {
	path := v.home("/activity/", found.Undone.ID.String())
	return v.showRecovery(recovery{Heading: heading, Back: path, Action: path + "/undo", Place: "activity"}, found, err)
}

// restoring is a person or a group that is to be as it was at a time.
func (v *visit) restoring(kind string, id uuid.UUID, r directory.Recovery) (directory.Recovered, error) {
	if r.At.IsZero() && v.r.FormValue("at") != "" {
		return directory.Recovered{}, scim.InvalidValue("%q is no time; one such as 2026-11-28T14:30 of UTC is expected", v.r.FormValue("at"))
	}
	if restored[kind] == provisioning.User {
		return v.Directory.RestoreUser(v.r.Context(), v.org, id.String(), r)
	}
	return v.Directory.RestoreGroup(v.r.Context(), v.org, id.String(), r)
}

func (v *visit) restore(kind string, dry bool) error {
	id, err := v.id()
	if err != nil {
		return err
	}
	r := v.asked()
	r.DryRun = dry
	found, err := v.restoring(kind, id, r)
	path := v.home("/", kind, "/", id.String())
	if err == nil && !dry {
		return v.to(path + "?done=restored")
	}
	p := recovery{Back: path, Action: path + "/restore", At: v.r.FormValue("at"), Place: kind, Groups: r.Groups, Roles: r.Roles}
	target := found.Target
	if err != nil {
		target = provisioning.Target{Type: restored[kind], ID: id}
	}
	name, unnamed := v.nameOf(target)
	if unnamed != nil {
		return unnamed
	}
	if p.Heading = "Bring " + name + " back?"; !r.At.IsZero() {
		p.Heading = "Restore " + name + " to " + at(r.At) + "?"
	}
	return v.showRecovery(p, found, err)
}

// restored are those that are made as they were, by where their pages are.
var restored = map[string]provisioning.TargetType{"people": provisioning.User, "groups": provisioning.Group}

func previewRestorePerson(v *visit) error { return v.restore("people", true) }

func restorePerson(v *visit) error { return v.restore("people", false) }

func previewRestoreGroup(v *visit) error { return v.restore("groups", true) }

func restoreGroup(v *visit) error { return v.restore("groups", false) }
