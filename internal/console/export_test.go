package console

import "github.com/purescim/purescim/internal/provisioning"

// AgentName says which browser a User-Agent is of.
var AgentName = agentName

// PageOf is the page of an action that advice names.
func PageOf(a provisioning.Action) string { return actionPages[a].path }

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
