package lru

import "time"

// dropSample is how many entries compete when one has to go.
const dropSample = 8

// DropOldest drops, of a few entries that a map's random order yields, the one whose time
// comes first. It costs the same however full the map is.
func DropOldest[K comparable, V any](entries map[K]V, timeOf func(V) time.Time) {
	var victim K
	var first time.Time
	seen := 0
	for key, v := range entries {
		if t := timeOf(v); seen == 0 || t.Before(first) {
			victim, first = key, t
		}
		if seen++; seen == dropSample {
			break
		}
	}
	delete(entries, victim)
}
