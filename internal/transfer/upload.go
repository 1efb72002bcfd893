package transfer

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
)

// Stage is how far the import of an upload has come.
type Stage string

// The stages.
const (
	Arriving  Stage = "arriving" // it is being uploaded, and nobody sees it
	Waiting   Stage = "waiting"  // for the mapping
	Checking  Stage = "checking"
	Checked   Stage = "checked" // and it may be imported, unless a line would be refused
	Importing Stage = "importing"
	Imported  Stage = "imported"
	Stopped   Stage = "stopped" // while it was imported; it may go on
)

const (
	// MaxFiles is how many uploads an organisation may have that are not imported yet.
	MaxFiles = 10
	// MaxListed is how many files, and reports of those that are imported, a list has.
	MaxListed = 50
)

// Upload is a file to be imported, and how far that has come. Fields that are not in the
// JSON have columns of their own.
type Upload struct {
	ID       uuid.UUID `json:"-"`
	Org      org.ID    `json:"-"`
	Stage    Stage     `json:"-"`
	Stopping bool      `json:"-"` // somebody asked for its end
	Held     bool      `json:"-"` // a server has the lease
	Done     int       `json:"-"` // of about Total lines that were looked at

	Name   string
	By     string // who uploaded it
	Format Format
	Size   int64
	Parts  int
	Taken  time.Time
	Total  int

	Headings []Heading // of CSV
	Mapping  Mapping   // as it was told last
	// Progress is what is stored for good. Whoever continues does again what came after it.
	Progress Progress
	// Outcomes are those of lines, as far as they are kept.
	Outcomes []Outcome
	// Problem is why it does not go on.
	Problem string
	// Origin is that of its changes.
	Origin provisioning.Origin
}

// Running reports whether something goes on.
func (f Upload) Running() bool { return f.Stage == Checking || f.Stage == Importing }

// Summary counts what has become of lines.
func (f Upload) Summary() Summary { return f.Progress.Summary }

// clone is a copy that does not change with f.
func (f Upload) clone() Upload {
	f.Progress, f.Outcomes = f.Progress.clone(), slices.Clone(f.Outcomes)
	return f
}

// begun is f at the beginning of a stage.
func (f Upload) begun(s Stage) Upload {
	f.Stage, f.Done, f.Progress, f.Outcomes = s, 0, Progress{}, nil
	return f
}

// The reasons for which a store does not do what it is asked for.
var (
	// ErrNoFile says that the organisation has no such file, or not at that stage.
	ErrNoFile = errors.New("no such file")
	// ErrRunning says that a file of the organisation is checked or imported.
	ErrRunning = errors.New("a file is checked or imported")
	// ErrLost says that a worker does not hold an import, or not any more.
	ErrLost = errors.New("the import is in the hands of another server, or was removed")
)

// Store keeps uploads until they are imported, and their reports.
type Store interface {
	Files
	Leases
}

// Files is the part of a Store that shows uploads and starts work on them.
type Files interface {
	// Now is the time of all servers.
	Now() time.Time
	// Add keeps an import whose file arrives. More than MaxFiles are a *scim.Error.
	Add(ctx context.Context, f Upload) error
	// AddPart keeps a part of its file, the first of which is 0; Part reads one.
	AddPart(ctx context.Context, f Upload, n int, content []byte) error
	Part(ctx context.Context, f Upload, n int) ([]byte, error)
	// Find reads an import that has arrived, or returns ErrNoFile; List reads the
	// MaxListed of an organisation with which somebody went on last.
	Find(ctx context.Context, o org.ID, id uuid.UUID) (Upload, error)
	List(ctx context.Context, o org.ID) ([]Upload, error)
	// Put stores an import that no worker holds, if it is at a stage; otherwise the error is
	// ErrNoFile. One import of an organisation may run: for another the error is ErrRunning.
	Put(ctx context.Context, f Upload, was Stage) error
	// Stop asks the worker of an import to stop.
	Stop(ctx context.Context, o org.ID, id uuid.UUID) error
	// Remove removes an import with its file, or returns ErrNoFile or ErrRunning.
	Remove(ctx context.Context, o org.ID, id uuid.UUID) error
	// Forget removes imports that were left alone since a time.
	Forget(ctx context.Context, before time.Time) error
}

// Leases is the part of a Store for workers. A worker holds a running import by a lease;
// without it, all that the worker does with the import returns ErrLost.
type Leases interface {
	// Take leases a running import that is not held to a worker, with its organisation;
	// ErrNoFile when there is none.
	Take(ctx context.Context, worker uuid.UUID, lease time.Duration) (Upload, org.Org, error)
	// Renew extends the lease, stores how many lines were looked at, and reports whether the
	// worker is asked to stop.
	Renew(ctx context.Context, worker uuid.UUID, f Upload, lease time.Duration) (stopping bool, err error)
	// Keep stores the progress for good, and extends the lease; a lease of 0 ends it.
	Keep(ctx context.Context, worker uuid.UUID, f Upload, lease time.Duration) error
	// Finish stores the stage at which an import has ended, and lets go of it. The file of one
	// that is imported goes.
	Finish(ctx context.Context, worker uuid.UUID, f Upload) error
}

// Progress is how far an import has come: how many of its steps are done for good, and what
// has become of them. People come first, a step for each line of the file; then their
// managers; then the groups.
type Progress struct {
	Steps   int
	Summary Summary
}

func (p Progress) clone() Progress {
	if p.Summary.Actions = maps.Clone(p.Summary.Actions); p.Summary.Actions == nil {
		p.Summary.Actions = map[Action]int{}
	}
	return p
}
