package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/printable"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// maxName bounds the names of groups and of the catalogue, in bytes.
const maxName = 500

// CreateEntry adds a role, division, skill or language that users can refer to.
func (d *Directory) CreateEntry(ctx context.Context, o org.Org, e Entry) (Entry, error) {
	if err := checkName(e.Name); err != nil {
		return Entry{}, err
	}
	e.Name = schema.TrimName(e.Name)
	if err := e.checkSize(Entry{}); err != nil {
		return Entry{}, err
	}
	made, err := d.store.Org(o.ID).CreateEntry(ctx, newEntry(d.store, e))
	return made, explainFull(e.Kind, err)
}

// Entry reads one entry of a kind.
func (d *Directory) Entry(ctx context.Context, o org.Org, kind Kind, id string) (Entry, error) {
	u, ok := exactID(id)
	if !ok {
		return Entry{}, noEntry(kind, id)
	}
	e, err := d.store.Org(o.ID).Entry(ctx, kind, u)
	return e, explainEntry(kind, id, err)
}

// HomeDivision is the built-in division.
func (d *Directory) HomeDivision(ctx context.Context, o org.Org) (Entry, error) {
	found, err := d.store.Org(o.ID).EntriesByName(ctx, Division, []string{homeDivision})
	if err == nil && len(found) != 1 {
		err = fmt.Errorf("the organisation %s has %d home divisions", o.ID, len(found))
	}
	if err != nil {
		return Entry{}, err
	}
	return found[0], nil
}

// ListEntries reads one page of the entries of a kind, by name, and the exact total.
func (d *Directory) ListEntries(ctx context.Context, o org.Org, q EntryQuery) ([]Entry, int, error) {
	return d.store.Org(o.ID).ListEntries(ctx, q)
}

// CountUsers tells how many users refer to each of some entries of a kind, counting to most;
// 0 counts all.
func (d *Directory) CountUsers(ctx context.Context, o org.Org, kind Kind, most int, entries ...Entry) ([]int, error) {
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name
	}
	return d.store.Org(o.ID).CountUsers(ctx, kind, names, most)
}

// UpdateEntry changes name, description and detail by a function, which is given the
// current entry and may refuse. A new name is written into all users who refer to the
// entry, in the same transaction. Built-in entries keep
// their names, and the role that may do everything keeps doing so.
func (d *Directory) UpdateEntry(ctx context.Context, o org.Org, kind Kind, id string, edit func(e *Entry) error) (Entry, error) {
	u, ok := exactID(id)
	if !ok {
		return Entry{}, noEntry(kind, id)
	}
	change := EntryChange{
		Edit: func(e *Entry) error {
			old := *e
			if err := edit(e); err != nil {
				return err
			}
			err := checkEdit(old, *e)
			if e.Name != old.Name {
				e.Name = schema.TrimName(e.Name)
			}
			return err
		},
		Rename: func(user scim.Document, from, to string) { Respell(kind, user, from, to) },
	}
	e, err := asDeclared(ctx, d, o, schema.User, func(t *schema.Type) (Entry, error) {
		return d.store.Org(o.ID).UpdateEntry(ctx, t, kind, u, change)
	})
	return e, explainEntry(kind, id, err)
}

func checkEdit(old, e Entry) error {
	if e.Name != old.Name {
		if err := checkName(e.Name); err != nil {
			return err
		}
	}
	if err := e.checkSize(old); err != nil {
		return err
	}
	if e.Name != old.Name && old.BuiltIn() {
		return scim.Conflict("name: %q is built in, and the %s cannot be renamed", old.Name, old.Kind)
	}
	if old.Kind == Role && schema.FoldName(old.Name) == adminRole && !sameDetail(old, e) {
		return scim.Conflict("permissions and permissionPolicies of the role %q cannot be changed: it may do everything, "+
			"so that nobody locks everyone out; create another role", old.Name)
	}
	return nil
}

// DeleteEntry deletes an entry that is neither built in nor in use.
func (d *Directory) DeleteEntry(ctx context.Context, o org.Org, kind Kind, id string) error {
	u, ok := exactID(id)
	if !ok {
		return noEntry(kind, id)
	}
	var name string
	err := d.store.Org(o.ID).DeleteEntry(ctx, kind, u, func(e Entry) error {
		if name = e.Name; e.BuiltIn() {
			return scim.Conflict("the %s %q is built in and cannot be deleted", kind, name)
		}
		return nil
	})
	if use := (*InUseError)(nil); errors.As(err, &use) {
		return scim.Conflict("the %s %q cannot be deleted: %d users and %d OAuth clients refer to it", kind, name, use.Users, use.Clients)
	}
	return explainEntry(kind, id, err)
}

func noEntry(kind Kind, id string) error {
	return scim.NotFound("the %s %q does not exist", kind, id)
}

func explainEntry(kind Kind, id string, err error) error {
	if errors.Is(err, ErrNotFound) {
		return noEntry(kind, id)
	}
	return err
}

// Respell changes one name in the document of a user, whatever its case there. A
// name that the user has in several spellings is one afterwards.
func Respell(kind Kind, user scim.Document, from, to string) {
	a, key := kind.Attribute(), schema.FoldName(from)
	if a.Parent() == nil {
		if schema.FoldName(a.Text(user)) == key {
			a.Set(user, to)
		}
		return
	}
	renamed := false
	elements := slices.DeleteFunc(slices.Clone(a.Parent().Values(user)), func(v any) bool {
		element, _ := v.(map[string]any)
		if schema.FoldName(text(element[a.Name])) != key {
			return false
		}
		again := renamed
		renamed, element[a.Name] = true, to
		return again
	})
	a.Parent().Set(user, elements)
}

// sameDetail compares what two states of an entry say in JSON, however it is
// written.
func sameDetail(a, b Entry) bool {
	var before, after any
	return json.Unmarshal(a.Detail, &before) == nil && json.Unmarshal(b.Detail, &after) == nil && reflect.DeepEqual(before, after)
}

// SameAs reports whether an edit has changed nothing.
func (e Entry) SameAs(old Entry) bool {
	return e.Name == old.Name && e.Description == old.Description && sameDetail(e, old)
}

// BuiltIn reports whether every organisation has the entry from the start.
func (e Entry) BuiltIn() bool {
	return slices.ContainsFunc(builtIn, func(b Entry) bool {
		return b.Kind == e.Kind && schema.FoldName(b.Name) == schema.FoldName(e.Name)
	})
}

// Names that the rules know; the built-in entries cannot lose theirs.
const (
	adminRole    = "admin"
	homeDivision = "home"
)

// IsHome reports whether the entry is the built-in division.
func (e Entry) IsHome() bool { return e.Kind == Division && schema.FoldName(e.Name) == homeDivision }

// newEntry completes an entry that is about to be stored for the first time.
func newEntry(clock Clock, e Entry) Entry {
	e.ID = clock.NewID()
	e.Version = 1
	e.Created = clock.Now().Truncate(time.Millisecond) // as it is stored
	e.Modified = e.Created
	if len(e.Detail) == 0 {
		e.Detail = []byte("{}")
	}
	return e
}

func checkName(name string) error {
	switch {
	case !printable.Is(name):
		return scim.InvalidValue("name may hold no control characters, line ends or marks of direction, as %q does", name)
	case schema.IsBlank(name):
		return scim.InvalidValue("name is required and may not be blank")
	case len(name) > maxName, !schema.GroupName.Fits(name):
		return scim.InvalidValue("name is longer than the %d bytes allowed; a few characters count more than once", maxName)
	default:
		return nil
	}
}

func checkWord(attribute, word string, allowed ...string) error {
	if !slices.Contains(allowed, word) {
		return scim.InvalidValue("%s: %q is not allowed; one of %s is expected", attribute, word, strings.Join(allowed, ", "))
	}
	return nil
}
