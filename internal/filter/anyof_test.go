package filter_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/schema"
)

// Whatever filters are tested together, and whatever the element, the outcome is that of
// testing them one by one.
func TestAnyOf_IsEachOfThem(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	outcomes := map[bool]int{}
	for range 3000 {
		nodes := make([]filter.Node, random.IntN(12))
		texts := make([]string, len(nodes))
		for i := range nodes {
			texts[i] = randomMemberFilter(random, 3)
			p, err := filter.ParsePath(schema.Group, "members["+texts[i]+"]")
			if err != nil {
				t.Fatalf("%s: %v", texts[i], err)
			}
			nodes[i] = p.Filter
		}
		matcher := filter.NewAnyOf(nodes).Matcher()
		for range 5 {
			element := map[string]any{"value": randomName(random)}
			if random.IntN(4) > 0 {
				element["display"] = randomName(random)
			}
			from := random.IntN(len(nodes) + 1)
			want := false
			for _, n := range nodes[from:] {
				want = want || filter.MatchElement(n, element)
			}
			if got := matcher.Match(element, from); got != want {
				t.Fatalf("seed %d: %q from %d, on %q: %v", seed, texts, from, element, got)
			}
			outcomes[want]++
		}
	}
	if outcomes[true] < 1000 || outcomes[false] < 1000 {
		t.Errorf("outcomes %v prove little", outcomes)
	}
}

func randomName(random *rand.Rand) string {
	letters := []string{"a", "A", "b", "ba", "Ä", "\u0041\u0308", "ß", "-"}
	var name strings.Builder
	for range 1 + random.IntN(5) {
		name.WriteString(letters[random.IntN(len(letters))])
	}
	if random.IntN(10) == 0 { // longer than what is looked for at once
		name.WriteString(strings.Repeat("ab", 20+random.IntN(2)))
	}
	return name.String()
}

func randomMemberFilter(random *rand.Rand, depth int) string {
	if depth > 0 {
		switch random.IntN(5) {
		case 0:
			return "(" + randomMemberFilter(random, depth-1) + " and " + randomMemberFilter(random, depth-1) + ")"
		case 1:
			return "(" + randomMemberFilter(random, depth-1) + " or " + randomMemberFilter(random, depth-1) + ")"
		case 2:
			if random.IntN(3) == 0 {
				return "not (" + randomMemberFilter(random, depth-1) + ")"
			}
		}
	}
	attr := []string{"display", "display", "value"}[random.IntN(3)]
	op := []string{"eq", "co", "co", "sw", "sw", "ew", "ew", "ne", "gt", "le", "pr", "eq null"}[random.IntN(12)]
	if strings.Contains(op, "null") || op == "pr" {
		return attr + " " + op
	}
	return fmt.Sprintf("%s %s %q", attr, op, randomName(random))
}
