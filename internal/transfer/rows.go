package transfer

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// MaxRow is how many bytes a row of CSV may have, in which a person stands. What is made of a
// row takes up to maxRowTimes of that: a cell may be a list of short names.
const (
	MaxRow      = 1 << 20
	maxRowTimes = 40
)

var errLongRow = fmt.Errorf("a row has more than %d MiB; is a quotation mark in it not closed?", MaxRow>>20)

// rows reads a file of CSV row by row.
type rows struct {
	*csv.Reader
	of   io.Reader
	read int64 // bytes of the file
	from int64 // where the row began that is read
}

// csvReader begins at the header, and tells how many lines are before it.
func csvReader(r *bufio.Reader) (in *rows, before int) {
	in = &rows{of: r}
	in.Reader = csv.NewReader(rowReader{in})
	in.FieldsPerRecord = -1 // a line that is too long is told like others that are wrong
	start, _ := r.Peek(len(`"sep=\t"`) + 2)
	if line := separatorLine.FindSubmatch(start); line != nil {
		_, _ = r.Discard(len(line[0])) // they were peeked at
		in.Comma, before = rune(line[1][0]), 1
	} else {
		in.Comma = separator(r)
	}
	return in, before
}

// separatorLine is a first line that tells Excel what parts the cells.
var separatorLine = regexp.MustCompile(`^(?i:"?sep=([,;|\t])"?\r?\n)`)

// Read reads a row.
func (in *rows) Read() ([]string, error) {
	in.from = in.InputOffset()
	return in.Reader.Read()
}

// size is how many bytes the row has that was read last.
func (in *rows) size() int64 { return in.InputOffset() - in.from }

// rowReader ends a file with an error when a row goes on and on: all of it would be held, and
// many times its bytes in cells.
type rowReader struct{ *rows }

func (r rowReader) Read(p []byte) (int, error) {
	if r.read-r.from > MaxRow {
		return 0, errLongRow
	}
	n, err := r.of.Read(p)
	r.read += int64(n)
	return n, err
}

var quoted = regexp.MustCompile(`"[^"]*"`)

// separator is what parts the cells of the first line: a comma, unless it has more semicolons
// or tabs, as spreadsheets of many countries write it. What stands in quotation marks parts
// nothing.
func separator(r *bufio.Reader) rune {
	start, _ := r.Peek(4 << 10)
	line, _, _ := strings.Cut(quoted.ReplaceAllString(string(start), ""), "\n")
	most := ','
	for _, mark := range ";\t" {
		if strings.Count(line, string(mark)) > strings.Count(line, string(most)) {
			most = mark
		}
	}
	return most
}
