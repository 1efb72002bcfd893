package directory

import (
	"errors"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// The limits of what is stored. They are checked when something is written; what is
// larger already can be read, and be made smaller.
const (
	// MaxDocument is how many bytes a user may have, or a group without its members, as
	// JSON.
	MaxDocument = 256 << 10
	// MaxRole is how many bytes what a role permits may have, as JSON.
	MaxRole = 64 << 10
	// MaxDescription is how many bytes a description may have.
	MaxDescription = 2000
	// PlatformBytes is how many bytes of documents, descriptions and details are read for
	// a page of the platform, about.
	PlatformBytes = 2 << 20
	// MaxEntries is how many entries of a kind an organisation may have.
	MaxEntries = 5000
)

// ErrFull is what a store answers to a new entry of a kind that has MaxEntries.
var ErrFull = errors.New("there are as many entries of the kind as may be")

// checkDocument returns invalidValue for a document that is larger than MaxDocument,
// unless it is no larger than the one of before.
func checkDocument(t *schema.Type, old, doc scim.Document) error {
	if jsonAtMost(map[string]any(doc)) <= MaxDocument {
		return nil
	}
	size := len(t.Encode(doc))
	if size <= MaxDocument || old != nil && size <= len(t.Encode(old)) {
		return nil
	}
	largest, most := t.Core.Attributes[0], 0
	for a := range t.Attributes {
		if n := jsonAtMost(a.Get(doc)); n > most {
			largest, most = a, n
		}
	}
	return scim.InvalidValue("the %s would have %d bytes, and at most %d are allowed; %s has the most of them", t.Name, size, MaxDocument, largest)
}

// jsonAtMost tells how many bytes a value has at most as JSON, for less than it costs to
// write it.
func jsonAtMost(value any) int {
	const escape, punctuation, number = 6, 4, 32
	switch v := value.(type) {
	case string:
		return escape*len(v) + punctuation
	case map[string]any:
		n := punctuation
		for name, member := range v {
			n += len(name) + punctuation + jsonAtMost(member)
		}
		return n
	case []any:
		n := punctuation
		for _, element := range v {
			n += punctuation + jsonAtMost(element)
		}
		return n
	default:
		return number
	}
}

// checkDescription returns invalidValue for a description that is too long, unless it
// is no longer than that of before.
func checkDescription(old, description string) error {
	if n := len(description); n > MaxDescription && n > len(old) {
		return scim.InvalidValue("description has %d bytes, and at most %d are allowed", n, MaxDescription)
	}
	return nil
}

// checkSize returns invalidValue for an entry that is too large, unless it is no larger
// than that of before.
func (e Entry) checkSize(old Entry) error {
	if n := len(e.Detail); n > MaxRole && n > len(old.Detail) {
		return scim.InvalidValue("permissions and permissionPolicies have %d bytes together, as JSON, and at most %d are allowed", n, MaxRole)
	}
	return checkDescription(old.Description, e.Description)
}

// explainFull tells the client of ErrFull.
func explainFull(kind Kind, err error) error {
	if errors.Is(err, ErrFull) {
		return scim.InvalidValue("name: the organisation has %d entries of the kind %s, and no more are allowed; delete some that nobody refers to", MaxEntries, kind).Because(err)
	}
	return err
}
