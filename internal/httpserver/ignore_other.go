//go:build unix && !linux

package httpserver

import "errors"

// ignoreNew cannot be done where there are no socket filters: who connects in the moment
// before the port closes is reset.
func ignoreNew(int) error { return errors.ErrUnsupported }
