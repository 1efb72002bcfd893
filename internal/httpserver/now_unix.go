//go:build unix

package httpserver

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// readNow reads what has come, without waiting: nothing is no error.
func readNow(c net.Conn, b []byte) (n int, err error) {
	failed := control(c, func(fd int) { n, err = syscall.Read(fd, b) })
	switch {
	case failed != nil:
		return 0, failed
	case err == syscall.EAGAIN, err == syscall.EINTR:
		return 0, nil
	case err != nil:
		return 0, os.NewSyscallError("read", err)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// ignoreConnecting has the system ignore new connections to a port, if it can, so that none is
// made at the moment when the port is closed.
func ignoreConnecting(ln net.Listener) error {
	var err error
	failed := control(ln, func(port int) { err = ignoreNew(port) })
	return errors.Join(failed, err)
}

// stopListening stops listening on a port, and returns the connections that the system has
// made but the server not accepted yet. Closing the port would reset them, and lose the
// requests that their clients may have sent.
func stopListening(ln net.Listener) (queue []net.Conn) {
	_ = control(ln, func(port int) {
		for {
			fd, _, err := syscall.Accept(port)
			if err == syscall.EINTR || err == syscall.ECONNABORTED {
				continue
			}
			if err != nil {
				break
			}
			syscall.CloseOnExec(fd)
			if c, err := connOf(fd); err == nil {
				queue = append(queue, c)
			}
		}
		_ = syscall.Shutdown(port, syscall.SHUT_RD) // Linux stops at once; elsewhere closing does
	})
	return queue
}

// connOf makes a connection of a descriptor, which it takes.
func connOf(fd int) (net.Conn, error) {
	f := os.NewFile(uintptr(fd), "")
	defer f.Close()
	return net.FileConn(f)
}

// control calls f with the descriptor of a connection or port; what has none is left alone.
func control(of any, f func(fd int)) error {
	c, ok := of.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Control(func(fd uintptr) { f(int(fd)) })
}
