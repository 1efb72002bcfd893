package scim_test

import (
	"errors"
	"testing"

	"github.com/purescim/purescim/internal/scim"
)

func TestVersion(t *testing.T) {
	t.Parallel()
	if got := scim.Version(7).String(); got != "7" {
		t.Errorf("meta.version is %s", got)
	}
	if got := scim.Version(7).ETag(); got != `"7"` {
		t.Errorf("the ETag is %s", got)
	}
}

func TestCondition(t *testing.T) {
	t.Parallel()
	for header, test := range map[string]struct{ zero, matches bool }{
		``:                {zero: true},
		`  `:              {zero: true},
		`*`:               {matches: true},
		`"7"`:             {matches: true},
		`W/"7"`:           {matches: true},
		`w/"7"`:           {matches: true},
		`7`:               {matches: true},
		`"6", W/"7" ,"8"`: {matches: true},
		`"6"`:             {},
		`"77"`:            {},
		`"07"`:            {},
		`""`:              {},
		`,`:               {},
		`garbage`:         {},
	} {
		c := scim.ParseCondition(header)
		if c.IsZero() != test.zero || c.Matches(7) != test.matches {
			t.Errorf("%q: IsZero %t, Matches(7) %t", header, c.IsZero(), c.Matches(7))
		}
		err := c.CheckMatch(7)
		if refused := err != nil; refused == (test.zero || test.matches) {
			t.Errorf("%q: CheckMatch(7) = %v", header, err)
		}
		if e := (*scim.Error)(nil); err != nil && (!errors.As(err, &e) || e.Status != 412 || e.Type != scim.TypeInvalidVers) {
			t.Errorf("%q: %v is no 412 invalidVers", header, err)
		}
	}
}
