package transfer

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/fairshare"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/scim"
)

// Uploads are the files that people import in the console: each is uploaded, mapped,
// checked and imported, and its progress can be watched. The files are in the store, so
// any server shows them, and any continues an import that another server left off.
type Uploads struct {
	directory *directory.Directory
	entries   *provisioning.Log
	store     Store
	log       *slog.Logger
	arriving  *fairshare.Gate[org.ID]
	parsing   sync.Mutex // of lines of files that arrive
}

// NewUploads works on the uploads of a store.
func NewUploads(d *directory.Directory, entries *provisioning.Log, s Store, log *slog.Logger) *Uploads {
	return &Uploads{
		directory: d, entries: entries, store: s, log: log,
		arriving: fairshare.New[org.ID](fairshare.Options{Slots: arrivals, Share: arrivalsOfOne}),
	}
}

// Put takes an organisation's file. Its name tells the format. What is wrong with the file
// is a *scim.Error.
func (u *Uploads) Put(ctx context.Context, o org.Org, by, name string, file io.Reader) (Upload, error) {
	f := Upload{ID: uuid.New(), Org: o.ID, Stage: Arriving, Name: name, By: by, Format: FormatOf(name), Taken: u.store.Now()}
	if f.Format == "" {
		return Upload{}, scim.InvalidValue("the name of the file, %q, ends neither in .csv nor in .jsonl", name)
	}
	if len(name) > mostOfFileName {
		return Upload{}, scim.InvalidValue("the name of the file is longer than %d bytes", mostOfFileName)
	}
	if !u.arriving.TryEnter(o.ID) {
		return Upload{}, scim.Unavailable("other files are being uploaded; wait for their end, and try again")
	}
	defer u.arriving.Leave(o.ID)
	types, err := u.directory.TypesOf(ctx, o)
	if err != nil {
		return Upload{}, err
	}
	err = u.receive(ctx, types, &f, file)
	if wrong, ok := errors.AsType[*fileError](err); ok {
		err = scim.InvalidValue("%s", wrong.Error())
	}
	return f, err
}

// File reads one upload of an organisation, or returns ErrNoFile. The outcomes of refused
// lines come first.
func (u *Uploads) File(ctx context.Context, o org.ID, id uuid.UUID) (Upload, error) {
	f, err := u.store.Find(ctx, o, id)
	slices.SortFunc(f.Outcomes, func(a, b Outcome) int {
		return cmp.Or(cmp.Compare(a.order(), b.order()), cmp.Compare(a.Line, b.Line))
	})
	return f, err
}

// order sorts refused lines first.
func (o Outcome) order() int {
	return slices.Index([]Action{Refuse, Create, Update, Unchanged}, o.Action)
}

// Files lists the uploads of an organisation, the newest first.
func (u *Uploads) Files(ctx context.Context, o org.ID) ([]Upload, error) {
	all, err := u.store.List(ctx, o)
	slices.SortFunc(all, func(a, b Upload) int { return b.Taken.Compare(a.Taken) })
	return all, err
}

// Check starts a dry run of the import (Import.Check) with a mapping. The origin of ctx
// becomes that of the changes.
func (u *Uploads) Check(ctx context.Context, o org.ID, id uuid.UUID, m Mapping) error {
	return u.begin(ctx, o, id, func(f Upload) (Upload, error) {
		if f.Stage == Imported {
			return f, scim.Conflict("the file is imported already")
		}
		f = f.begun(Checking)
		f.Mapping = m
		return f, nil
	})
}

// Apply starts the import of a file that was checked and in which nothing is wrong, or
// continues one that was stopped.
func (u *Uploads) Apply(ctx context.Context, o org.ID, id uuid.UUID) error {
	return u.begin(ctx, o, id, func(f Upload) (Upload, error) {
		switch {
		case f.Stage == Stopped:
			f.Stage = Importing
			return f, nil
		case f.Stage == Checked && f.Progress.Summary.Actions[Refuse] == 0:
			return f.begun(Importing), nil
		}
		return f, scim.Conflict("the file is imported when it was checked and no line of it would be refused")
	})
}

// begin leaves an upload, changed by begun, to a worker of any server.
func (u *Uploads) begin(ctx context.Context, o org.ID, id uuid.UUID, begun func(f Upload) (Upload, error)) error {
	f, err := u.store.Find(ctx, o, id)
	if err != nil {
		return err
	}
	if f.Running() {
		return errRunning(f.Name)
	}
	was := f.Stage
	if f, err = begun(f); err != nil {
		return err
	}
	origin := provisioning.OriginOf(ctx)
	f.Problem, f.Origin = "", provisioning.Origin{Actor: origin.Actor, Address: origin.Address, System: origin.System, CorrelationID: f.ID.String()}
	if err = u.store.Put(ctx, f, was); errors.Is(err, ErrRunning) {
		return errRunning("another file")
	}
	return err
}

func errRunning(name string) error {
	return scim.Conflict("%s is checked or imported at the moment; wait for its end", name)
}

// Stop asks the worker of a file to stop, which it does within a second.
func (u *Uploads) Stop(ctx context.Context, o org.ID, id uuid.UUID) error {
	if _, err := u.store.Find(ctx, o, id); err != nil {
		return err
	}
	return u.store.Stop(ctx, o, id)
}

// Remove removes a file that is not being checked or imported.
func (u *Uploads) Remove(ctx context.Context, o org.ID, id uuid.UUID) error {
	err := u.store.Remove(ctx, o, id)
	if errors.Is(err, ErrRunning) {
		return scim.Conflict("the file is checked or imported at the moment; stop that first")
	}
	return err
}
