package migrations

import (
	"slices"
	"strings"
	"testing"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	var all []int64
	for _, m := range known() {
		all = append(all, m.number)
	}
	for _, test := range []struct {
		name    string
		applied []int64
		needed  int64
		want    string
	}{
		{"its own schema", all, Latest(), ""},
		{"that of the next release", append(slices.Clip(all), Latest()+1), Latest(), ""},
		{"one that needs more", append(slices.Clip(all), Latest()+1), Latest() + 1, "knows none beyond"},
		{"one that lacks the last", all[:len(all)-1], 0, "lacks the migration"},
		{"one that lacks another", all[1:], 0, "lacks the migration 00001_init.sql"},
		{"none", nil, 0, "run 'purescim migrate'"},
	} {
		err := Judge(test.applied, test.needed)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}
