package transfer

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"iter"
	"sync"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Action is what an import does with a line.
type Action string

// The actions.
const (
	Create    Action = "create"
	Update    Action = "update"
	Unchanged Action = "unchanged"
	Refuse    Action = "refuse"
)

// Outcome is what becomes of one line of a file.
type Outcome struct {
	Line   int    `json:"line"`
	Name   string `json:"name,omitempty"`
	Action Action `json:"action"`
	Error  string `json:"error,omitempty"` // of a line that is refused
	// Instead is what was told of the line before, when it turns out that its manager is
	// nobody; "" of a line that is told once.
	Instead Action `json:"-"`
}

// Summary counts the outcomes of a file, and the memberships that it adds.
type Summary struct {
	Lines       int            `json:"lines"`
	Actions     map[Action]int `json:"actions"`
	Memberships int            `json:"memberships"`
}

// Import is a file on its way into an organisation.
type Import struct {
	Directory *directory.Directory
	Org       org.Org
	Format    Format
	Mapping   Mapping
	// From is the first line that is looked at; those before it were imported already.
	From int
	// Begun is how far an earlier run of the same file has come: it goes on there.
	Begun Progress
	// Tell, if not nil, is called with the outcome of each line, one at a time, in any order,
	// and with the number of lines that have had that outcome so far.
	Tell func(o Outcome, n int)
	// Keep, if not nil, is called from time to time with the progress that is stored for good.
	Keep func(ctx context.Context, done Progress) error
	// Earlier, if not nil, returns what an interrupted run did to a resource that is already
	// as the file says: the last steps of that run may be missing in its stored progress.
	Earlier func(ctx context.Context, target uuid.UUID) (Action, error)
}

// Check is a dry run of every line, so that an import which would stop in the middle never
// begins. Faults of lines go to Tell and are counted; an error is one of the file or of the
// database. When ctx ends no further line is begun, and lines under way have a moment to
// finish.
func (i *Import) Check(ctx context.Context, file io.Reader) (Summary, error) {
	return i.run(ctx, file, true)
}

// Apply imports the lines. Existing people are changed to what the file says and keep what it
// does not mention; those who are that way already are left alone. So a file that was stopped
// in the middle may be imported again as a whole. It ends as Check does.
func (i *Import) Apply(ctx context.Context, file io.Reader) (Summary, error) {
	return i.run(ctx, file, false)
}

func (i *Import) run(ctx context.Context, file io.Reader, try bool) (Summary, error) {
	types, err := i.Directory.TypesOf(ctx, i.Org)
	if err != nil {
		return Summary{}, err
	}
	r := &running{
		Import: i, try: try, seed: maphash.MakeSeed(),
		seen: map[uint64]int{}, groups: map[string]directory.Record{}, members: map[string][]string{},
		summary: i.Begun.clone().Summary,
	}
	s, cancel := r.newSteps(ctx)
	defer cancel()
	late, err := r.people(s, read(file, i.Format, types.Of(schema.User), i.Mapping))
	if err == nil {
		err = r.finishAll(s, late)
	}
	return r.summary, err
}

// people does the steps of all lines. It gives back what has to be done of them when all
// people are there: groups and managers may name those who are further down.
func (r *running) people(s *steps, records iter.Seq2[record, error]) (late []record, err error) {
	for rec, err := range records {
		if wrong, ok := errors.AsType[*fileError](err); ok {
			return nil, errors.Join(wrong, s.workers.Wait())
		}
		if rec.line < r.From {
			continue
		}
		if err == nil {
			err = r.once(rec)
		}
		again := s.isAgain()
		do := func(ctx context.Context) error { return r.person(ctx, rec, again) }
		switch {
		case err != nil:
			do = func(context.Context) error {
				r.tell(rec, Refuse, err)
				return nil
			}
		case rec.group:
			late, do = append(late, rec), func(context.Context) error { return nil }
		case rec.manager != "":
			rec.told = new(Action)
			late = append(late, record{line: rec.line, name: rec.name, manager: rec.manager, told: rec.told}) // of many, no more than is needed
		}
		if err := s.do(rec.size, do); err != nil {
			return nil, err
		}
	}
	return late, s.end()
}

// finishAll does what needs people who may be on any line: managers side by side, then the
// groups, one by one.
func (r *running) finishAll(s *steps, late []record) error {
	for _, rec := range late {
		if !rec.group {
			if err := s.do(0, func(ctx context.Context) error { return r.lead(ctx, rec) }); err != nil {
				return err
			}
		}
	}
	if err := s.end(); err != nil {
		return err
	}
	for _, rec := range late {
		if rec.group {
			again := s.isAgain()
			if err := errors.Join(s.do(0, func(ctx context.Context) error { return r.fill(ctx, rec, again) }), s.end()); err != nil {
				return err
			}
		}
	}
	return nil
}

// running is one pass over a file.
type running struct {
	*Import
	try  bool
	seed maphash.Seed
	// seen are the lines by the hash of the name that is on them.
	seen map[uint64]int

	mu      sync.Mutex // guards what follows
	groups  map[string]directory.Record
	members map[string][]string // to be added to a group, by its id
	summary Summary
}

// once refuses a name that an earlier line has.
func (r *running) once(rec record) error {
	kind := "person "
	if rec.group {
		kind = "group "
	}
	key := maphash.String(r.seed, kind+schema.FoldName(rec.name))
	if line, ok := r.seen[key]; ok {
		return fmt.Errorf("line %d has the same name", line)
	}
	r.seen[key] = rec.line
	return nil
}

// has reports whether a line of the file has a person.
func (r *running) has(userName string) bool {
	_, ok := r.seen[maphash.String(r.seed, "person "+schema.FoldName(userName))]
	return ok
}

func (r *running) tell(rec record, a Action, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := Outcome{Line: rec.line, Name: rec.name, Action: a}
	if wrong, ok := errors.AsType[*scim.Error](err); ok {
		o.Error = wrong.Detail
	} else if err != nil {
		o.Error = err.Error()
	}
	if rec.told != nil {
		o.Instead, *rec.told = *rec.told, a
	}
	if r.summary.Actions[a]++; o.Instead == "" {
		r.summary.Lines++
	} else if r.summary.Actions[o.Instead]--; r.summary.Actions[o.Instead] <= 0 {
		delete(r.summary.Actions, o.Instead)
	}
	if r.Tell != nil {
		r.Tell(o, r.summary.Actions[a])
	}
}

// attempt is the context of a write: of one that is taken back, when the file is checked.
// What the write notes about its origin is its own, for others are under way.
func (r *running) attempt(ctx context.Context) context.Context {
	origin := provisioning.OriginOf(ctx)
	ctx = provisioning.WithOrigin(ctx, &origin)
	if r.try {
		return provisioning.WithAttempt(ctx, &provisioning.Attempt{DryRun: true})
	}
	return ctx
}
