package console

import (
	"slices"
	"strings"
)

// AgentName says which browser a User-Agent is of.
var AgentName = agentName

// Placed tells whether each command that advice names stands where the console names a place.
func Placed(advice string) bool {
	for _, command := range bracketed.FindAllString(advice, -1) {
		if !slices.ContainsFunc(commandPlaces, func(c struct{ command, place, name string }) bool { return strings.HasPrefix(command, c.command) }) {
			return false
		}
	}
	return !strings.Contains(bracketed.ReplaceAllString(advice, ""), "purescim")
}

// Call is a call of the console, and the word for who may make it.
type Call struct {
	Call string
	May  string
}

// Streams are the calls that are answered with one.
var Streams = streams

// Calls are all of them.
func Calls() (calls []Call) {
	names := map[permission]string{files: "files", anybody: "anybody", anyone: "anyone", viewers: "viewers", changers: "changers", owners: "owners", operators: "operators"}
	for _, r := range (&console{}).routes() {
		calls = append(calls, Call{r.call, names[r.may]})
	}
	return calls
}
