package chaos

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"
)

// Outcome is what is known of a write.
type Outcome int

// The outcomes of writes.
const (
	Acknowledged Outcome = iota // it was answered with success
	Refused                     // it was answered with a refusal: it was not carried out
	Unknown                     // it may have been carried out, or be carried out still
)

// Write is one write of a key. A key has one writer, which numbers its writes from 1 and
// makes each only on the version that it has seen last; so what is stored only rises.
type Write struct {
	Key        string
	N          int
	Version    int // that was answered
	Gone       bool
	Outcome    Outcome
	Begin, End time.Time
	Answer     string // in words
}

// Read is one read of a key: the number that was found in each of two places that one write
// changes, or that there is no such key.
type Read struct {
	Key        string
	N, Twin    int
	Version    int
	Modified   time.Time
	Groups     []string
	Gone       bool
	Ahead      bool // it may be of a standby, which shows what the primary does not show yet
	Begin, End time.Time
}

// History is what clients saw. It is safe for concurrent use.
type History struct {
	mu      sync.Mutex
	writes  map[string][]Write // of users
	reads   map[string][]Read
	changes map[string][]GroupWrite
	found   map[string][]GroupRead
	ids     map[string]string // each id once
}

// NewHistory makes a history of nothing.
func NewHistory() *History {
	return &History{
		writes: map[string][]Write{}, reads: map[string][]Read{},
		changes: map[string][]GroupWrite{}, found: map[string][]GroupRead{}, ids: map[string]string{},
	}
}

// Wrote notes a write that has ended, however.
func (h *History) Wrote(w Write) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.writes[w.Key] = append(h.writes[w.Key], w)
}

// Saw notes a read that was answered.
func (h *History) Saw(r Read) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r.Groups = h.once(r.Groups)
	h.reads[r.Key] = append(h.reads[r.Key], r)
}

// Keep writes all that is known into a file, a line for each write and read.
func (h *History) Keep(file string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	to := json.NewEncoder(out)
	for key, list := range h.writes {
		err = errors.Join(err, keep(to, list), keep(to, h.reads[key]))
	}
	for group, list := range h.changes {
		err = errors.Join(err, keep(to, list), keep(to, h.found[group]))
	}
	return err
}

func keep[T any](to *json.Encoder, list []T) error {
	for _, one := range list {
		if err := to.Encode(one); err != nil {
			return err
		}
	}
	return nil
}

// Count tells how many writes have an outcome, and how many reads there are.
func (h *History) Count(o Outcome) (writes, reads int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, list := range h.writes {
		for _, w := range list {
			if w.Outcome == o {
				writes++
			}
		}
	}
	for _, list := range h.changes {
		for _, w := range list {
			if w.Outcome == o {
				writes++
			}
		}
	}
	for _, list := range h.reads {
		reads += len(list)
	}
	for _, list := range h.found {
		reads += len(list)
	}
	return writes, reads
}

// Check lists what no correct server can have shown: a write that was acknowledged and is
// not there, one that nobody made or that was refused, a read that is older than what was
// seen before it, half of a write, one version of two contents, a later
// version that was modified before, and a membership that is
// seen from one side only.
func (h *History) Check() (faults []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for key, reads := range h.reads {
		slices.SortFunc(reads, func(a, b Read) int { return a.End.Compare(b.End) })
		for i, r := range reads {
			for _, fault := range judge(r, h.writes[key], reads[:i]) {
				faults = append(faults, fmt.Sprintf("%s: read %d (version %d, gone %v): %s", key, r.N, r.Version, r.Gone, fault))
			}
		}
	}
	faults = slices.Concat(faults, h.checkGroups(), h.checkViews())
	slices.Sort(faults)
	return faults
}

// judge compares a read with the writes of its key, and with the reads that ended before.
func judge(r Read, writes []Write, before []Read) (faults []string) {
	n := r.N
	made := false
	for _, w := range writes {
		if r.Gone && w.Gone && w.Outcome != Refused {
			n, made = w.N, true
		}
		made = made || w.N == r.N && !w.Gone && !r.Gone && w.Outcome != Refused && w.Begin.Before(r.End)
		if w.Outcome == Acknowledged && w.Version != 0 && w.Version == r.Version && w.N != n {
			faults = append(faults, fmt.Sprintf("the version was answered to write %d", w.N))
		}
	}
	if !made {
		faults = append(faults, "nobody wrote that")
	}
	if !r.Gone && r.N != r.Twin {
		faults = append(faults, fmt.Sprintf("half of a write: the other half is of %d", r.Twin))
	}
	for _, w := range writes {
		if w.Outcome == Acknowledged && w.End.Before(r.Begin) && w.N > n {
			faults = append(faults, fmt.Sprintf("write %d was acknowledged before", w.N))
		}
	}
	for _, earlier := range before {
		switch {
		case r.Gone || earlier.Gone && (earlier.Ahead || !earlier.End.Before(r.Begin)):
		case earlier.Version <= r.Version && earlier.Modified.After(r.Modified):
			faults = append(faults, fmt.Sprintf("version %d was modified later", earlier.Version))
		case earlier.Version == r.Version && earlier.N != r.N:
			faults = append(faults, fmt.Sprintf("the same version had %d", earlier.N))
		case earlier.End.Before(r.Begin) && !earlier.Ahead && (earlier.Gone || cmp.Or(cmp.Compare(earlier.Version, r.Version), cmp.Compare(earlier.N, r.N)) > 0):
			faults = append(faults, fmt.Sprintf("read %d (version %d, gone %v) was before", earlier.N, earlier.Version, earlier.Gone))
		}
	}
	return faults
}
