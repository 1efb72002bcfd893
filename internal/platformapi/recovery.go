package platformapi

import (
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/scim"
)

// recoveries take changes of users, groups and the catalogue back.
type recoveries struct{ directory *directory.Directory }

func (s recoveries) mount(r chi.Router, frame *httpapi.Frame) {
	handle(r, frame, logPath+"/undo", map[string]httpapi.Handler{http.MethodPost: s.undoAll})
	handle(r, frame, logPath+"/{id}/undo", map[string]httpapi.Handler{http.MethodPost: s.undo})
	handle(r, frame, groupsPath+"/{id}/restore", map[string]httpapi.Handler{http.MethodPost: s.restoreGroup})
	handle(r, frame, usersPath+"/{id}/restore", map[string]httpapi.Handler{http.MethodPost: s.restoreUser})
}

// recoveryAnswer is what was taken back, or would be.
type recoveryAnswer struct {
	DryRun   bool                  `json:"dryRun"`
	Target   recoveryTarget        `json:"target"`
	Changes  []provisioning.Change `json:"changes"`
	Members  recoveredMembers      `json:"members"`
	Others   []provisioning.Entry  `json:"others"`
	Entries  []string              `json:"entries"`
	Total    int                   `json:"total"`
	Warnings []string              `json:"warnings"`
}

type recoveryTarget struct {
	Type provisioning.TargetType `json:"type"`
	ID   string                  `json:"id"`
	Name string                  `json:"name,omitempty"`
}

type recoveredMembers struct {
	Added   []string `json:"added"`
	Removed []string `json:"removed"`
}

func answerRecovery(r directory.Recovered) recoveryAnswer {
	changes, members := r.Changes()
	a := recoveryAnswer{
		DryRun: r.DryRun, Target: recoveryTarget{r.Target.Type, r.Target.ID.String(), r.Target.Name}, Changes: changes,
		Members: recoveredMembers{answer(members.Added, uuid.UUID.String), answer(members.Removed, uuid.UUID.String)},
		Others:  r.Others(), Entries: []string{}, Total: r.Total, Warnings: append([]string{}, r.Warnings...),
	}
	if a.Changes == nil {
		a.Changes = []provisioning.Change{}
	}
	if a.Others == nil {
		a.Others = []provisioning.Entry{}
	}
	if !r.DryRun {
		for _, e := range r.Entries {
			a.Entries = append(a.Entries, e.ID.String())
		}
	}
	return a
}

// readRecovery takes what the recoveries have in common: nothing is changed unless the
// body says that it is no dry run.
func readRecovery(r *http.Request) (directory.Recovery, *body, error) {
	b := &body{fields: map[string]any{}}
	text, err := httpapi.Body(r)
	if err == nil && len(text) > 0 {
		b.fields, err = scim.ParseObject(text)
	}
	if err != nil {
		return directory.Recovery{}, nil, err
	}
	asked := directory.Recovery{DryRun: true, Force: b.boolean("force")}
	if b.has("dryRun") {
		asked.DryRun = b.boolean("dryRun") || b.err != nil
	}
	if asked.DryRun {
		httpapi.DryRun(r.Context())
	}
	principal := httpapi.Principal(r.Context())
	asked.Allow = func(old, now directory.Entry) error {
		if now.Kind != directory.Role {
			return nil
		}
		return allowRole(principal, old, now)
	}
	return asked, b, b.err
}

// at is a point in time (RFC 3339), or zero where there is none.
func (b *body) at(name string) time.Time { return readTime(name, b.text(name), b.fail) }

func writeRecovery(w http.ResponseWriter, r directory.Recovered, err error) error {
	if err != nil {
		return err
	}
	return write(w, answerRecovery(r))
}

func (s recoveries) undo(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id", "entry")
	if err != nil {
		return err
	}
	asked, _, err := readRecovery(r)
	if err != nil {
		return err
	}
	done, err := s.directory.Undo(r.Context(), organisation(r), id, asked)
	httpapi.About(r.Context(), done.Target)
	return writeRecovery(w, done, err)
}

// undoneAnswer is what of several entries was taken back, the newest first.
type undoneAnswer struct {
	DryRun bool             `json:"dryRun"`
	Undone []recoveryAnswer `json:"undone"`
}

func (s recoveries) undoAll(w http.ResponseWriter, r *http.Request) error {
	asked, b, err := readRecovery(r)
	if err != nil {
		return err
	}
	var entries []uuid.UUID
	for _, text := range list[string](b, "entries", "a string") {
		id, err := uuid.Parse(text)
		if err != nil {
			b.fail("entries holds %q; ids of entries of the provisioning log, which are UUIDs, are expected", text)
		}
		entries = append(entries, id)
	}
	if b.err != nil {
		return b.err
	}
	done, err := s.directory.UndoAll(r.Context(), organisation(r), entries, asked)
	for _, one := range done {
		httpapi.About(r.Context(), one.Target)
	}
	if err != nil {
		return err
	}
	return write(w, undoneAnswer{asked.DryRun, answer(done, answerRecovery)})
}

func (s recoveries) restoreGroup(w http.ResponseWriter, r *http.Request) error {
	asked, b, err := readRecovery(r)
	if err != nil {
		return err
	}
	if asked.At = b.at("at"); b.err != nil {
		return b.err
	}
	done, err := s.directory.RestoreGroup(r.Context(), organisation(r), id(r), asked)
	return writeRecovery(w, done, err)
}

func (s recoveries) restoreUser(w http.ResponseWriter, r *http.Request) error {
	asked, b, err := readRecovery(r)
	if err != nil {
		return err
	}
	asked.At = b.at("at")
	for _, word := range list[string](b, "with", "a string") {
		switch word {
		case "groups":
			asked.Groups = true
		case "roles":
			asked.Roles = true
		default:
			b.fail("with holds %q; groups and roles are expected", word)
		}
	}
	if b.err != nil {
		return b.err
	}
	done, err := s.directory.RestoreUser(r.Context(), organisation(r), id(r), asked)
	return writeRecovery(w, done, err)
}
