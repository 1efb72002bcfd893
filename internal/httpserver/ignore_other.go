//go:build unix && !linux

package httpserver

import "errors"

// ignoreNew is not supported without socket filters: connections made just before the port
// closes are reset.
func ignoreNew(int) error { return errors.ErrUnsupported }
