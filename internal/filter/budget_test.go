package filter_test

import (
	"testing"

	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/schema"
)

// budgets are how often reading a filter may allocate when its shape is known. To parse
// the shape anew takes a thousand allocations and more.
var budgets = map[string]float64{
	`userName eq "a@b.c"`:                    10,
	enterprise + `:employeeNumber eq "5512"`: 11,
	`emails[type eq "work" and value eq "a@b.c"] and (active eq true or title co "x")`: 28,
}

// Allocations are counted of the whole program: no other test may run meanwhile.
func TestParse_KeepsTheBudget(t *testing.T) {
	for text, most := range budgets {
		got := testing.AllocsPerRun(100, func() {
			if _, err := filter.Parse(schema.User, text); err != nil {
				t.Fatal(err)
			}
		})
		if got > most {
			t.Errorf("%s allocates %g times, at most %g are allowed", text, got, most)
		}
	}
}

func TestParsePath_KeepsTheBudget(t *testing.T) {
	for text, most := range map[string]float64{
		`title`:                        1,
		`emails[type eq "work"].value`: 9,
	} {
		got := testing.AllocsPerRun(100, func() {
			if _, err := filter.ParsePath(schema.User, text); err != nil {
				t.Fatal(err)
			}
		})
		if got > most {
			t.Errorf("%s allocates %g times, at most %g are allowed", text, got, most)
		}
	}
}

// BenchmarkParsePath is the path of an operation of PATCH.
func BenchmarkParsePath(b *testing.B) {
	for _, text := range []string{`title`, `emails[type eq "work"].value`, `roles[primary eq "True"].value`} {
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := filter.ParsePath(schema.User, text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
