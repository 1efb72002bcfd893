package postgres

import "time"

// now and stamp are times as they are stored, by the clock of the tests.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

func stamp() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
