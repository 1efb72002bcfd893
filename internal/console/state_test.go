package console_test

import (
	"net/http"
	"testing"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/servertest"
)

// The top of each page of an organisation tells how provisioning goes there, and leads to
// why.
func TestState_IsToldOnEachPage(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f, quiet := furnish(t, s), s.NewOrg(t)
	b := member(t, s, f.ID, "vera@example.org", accounts.Viewer)
	for _, path := range []string{f.home + "/settings", f.home, f.home + "/people", "/console/account"} {
		b.get(path).want(http.StatusOK).has(`<a class="badge state red" href="`+f.home+`">`, "works in part</span></a>")
	}
	operator := member(t, s, accounts.Everywhere, "olga@example.org", accounts.Viewer)
	operator.get("/console/o/" + quiet.ID.String() + "/settings").want(http.StatusOK).has("silent</span></a>")
	operator.get("/console/account").want(http.StatusOK).lacks("badge state")
}
