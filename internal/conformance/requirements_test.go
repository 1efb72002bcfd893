package conformance

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// table is a file of requirements.
type table struct {
	title string
	rows  []requirement
}

type requirement struct {
	id, level, rfc, section string
	text                    string
	tests                   []string
	differs                 string // in what the server does, "" when in nothing
}

var heading = regexp.MustCompile(`^([A-Z][0-9]+[a-z]?) (MUST|SHOULD|MAY|OPEN) ([0-9]{4}) ([0-9.]+)$`)

// readTables reads all files in the order of their names.
func readTables() ([]table, error) {
	files, err := filepath.Glob("requirements/*.txt")
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no files of requirements: %w", err)
	}
	var tables []table
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		t, err := parseTable(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		tables = append(tables, t)
	}
	return tables, nil
}

func parseTable(text string) (t table, err error) {
	title, rest, _ := strings.Cut(text, "\n\n")
	var found bool
	if t.title, found = strings.CutPrefix(title, "# "); !found {
		return t, errors.New("it has no title")
	}
	for block := range strings.SplitSeq(strings.TrimSpace(rest), "\n\n") {
		r, err := parseRequirement(strings.Split(block, "\n"))
		if err != nil {
			return t, err
		}
		t.rows = append(t.rows, r)
	}
	return t, nil
}

func parseRequirement(lines []string) (r requirement, err error) {
	parts := heading.FindStringSubmatch(lines[0])
	if parts == nil {
		return r, fmt.Errorf("no heading of a requirement: %q", lines[0])
	}
	r.id, r.level, r.rfc, r.section = parts[1], parts[2], parts[3], parts[4]
	var text, differs []string
	for _, line := range lines[1:] {
		if test, ok := strings.CutPrefix(line, "= "); ok {
			r.tests = append(r.tests, test)
		} else if difference, ok := strings.CutPrefix(line, "! "); ok {
			differs = append(differs, difference)
		} else {
			text = append(text, line)
		}
	}
	r.text, r.differs = strings.Join(text, " "), strings.Join(differs, " ")
	if r.text == "" || strings.ContainsAny(r.text+r.differs, "|") {
		return r, fmt.Errorf("%s: its words are missing, or hold a |, which would end a cell", r.id)
	}
	return r, nil
}
