package postgres

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	owned   = regexp.MustCompile(`\b(insert into|update|delete from)\s+(users|user_keys|deleted_users|modifications|groups|group_members|catalogue|schemas)\b`)
	answer  = regexp.MustCompile(`\nselect (c\.version|changed\.version|\(select version from changed\))[,\s]`)
	telling = regexp.MustCompile(`\bchanged as \(\n`)
)

// derived names the statements that change nothing of which anybody is told, and why.
var derived = map[string]string{
	"refoldUser":    "computes anew what is derived of a document that stays",
	"refoldGroup":   "computes anew what is derived of a document that stays",
	"refoldDeleted": "computes anew what is derived of a name that stays",
	"refoldEntry":   "computes anew what is derived of a name that stays",
	"forgetDeleted": "forgets who was deleted long ago, of whom nobody can tell any more",
	"dropKeys":      "takes away what was derived of documents otherwise",

	"insertFirstEntries": "makes an organisation, of which nobody can be told yet",
}

// What an organisation owns is changed by statements that say what they have changed, so
// that nobody can forget to tell of it.
func TestWritings_SayWhatChanged(t *testing.T) {
	t.Parallel()
	statements, writings := sourceStatements(t), readSource(t).madeBy("NewStatement", "NewTelling", "NewSeveral")
	if len(writings) < 15 {
		t.Fatalf("found only %v", writings)
	}
	for _, name := range writings {
		text := statements[name]
		if !strings.Contains(text, "\n  insert into provisioning_log ") {
			t.Errorf("%s stores no entry of the log:\n%s", name, text)
		}
		if !telling.MatchString(text) || !answer.MatchString(text) {
			t.Errorf("%s does not tell by its part \"changed\" what it has changed, or does not answer the version first:\n%s", name, text)
		}
	}
	for name, text := range statements {
		if _, excused := derived[name]; !excused && !slices.Contains(writings, name) && owned.MatchString(text) {
			t.Errorf("%s changes what an organisation owns, and is no writing:\n%s", name, text)
		}
	}
	for name, reason := range derived {
		if !owned.MatchString(statements[name]) {
			t.Errorf("%s needs no exception (%s)", name, reason)
		}
	}
}
