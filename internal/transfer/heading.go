package transfer

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/purescim/purescim/internal/schema"
)

// Heading is one column of a file, for choosing the attribute of its cells.
type Heading struct {
	Text string
	// Path is where the heading tells that they go; "" is nowhere, and Known that the
	// heading says so.
	Path  string
	Known bool
	// Examples are its first cells.
	Examples []string
}

const (
	exampleRows = 3
	mostColumns = 300
	// mostOfHeading and mostOfExample are how many bytes there are of each text.
	mostOfHeading, mostOfExample = 500, 100
)

// Headings reads the header of a CSV file, and its first rows.
func Headings(file io.Reader, t *schema.Type) ([]Heading, error) {
	in, _ := csvReader(withoutMark(file))
	header, err := in.Read()
	if err != nil {
		return nil, headerError(err)
	}
	if len(header) > mostColumns {
		return nil, fmt.Errorf("the header has %d columns, and at most %d are read", len(header), mostColumns)
	}
	if err := checkOnce(header); err != nil {
		return nil, err
	}
	headings := make([]Heading, len(header))
	for i, text := range header {
		if len(text) > mostOfHeading {
			return nil, fmt.Errorf("the heading of column %d has more than %d bytes", i+1, mostOfHeading)
		}
		path := guess(t, text)
		_, err := parseColumn(t, path)
		if headings[i] = (Heading{Text: text, Path: path, Known: err == nil}); err != nil {
			headings[i].Path = ""
		}
	}
	for range exampleRows {
		cells, err := in.Read()
		if err != nil {
			break
		}
		for i, cell := range cells[:min(len(cells), len(headings))] {
			headings[i].Examples = append(headings[i].Examples, clip(cell, mostOfExample))
		}
	}
	return headings, nil //nolint:nilerr // a row that cannot be read is no example
}

// clip is the beginning of a text that is longer than so many bytes.
func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// Paths lists where cells may go, as far as a list can: other kinds of addresses and
// numbers, such as addresses.other.locality, may be written.
func Paths(t *schema.Type) (paths []string) {
	add := func(path string) {
		if _, err := parseColumn(t, path); err == nil && !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	add(groupsColumn)
	for a := range t.Attributes {
		name := a.Name
		if ref, ok := t.Resolve(name); !ok || ref.Attr != a {
			name = a.String()
		}
		switch kind := a.SubAttribute("type"); {
		case a.IsReadOnly() || a.Private:
		case a.MultiValued && kind != nil && a.SubAttribute("value") != nil:
			for _, k := range kind.Canonical {
				add(name + "." + k)
			}
		case a.MultiValued && kind != nil:
			for _, s := range a.Sub {
				if s != kind && s.Kind == schema.String {
					add(name + ".work." + s.Name)
				}
			}
		case a.Sub == nil || a.MultiValued || a == schema.Manager:
			add(name)
		default:
			for _, s := range a.Sub {
				add(name + "." + s.Name)
			}
		}
	}
	slices.SortFunc(paths, func(a, b string) int { return strings.Compare(schema.Fold(a), schema.Fold(b)) })
	return paths
}

func headerError(err error) error { return fmt.Errorf("the header cannot be read: %w", err) }
