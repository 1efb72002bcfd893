package transfer

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/schema"
)

// A row, or a line, that goes on and on ends the file before it is held.
func TestRead_HoldsNoRowWithoutEnd(t *testing.T) {
	t.Parallel()
	const begin = "userName,title\nada,Countess\n"
	for name, rest := range map[string]string{
		"cells":                 strings.Repeat(",", 8*MaxRow),
		"one cell":              strings.Repeat("x", 8*MaxRow),
		"a quotation mark":      `"` + strings.Repeat("x\n", 4*MaxRow),
		"a quotation mark, \\r": `"` + strings.Repeat("\r\n", 4*MaxRow),
	} {
		file := &counted{r: strings.NewReader(begin + rest)}
		var last error
		n := 0
		for rec, err := range read(file, CSV, schema.User, nil) {
			if last = err; err == nil {
				n++
			}
			if rec.size > maxRowTimes*2*MaxRow {
				t.Errorf("%s: a record of %d bytes", name, rec.size)
			}
		}
		if !errors.Is(last, errLongRow) || !strings.Contains(fmt.Sprint(last), "behind line 2") || n != 1 {
			t.Errorf("%s: %d records, %v", name, n, last)
		}
		if file.n > 2*MaxRow {
			t.Errorf("%s: %d bytes were read", name, file.n)
		}
	}
}

// counted counts what is read.
type counted struct {
	r io.Reader
	n int
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

// FuzzRead reads any file, as CSV and as JSON Lines. Each line is told once, with its number,
// and the file ends.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"userName,title\nada,Countess\n", "\xEF\xBB\xBFlogin;mail;groups\nada;a@b.c;\"A;B\"\n", "userName\n\"a\nb\"\n\n,\n", "a\tb\n", `"`, "userName,skills\nada,Go:5;:;x:\n",
		`{"userName":"ada","groups":[{"display":"x"}],"id":1}` + "\n\n" + `{"displayName":"g","members":[{"value":"ada"}]}`, `{"userName":null}`, `{"\u0070assword":"x"}`, "[]\nnull\n{\n",
		"userName,addresses.work.locality,urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager\nada,London,bob\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		_, _ = CountLines(strings.NewReader(string(file)), CSV)
		_, _ = Headings(strings.NewReader(string(file)), schema.User)
		for _, format := range []Format{CSV, JSONLines} {
			last, ended := 0, false
			for rec, err := range read(strings.NewReader(string(file)), format, schema.User, nil) {
				if ended {
					t.Errorf("%s: goes on behind its end", format)
				}
				if _, ended = errors.AsType[*fileError](err); ended {
					continue
				}
				if rec.line <= last {
					t.Errorf("%s: line %d behind line %d", format, rec.line, last)
				}
				if last = rec.line; err == nil && rec.name == "" {
					t.Errorf("%s: line %d is of nobody", format, rec.line)
				}
			}
		}
	})
}
