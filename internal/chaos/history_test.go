package chaos

import (
	"strings"
	"testing"
	"time"
)

// The check sees what it is there to see, and nothing else.
func TestCheck_FindsWhatCannotBe(t *testing.T) {
	t.Parallel()
	at := func(second int) time.Time { return time.Unix(int64(second), 0) }
	write := func(n, begin int, o Outcome) Write {
		return Write{Key: "k", N: n, Version: n, Outcome: o, Begin: at(begin), End: at(begin + 1)}
	}
	read := func(n, begin int) Read {
		return Read{Key: "k", N: n, Twin: n, Version: n, Begin: at(begin), End: at(begin + 1)}
	}
	gone := write(3, 20, Acknowledged)
	gone.Gone = true
	lost := gone
	lost.Outcome = Unknown
	absent := Read{Key: "k", Gone: true, Begin: at(30), End: at(31)}
	half, other := read(2, 20), read(2, 20)
	standby := read(2, 20)
	standby.Ahead = true
	half.Twin, other.Version = 1, 1
	behind, ahead := read(2, 30), read(1, 5)
	behind.Modified, ahead.Modified = at(100), at(200)
	first, second := write(1, 0, Acknowledged), write(2, 10, Acknowledged)
	for name, test := range map[string]struct {
		writes []Write
		reads  []Read
		want   string
	}{
		"all is well":                   {[]Write{first, second}, []Read{read(1, 5), read(2, 20), read(2, 30)}, ""},
		"a read beside a write":         {[]Write{first, second}, []Read{read(1, 10)}, ""},
		"an unknown write that is done": {[]Write{first, write(2, 10, Unknown)}, []Read{read(1, 20), read(2, 30)}, ""},
		"an unknown write that is not":  {[]Write{first, write(2, 10, Unknown)}, []Read{read(1, 20)}, ""},
		"a deletion":                    {[]Write{first, second, gone}, []Read{read(2, 15), absent}, ""},
		"an unknown deletion":           {[]Write{first, second, lost}, []Read{read(2, 25), absent}, ""},
		"a lost write":                  {[]Write{first, second}, []Read{read(1, 20)}, "write 2 was acknowledged before"},
		"a lost key":                    {[]Write{first}, []Read{absent}, "nobody wrote that"},
		"a lost deletion":               {[]Write{first, second, gone}, []Read{read(2, 30)}, "write 3 was acknowledged before"},
		"a key that comes back":         {[]Write{first, second, lost}, []Read{absent, read(2, 40)}, "gone true) was before"},
		"a refused write that is done":  {[]Write{first, write(2, 10, Refused)}, []Read{read(2, 20)}, "nobody wrote that"},
		"a write that is to come":       {[]Write{first, second}, []Read{read(2, 5)}, "nobody wrote that"},
		"a read that goes back":         {[]Write{first, write(2, 10, Unknown)}, []Read{read(2, 20), read(1, 30)}, "was before"},
		"a read of a standby":           {[]Write{first, write(2, 10, Unknown)}, []Read{standby, read(1, 30)}, ""},
		"half of a write":               {[]Write{first, second}, []Read{half}, "the other half is of 1"},
		"a clock that goes back":        {[]Write{first, second}, []Read{ahead, behind}, "version 1 was modified later"},
		"two contents of one version":   {[]Write{first, second}, []Read{other}, "the version was answered to write 1"},
	} {
		h := NewHistory()
		for _, w := range test.writes {
			h.Wrote(w)
		}
		for _, r := range test.reads {
			h.Saw(r)
		}
		found := strings.Join(h.Check(), "; ")
		if test.want == "" && found != "" || !strings.Contains(found, test.want) {
			t.Errorf("%s: found %q, want %q", name, found, test.want)
		}
	}
}
