package console_test

import (
	"net/http"
	"testing"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/console"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/servertest"
)

// Each action that advice names is done on a page of the console.
func TestAdvice_NamesPages(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s)
	b := member(t, s, f.ID, "anna@example.org", accounts.Administrator)
	for _, action := range provisioning.Actions {
		page := console.PageOf(action)
		if page == "" {
			t.Errorf("there is no page for %s", action)
			continue
		}
		b.get(f.home + page).want(http.StatusOK)
	}
}
