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

// Desk is where the files lie that people import page by page: each is put there, mapped,
// checked and imported, while others may look how far it is. The files are in the store, so
// any server shows them, and any goes on with one where another has ended.
type Desk struct {
	directory *directory.Directory
	entries   *provisioning.Log
	store     Store
	log       *slog.Logger
	arriving  *fairshare.Gate[org.ID]
	parsing   sync.Mutex // of lines of files that arrive
}

// NewDesk gives the desk of a store.
func NewDesk(d *directory.Directory, entries *provisioning.Log, s Store, log *slog.Logger) *Desk {
	return &Desk{
		directory: d, entries: entries, store: s, log: log,
		arriving: fairshare.New[org.ID](fairshare.Options{Slots: arrivals, Share: arrivalsOfOne}),
	}
}

// Put puts a file on the desk, for an organisation. Its name tells the format. What is wrong
// with it is a scim.Error.
func (d *Desk) Put(ctx context.Context, o org.Org, by, name string, file io.Reader) (Filed, error) {
	f := Filed{ID: uuid.New(), Org: o.ID, Stage: Arriving, Name: name, By: by, Format: FormatOf(name), Taken: d.store.Now()}
	if f.Format == "" {
		return Filed{}, scim.InvalidValue("the name of the file, %q, ends neither in .csv nor in .jsonl", name)
	}
	if len(name) > mostOfFileName {
		return Filed{}, scim.InvalidValue("the name of the file is longer than %d bytes", mostOfFileName)
	}
	if !d.arriving.TryEnter(o.ID) {
		return Filed{}, scim.Unavailable("other files are being uploaded; wait for their end, and try again")
	}
	defer d.arriving.Leave(o.ID)
	types, err := d.directory.TypesOf(ctx, o)
	if err != nil {
		return Filed{}, err
	}
	err = d.receive(ctx, types, &f, file)
	if wrong, ok := errors.AsType[*fileError](err); ok {
		err = scim.InvalidValue("%s", wrong.Error())
	}
	return f, err
}

// File tells of a file of an organisation, or returns ErrNoFile. The outcomes of lines that are
// refused come first.
func (d *Desk) File(ctx context.Context, o org.ID, id uuid.UUID) (Filed, error) {
	f, err := d.store.Find(ctx, o, id)
	slices.SortFunc(f.Outcomes, func(a, b Outcome) int {
		return cmp.Or(cmp.Compare(a.order(), b.order()), cmp.Compare(a.Line, b.Line))
	})
	return f, err
}

// order has what is refused stand first.
func (o Outcome) order() int {
	return slices.Index([]Action{Refuse, Create, Update, Unchanged}, o.Action)
}

// Files lists those of an organisation, the newest first.
func (d *Desk) Files(ctx context.Context, o org.ID) ([]Filed, error) {
	all, err := d.store.List(ctx, o)
	slices.SortFunc(all, func(a, b Filed) int { return b.Taken.Compare(a.Taken) })
	return all, err
}

// Check has the file carried out and taken back (Import.Check). The changes come from the
// origin of ctx.
func (d *Desk) Check(ctx context.Context, o org.ID, id uuid.UUID, m Mapping) error {
	return d.begin(ctx, o, id, func(f Filed) (Filed, error) {
		if f.Stage == Imported {
			return f, scim.Conflict("the file is imported already")
		}
		f = f.begun(Checking)
		f.Mapping = m
		return f, nil
	})
}

// Apply has the file imported, when it was checked and nothing in it is wrong, or has it go on
// where it was stopped.
func (d *Desk) Apply(ctx context.Context, o org.ID, id uuid.UUID) error {
	return d.begin(ctx, o, id, func(f Filed) (Filed, error) {
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

// begin has a worker of some server begin with a file.
func (d *Desk) begin(ctx context.Context, o org.ID, id uuid.UUID, begun func(f Filed) (Filed, error)) error {
	f, err := d.store.Find(ctx, o, id)
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
	if err = d.store.Put(ctx, f, was); errors.Is(err, ErrRunning) {
		return errRunning("another file")
	}
	return err
}

func errRunning(name string) error {
	return scim.Conflict("%s is checked or imported at the moment; wait for its end", name)
}

// Stop ends what goes on with a file, in a moment.
func (d *Desk) Stop(ctx context.Context, o org.ID, id uuid.UUID) error {
	if _, err := d.store.Find(ctx, o, id); err != nil {
		return err
	}
	return d.store.Stop(ctx, o, id)
}

// Remove takes a file from the desk on which nothing goes on.
func (d *Desk) Remove(ctx context.Context, o org.ID, id uuid.UUID) error {
	err := d.store.Remove(ctx, o, id)
	if errors.Is(err, ErrRunning) {
		return scim.Conflict("the file is checked or imported at the moment; stop that first")
	}
	return err
}
