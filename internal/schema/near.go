package schema

import (
	"cmp"
	"slices"
	"strings"
)

// Near gives up to three of the names that are like the one that is wanted, the nearest
// first: compared as names are, with few other characters, or one within the other.
func Near(wanted string, names []string) []string {
	const (
		most  = 64 // bytes of a name that is compared
		least = 3  // bytes of one that is looked for within another
	)
	wanted = FoldName(wanted)
	if wanted == "" || len(wanted) > most {
		return nil
	}
	type near struct {
		name     string
		distance int
	}
	var found []near
	for _, given := range names {
		name := FoldName(given)
		n := distance(wanted, name)
		within := min(len(name), len(wanted)) >= least && (strings.Contains(name, wanted) || strings.Contains(wanted, name))
		if len(name) <= most && (within || n <= max(1, len(wanted)/3)) {
			found = append(found, near{given, n})
		}
	}
	slices.SortStableFunc(found, func(a, b near) int { return cmp.Compare(a.distance, b.distance) })
	var nearest []string
	for _, n := range found[:min(len(found), 3)] {
		nearest = append(nearest, n.name)
	}
	return nearest
}

// distance is how many characters of a must be changed, added, left out or exchanged with
// the next one to make b (Damerau-Levenshtein). Texts whose lengths differ by much are not
// compared.
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	const much = 16
	if len(from)-len(to) > much || len(to)-len(from) > much {
		return max(len(from), len(to))
	}
	rows := make([][]int, len(from)+1) // rows[i][j] makes to[:j] of from[:i]
	for i := range rows {
		rows[i] = make([]int, len(to)+1)
		rows[i][0] = i
	}
	for j := range to {
		rows[0][j+1] = j + 1
	}
	for i, x := range from {
		for j, y := range to {
			changed := rows[i][j]
			if x != y {
				changed++
			}
			n := min(changed, rows[i+1][j]+1, rows[i][j+1]+1)
			if i > 0 && j > 0 && x == to[j-1] && from[i-1] == y {
				n = min(n, rows[i-1][j-1]+1)
			}
			rows[i+1][j+1] = n
		}
	}
	return rows[len(from)][len(to)]
}
