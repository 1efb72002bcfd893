package transfer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/periodic"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Stage is how far the import of a file on a desk has come.
type Stage string

// The stages.
const (
	Waiting   Stage = "waiting" // for the mapping
	Checking  Stage = "checking"
	Checked   Stage = "checked" // and it may be imported, unless a line would be refused
	Importing Stage = "importing"
	Imported  Stage = "imported"
	Stopped   Stage = "stopped" // while it was imported; it may go on
)

const (
	// deskMemory is how many bytes the files of a desk take, packed, and deskFiles how many
	// there are.
	deskMemory = 128 << 20
	deskFiles  = 100
	// deskRunning is how many are checked or imported at once, of each organisation one.
	deskRunning = 2
	// deskTime is how long a file lies that nobody looks at.
	deskTime = 2 * time.Hour
	// mostRefused is how many lines that are refused are kept, and mostOthers how many of
	// each other outcome.
	mostRefused, mostOthers = 1000, 50
)

// Filed is a file on a desk as it is now.
type Filed struct {
	ID     uuid.UUID
	Name   string
	By     string // who has put it there
	Format Format
	Size   int64
	Taken  time.Time

	Stage    Stage
	Headings []Heading // of CSV
	Mapping  Mapping   // as it was told last
	// Done of about Total lines are looked at.
	Done, Total int
	Summary     Summary
	// Outcomes are those of lines, those that are refused first, as far as they are kept.
	Outcomes []Outcome
	// Problem is why it does not go on.
	Problem string
}

// Running reports whether something goes on.
func (f Filed) Running() bool { return f.Stage == Checking || f.Stage == Importing }

// ErrNoFile says that an organisation has no such file on this desk.
var ErrNoFile = errors.New("no such file")

// Desk is where the files lie that people import page by page: each is put there, mapped,
// checked and imported, while others may look how far it is. It lives in the memory of one
// server, and so do the files.
type Desk struct {
	directory *directory.Directory
	log       *slog.Logger
	ctx       context.Context
	stop      context.CancelFunc
	work      sync.WaitGroup

	mu    sync.Mutex // guards what follows, and the files
	files map[uuid.UUID]*filed
}

type filed struct {
	Filed
	org    org.ID
	spool  spool
	looked time.Time
	cancel context.CancelFunc // of what goes on
}

// NewDesk makes an empty one.
func NewDesk(d *directory.Directory, log *slog.Logger) *Desk {
	ctx, stop := context.WithCancel(context.Background())
	return &Desk{directory: d, log: log, ctx: ctx, stop: stop, files: map[uuid.UUID]*filed{}}
}

// Run clears up until ctx ends, and then stops what goes on, which leaves nothing half done:
// who imports the file again finds what is imported already as the file says.
func (d *Desk) Run(ctx context.Context) {
	periodic.Every(ctx, time.Minute, d.log, "clear up files", func(context.Context) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.clear()
		return nil
	})
	d.stop()
	d.work.Wait()
}

// clear forgets files that nobody has looked at for long.
func (d *Desk) clear() {
	for id, f := range d.files {
		if !f.Running() && time.Since(f.looked) > deskTime {
			delete(d.files, id)
		}
	}
}

// Put puts a file on the desk, for an organisation. Its name tells the format. What is wrong
// with it is a scim.Error.
func (d *Desk) Put(ctx context.Context, o org.Org, by, name string, file io.Reader) (Filed, error) {
	f := &filed{org: o.ID, looked: time.Now(), Filed: Filed{
		ID: uuid.New(), Name: name, By: by, Format: FormatOf(name), Taken: time.Now(), Stage: Waiting,
	}}
	if f.Format == "" {
		return Filed{}, scim.InvalidValue("the name of the file, %q, ends neither in .csv nor in .jsonl", name)
	}
	err := d.read(ctx, o, f, file)
	if wrong, ok := errors.AsType[*fileError](err); ok {
		return Filed{}, scim.InvalidValue("%s", wrong.Error())
	}
	if err != nil {
		return Filed{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clear()
	held := len(f.spool.packed)
	for _, other := range d.files {
		held += len(other.spool.packed)
	}
	if held > deskMemory || len(d.files) >= deskFiles {
		return Filed{}, scim.Unavailable("too many files wait to be imported at the moment")
	}
	d.files[f.ID] = f
	return f.Filed, nil
}

func (d *Desk) read(ctx context.Context, o org.Org, f *filed, file io.Reader) (err error) {
	if f.spool, err = spoolOf(file); err != nil {
		return err
	}
	f.Size, f.Total = f.spool.size, f.spool.lines
	if f.Format != CSV {
		return nil
	}
	f.Total = max(0, f.Total-1) // for the header
	types, err := d.directory.TypesOf(ctx, o)
	if err != nil {
		return err
	}
	text, err := f.spool.open()
	if err != nil {
		return err
	}
	if f.Headings, err = Headings(text, types.Of(schema.User)); err != nil {
		return &fileError{err}
	}
	return nil
}

// File tells of a file of an organisation, or returns ErrNoFile.
func (d *Desk) File(o org.ID, id uuid.UUID) (Filed, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, err := d.find(o, id)
	if err != nil {
		return Filed{}, err
	}
	f.looked = time.Now()
	now := f.Filed
	now.Outcomes = slices.Clone(f.Outcomes)
	slices.SortFunc(now.Outcomes, func(a, b Outcome) int {
		return cmp.Or(cmp.Compare(a.order(), b.order()), cmp.Compare(a.Line, b.Line))
	})
	now.Summary.Actions = maps.Clone(f.Summary.Actions)
	return now, nil
}

func (d *Desk) find(o org.ID, id uuid.UUID) (*filed, error) {
	f, ok := d.files[id]
	if !ok || f.org != o {
		return nil, ErrNoFile
	}
	return f, nil
}

// Files lists those of an organisation, the newest first.
func (d *Desk) Files(o org.ID) (all []Filed) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.files {
		if f.org == o {
			now := f.Filed
			now.Outcomes, now.Summary.Actions = nil, nil
			all = append(all, now)
		}
	}
	slices.SortFunc(all, func(a, b Filed) int { return b.Taken.Compare(a.Taken) })
	return all
}

// Check begins to carry the file out and to take it back (Import.Check). The changes come
// from the origin of ctx.
func (d *Desk) Check(ctx context.Context, o org.Org, id uuid.UUID, m Mapping) error {
	return d.begin(ctx, o, id, Checking, func(f *filed) error {
		if f.Stage == Imported {
			return scim.Conflict("the file is imported already")
		}
		f.Mapping = m
		return nil
	})
}

// Apply begins to import the file, when it was checked and nothing in it is wrong, or goes on.
func (d *Desk) Apply(ctx context.Context, o org.Org, id uuid.UUID) error {
	return d.begin(ctx, o, id, Importing, func(f *filed) error {
		if f.Stage != Stopped && (f.Stage != Checked || f.Summary.Actions[Refuse] > 0) {
			return scim.Conflict("the file is imported when it was checked and no line of it would be refused")
		}
		return nil
	})
}

func (d *Desk) begin(ctx context.Context, o org.Org, id uuid.UUID, stage Stage, may func(f *filed) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, err := d.find(o.ID, id)
	if err != nil {
		return err
	}
	running := 0
	for _, other := range d.files {
		if other.Running() {
			if running++; other.org == o.ID {
				return scim.Conflict("%s is checked or imported at the moment; wait for its end", other.Name)
			}
		}
	}
	if running >= deskRunning {
		return scim.Unavailable("files of others are imported at the moment")
	}
	if err := may(f); err != nil {
		return err
	}
	f.Stage, f.Done, f.Summary, f.Outcomes, f.Problem = stage, 0, Summary{Actions: map[Action]int{}}, nil, ""
	origin := provisioning.OriginOf(ctx)
	origin.CorrelationID, origin.Began = f.ID.String(), time.Time{}
	working, cancel := context.WithCancel(provisioning.From(d.ctx, &origin))
	f.cancel, f.looked = cancel, time.Now()
	i := &Import{Directory: d.directory, Org: o, Format: f.Format, Mapping: f.Mapping, Tell: func(out Outcome) { d.tell(f, out) }}
	d.work.Go(func() {
		defer cancel()
		d.finish(working, f, stage, i)
	})
	return nil
}

// tell notes what becomes of a line.
func (d *Desk) tell(f *filed, out Outcome) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f.Done++
	f.Summary.Lines++
	f.Summary.Actions[out.Action]++
	if n := f.Summary.Actions[out.Action]; n <= mostOthers || out.Action == Refuse && n <= mostRefused {
		f.Outcomes = append(f.Outcomes, out)
	}
}

// finish reads the file once and notes what came of it.
func (d *Desk) finish(ctx context.Context, f *filed, stage Stage, i *Import) {
	work, next, back := i.Check, Checked, Waiting
	if stage == Importing {
		work, next, back = i.Apply, Imported, Stopped
	}
	var summary Summary
	text, err := f.spool.open()
	if err == nil {
		if summary, err = work(ctx, text); err == nil {
			err = ctx.Err() // it may have been stopped between two lines
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	f.looked = time.Now()
	if err == nil {
		if f.Stage, f.Summary = next, summary; next == Imported {
			f.spool.packed = nil
		}
		return
	}
	f.Stage, f.Problem = back, "the server could not go on; try again in some minutes"
	told, isTold := errors.AsType[*scim.Error](err)
	wrong, isWrong := errors.AsType[*fileError](err)
	switch {
	case ctx.Err() != nil:
		f.Problem = fmt.Sprintf("it was stopped after %d lines", f.Done)
	case isWrong:
		f.Problem = wrong.Error()
	case isTold && told.Status < 500:
		f.Problem = told.Detail
	default:
		d.log.WarnContext(ctx, "import stopped", "file", f.ID, "error", err)
	}
}

// Stop ends what goes on with a file.
func (d *Desk) Stop(o org.ID, id uuid.UUID) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, err := d.find(o, id)
	if err == nil && f.Running() {
		f.cancel()
	}
	return err
}

// Remove takes a file from the desk on which nothing goes on.
func (d *Desk) Remove(o org.ID, id uuid.UUID) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, err := d.find(o, id)
	if err != nil {
		return err
	}
	if f.Running() {
		return scim.Conflict("%s is checked or imported at the moment; stop that first", f.Name)
	}
	delete(d.files, id)
	return nil
}

// order has what is refused stand first.
func (o Outcome) order() int {
	return slices.Index([]Action{Refuse, Create, Update, Unchanged}, o.Action)
}
