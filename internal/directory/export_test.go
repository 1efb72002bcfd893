package directory

import (
	"time"

	"github.com/purescim/purescim/internal/provisioning"
)

// WhyNotUndone is what is told of changes that cannot be taken back.
func WhyNotUndone(t provisioning.TargetType) string { return notUndone[t] }

// TellTime gives the cursors another clock.
func (d *Directory) TellTime(now func() time.Time) { d.cursors.now = now }
