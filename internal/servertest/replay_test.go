package servertest_test

import (
	"testing"

	"github.com/purescim/purescim/internal/scimtest"
	"github.com/purescim/purescim/internal/servertest"
)

// TestScenarios replays what real clients send, each in an organisation of its own.
func TestScenarios(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	for _, scenario := range scimtest.LoadScenarios(t) {
		t.Run(scenario.File, func(t *testing.T) {
			t.Parallel()
			scenario.Run(t, scimtest.Target{BaseURL: server.URL, Token: server.NewOrg(t).Token})
		})
	}
}
