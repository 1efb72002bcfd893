package transfer

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
)

// MaxFile is how many bytes a file may have that waits on a desk. The command line takes
// larger ones.
const MaxFile = 64 << 20

// spool is a file that is kept in memory, packed: what it holds of people is on no disk.
type spool struct {
	packed []byte
	size   int64
	lines  int
}

// spoolOf reads a file as far as it may be kept.
func spoolOf(file io.Reader) (s spool, err error) {
	var packed bytes.Buffer
	to, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	if err != nil {
		return s, err
	}
	text := &textChecker{to: to}
	if s.size, err = io.Copy(text, io.LimitReader(file, MaxFile+1)); err != nil {
		return s, err
	}
	if err := text.end(); err != nil {
		return s, err
	}
	if s.size > MaxFile {
		return s, &fileError{fmt.Errorf("the file is larger than %d MiB; divide it, or import it with 'purescim import'", MaxFile>>20)}
	}
	if s.size == 0 {
		return s, &fileError{errors.New("the file is empty")}
	}
	err = to.Close()
	s.packed, s.lines = bytes.Clone(packed.Bytes()), text.lines
	return s, err
}

// open reads the file from its start.
func (s spool) open() (io.Reader, error) { return gzip.NewReader(bytes.NewReader(s.packed)) }

// textChecker passes UTF-8 on, and tells what else people upload.
type textChecker struct {
	to    io.Writer
	begun bool
	rest  []byte // of a character whose other bytes are to come
	lines int
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
	c.lines += bytes.Count(p, []byte{'\n'})
	c.rest, c.last = bytes.Clone(text[cut:]), p[len(p)-1]
	return c.to.Write(p)
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
