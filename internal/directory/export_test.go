package directory

import "time"

// TellTime gives the cursors another clock.
func (d *Directory) TellTime(now func() time.Time) { d.cursors.now = now }
