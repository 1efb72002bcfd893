// Package transfer moves people, groups and memberships as files, in and out of an
// organisation: CSV, for spreadsheets, and JSON Lines, for programs. What was exported can be
// imported again. Files that are uploaded in the console are imported in the background; the
// store that keeps them is declared here.
//
// What a person or a group may be, it leaves to directory; the entries of the
// provisioning log, to provisioning; how files come, and who may, to the doors.
package transfer

import (
	"context"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
)

// Format is how a file is written.
type Format string

// The formats.
const (
	CSV       Format = "csv"
	JSONLines Format = "jsonl"
)

// FormatOf is the format that the name of a file tells, or "".
func FormatOf(name string) Format {
	for suffix, format := range map[string]Format{".csv": CSV, ".jsonl": JSONLines, ".ndjson": JSONLines} {
		if len(name) > len(suffix) && schema.Fold(name[len(name)-len(suffix):]) == suffix {
			return format
		}
	}
	return ""
}

// find looks a resource up by its name, in any spelling that is the same name.
func find(ctx context.Context, d *directory.Directory, o org.Org, t *schema.Type, name *schema.Attribute, value string) (directory.Record, bool, error) {
	found, err := d.List(ctx, o, t, directory.ListRequest{
		Filter: name.Name + " eq " + filter.Literal(value), HasFilter: true, Start: 1, Count: 1,
		Projection: t.Project([]string{name.Name}, nil),
	})
	if err != nil || len(found.Records) == 0 {
		return directory.Record{}, false, err
	}
	return found.Records[0], true, nil
}

// isID reports whether a text is the id of something, and not a name.
func isID(text string) bool {
	_, err := uuid.Parse(text)
	return err == nil
}
