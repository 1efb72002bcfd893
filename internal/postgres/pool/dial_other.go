//go:build !linux

package pool

import "syscall"

// limitSilence does nothing where there is no TCP_USER_TIMEOUT: keepalive and deadlines
// end what hangs.
func limitSilence(string, string, syscall.RawConn) error { return nil }
