package directory

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// maxName bounds the names of groups and of the catalogue, in bytes.
const maxName = 500

// CreateEntry adds a role, division, skill or language that users can refer to.
func (d *Directory) CreateEntry(ctx context.Context, o org.Org, e Entry) (Entry, error) {
	if err := checkName("name", e.Name); err != nil {
		return Entry{}, err
	}
	return d.store.Org(o.ID).CreateEntry(ctx, newEntry(e))
}

// newEntry completes an entry that is about to be stored for the first time.
func newEntry(e Entry) Entry {
	e.ID = uuid.Must(uuid.NewV7())
	e.Version = 1
	e.Created = now()
	e.Modified = e.Created
	if len(e.Detail) == 0 {
		e.Detail = []byte("{}")
	}
	return e
}

// CreateGroup makes a group. Groups are made here, by the platform's API, the
// command line or the console, and never through SCIM.
func (d *Directory) CreateGroup(ctx context.Context, o org.Org, name string, g Group) (Record, error) {
	if err := checkName("name", name); err != nil {
		return Record{}, err
	}
	if err := checkWord("type", g.Type, "official", "social"); err != nil {
		return Record{}, err
	}
	if err := checkWord("visibility", g.Visibility, "public", "owners", "members"); err != nil {
		return Record{}, err
	}
	doc := scim.Document{}
	schema.ID.Set(doc, uuid.Must(uuid.NewV7()).String())
	schema.GroupName.Set(doc, name)
	record, err := d.store.Org(o.ID).CreateGroup(ctx, d.groups(), g, Edit{Doc: doc})
	return record, explain(d.groups(), "", err)
}

func checkName(attribute, name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return scim.InvalidValue("%s is required and may not be blank", attribute)
	case len(name) > maxName:
		return scim.InvalidValue("%s is longer than the %d bytes allowed", attribute, maxName)
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

// now is the time as it is stored: UTC, in milliseconds.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
