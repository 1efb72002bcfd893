package directory_test

import (
	"slices"
	"testing"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/provisioning"
)

// Of each kind of change that cannot be taken back it is told what to do instead.
func TestUndo_SaysWhatToDoInstead(t *testing.T) {
	t.Parallel()
	undone := []provisioning.TargetType{
		provisioning.User, provisioning.Group, provisioning.Role, provisioning.Division, provisioning.Skill, provisioning.Language,
		provisioning.Requests, // which are refused alone
	}
	for _, kind := range provisioning.TargetTypes {
		if told := directory.WhyNotUndone(kind); (told == "") != slices.Contains(undone, kind) {
			t.Errorf("of a change of a %s it is told %q", kind, told)
		}
	}
}
