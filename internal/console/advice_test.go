package console_test

import (
	"testing"

	"github.com/purescim/purescim/internal/console"
	"github.com/purescim/purescim/internal/provisioning"
)

// Who reads advice in the console is told where to do it there, and no command.
func TestAdvice_NamesPlaces(t *testing.T) {
	t.Parallel()
	for _, text := range provisioning.Advised() {
		if !console.Placed(text) {
			t.Errorf("there is no place for a command of: %s", text)
		}
	}
}
