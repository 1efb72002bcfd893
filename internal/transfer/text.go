package transfer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// CountLines tells about how many lines with something to import a file has, or why it is no
// text that can be imported.
func CountLines(file io.Reader, f Format) (int, error) {
	c := &textChecker{to: io.Discard}
	if _, err := io.Copy(c, file); err != nil {
		return 0, err
	}
	err := c.end()
	return c.records(f), err
}

// textChecker passes UTF-8 on, and tells what else people upload.
type textChecker struct {
	to    io.Writer
	begun bool
	rest  []byte // of a character whose other bytes are to come
	lines int
	most  int // lines; 0 is any number
	last  byte
}

var errNoText = &fileError{errors.New("the file is not UTF-8: in a spreadsheet, save it as \"CSV UTF-8\"")}

func (c *textChecker) Write(p []byte) (int, error) {
	if !c.begun && bytes.HasPrefix(p, []byte("PK\x03\x04")) {
		return 0, &fileError{errors.New("the file is a workbook: in the spreadsheet, save it as \"CSV UTF-8\"")}
	}
	c.begun = true
	text := slices.Concat(c.rest, p)
	cut := len(text)
	for back := 1; back < utf8.UTFMax && back <= len(text); back++ {
		if at := len(text) - back; utf8.RuneStart(text[at]) {
			if !utf8.FullRune(text[at:]) {
				cut = at
			}
			break
		}
	}
	if !utf8.Valid(text[:cut]) {
		return 0, errNoText
	}
	if c.lines += bytes.Count(p, []byte{'\n'}); c.most > 0 && c.lines > c.most {
		return 0, &fileError{fmt.Errorf("the file has more than %d lines; divide it, or import it with 'purescim import'", c.most)}
	}
	c.rest, c.last = bytes.Clone(text[cut:]), p[len(p)-1]
	return c.to.Write(p)
}

// records is how many lines were written but for the header.
func (c *textChecker) records(f Format) int {
	if f == CSV {
		return max(0, c.lines-1)
	}
	return c.lines
}

func (c *textChecker) end() error {
	if len(c.rest) > 0 {
		return errNoText
	}
	if c.last != '\n' {
		c.lines++
	}
	return nil
}

// lineChecker passes whole lines of JSON on, none of which has a password.
type lineChecker struct {
	to   ender
	turn sync.Locker // of who parses a line
	line []byte      // as far as it has come
	n    int
}

func (c *lineChecker) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		at := bytes.IndexByte(rest, '\n') + 1
		if at == 0 {
			at = len(rest)
		}
		c.line, rest = append(c.line, rest[:at]...), rest[at:]
		if len(c.line) > MaxLine {
			return 0, &fileError{tooLong(c.n + 1)}
		}
		if c.line[len(c.line)-1] == '\n' {
			if err := c.pass(); err != nil {
				return 0, err
			}
		}
	}
	return len(p), nil
}

func tooLong(line int) error { return fmt.Errorf("line %d has more than %d MiB", line, MaxLine>>20) }

func (c *lineChecker) end() error {
	if len(c.line) > 0 {
		if err := c.pass(); err != nil {
			return err
		}
	}
	return c.to.end()
}

func (c *lineChecker) pass() error {
	c.n++
	if err := c.check(); err != nil {
		return &fileError{fmt.Errorf("line %d: %w", c.n, err)}
	}
	_, err := c.to.Write(c.line)
	c.line = c.line[:0]
	return err
}

var errPassword = errors.New("it has a password, and passwords are not taken from files; leave it out, and upload the file again")

// check looks for a password. Lines are parsed one after the other, since one may take a
// hundred megabytes.
func (c *lineChecker) check() error {
	if !mayHavePassword(c.line) {
		return nil
	}
	c.turn.Lock()
	defer c.turn.Unlock()
	body, err := scim.ParseObject(c.line)
	if err == nil && hasPassword(body) {
		err = errPassword
	}
	return err
}

// mayHavePassword is true of each line that has one, in whatever spelling, and of some others.
func mayHavePassword(line []byte) bool {
	return bytes.Contains(bytes.ToLower(line), []byte("password")) || bytes.Contains(line, []byte(`\u`))
}

// hasPassword looks for a password in all that a body holds.
func hasPassword(value any) bool {
	switch value := value.(type) {
	case map[string]any:
		for name, inner := range value {
			if isPassword(name[strings.LastIndexByte(name, ':')+1:]) || hasPassword(inner) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(value, hasPassword)
	}
	return false
}

// isPassword tells by its name that something is a password.
func isPassword(name string) bool {
	name, _, _ = strings.Cut(name, "(")
	name = plainHeading(name)
	return slices.ContainsFunc([]string{"password", "passwd", "pwd", "passphrase", "passwort", "kennwort"}, func(word string) bool {
		return strings.HasSuffix(name, word)
	})
}

// plainHeading is a heading without capitals, blanks and marks.
func plainHeading(heading string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -_./", r) {
			return -1
		}
		return r
	}, schema.Fold(heading))
}
