package console

import (
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/scim"
)

// recovery is what would become of something that is taken back, before it is.
type recovery struct {
	Heading, Back, Action string
	At                    string // the time whose state is restored; empty for an entry that is undone
	Place                 string
	Groups, Roles         bool
	Warnings              []string
	Problem               string
	// Refused tells that a later change would be lost, which somebody may want.
	Refused bool
	Nothing bool
	difference
}

// showRecovery shows what a recovery would do, or why it does nothing.
func (v *visit) showRecovery(p recovery, found directory.Recovered, err error) error {
	status := http.StatusOK
	if detail, code, told := statusOf(err); told {
		p.Problem, p.Refused, status = detail, code == http.StatusConflict, code
	} else if err != nil {
		return err
	}
	if p.difference, err = v.differenceOf(found); err != nil {
		return err
	}
	p.Warnings = found.Warnings
	p.Nothing = p.Problem == "" && len(found.Entries) == 0
	return v.showStatus(status, "recovery", p.Place, p.Heading, p)
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
	id, err := v.id()
	if err != nil {
		return err
	}
	r := v.asked()
	r.DryRun, r.Allow = true, v.allow
	found, err := v.Directory.Undo(v.r.Context(), v.org, id, r)
	path := v.home("/activity/", id.String())
	return v.showRecovery(recovery{Heading: "Take this back?", Back: path, Action: path + "/undo", Place: "activity"}, found, err)
}

func undo(v *visit) error {
	id, err := v.id()
	if err != nil {
		return err
	}
	r := v.asked()
	r.Allow = v.allow
	found, err := v.Directory.Undo(v.r.Context(), v.org, id, r)
	path := v.home("/activity/", id.String())
	if err != nil {
		return v.showRecovery(recovery{Heading: "It could not be taken back", Back: path, Action: path + "/undo", Place: "activity"}, found, err)
	}
	return v.to(path + "?done=undone")
}

// restoring is a person or a group that is to be as it was at a time.
func (v *visit) restoring(kind string, id uuid.UUID, r directory.Recovery) (directory.Recovered, error) {
	if r.At.IsZero() && v.r.FormValue("at") != "" {
		return directory.Recovered{}, scim.InvalidValue("%q is no time; one such as 2026-11-28T14:30 of UTC is expected", v.r.FormValue("at"))
	}
	if kind == "people" {
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
	p := recovery{Heading: "Make it as it was?", Back: path, Action: path + "/restore", At: v.r.FormValue("at"), Place: kind, Groups: r.Groups, Roles: r.Roles}
	return v.showRecovery(p, found, err)
}

func previewRestorePerson(v *visit) error { return v.restore("people", true) }

func restorePerson(v *visit) error { return v.restore("people", false) }

func previewRestoreGroup(v *visit) error { return v.restore("groups", true) }

func restoreGroup(v *visit) error { return v.restore("groups", false) }
