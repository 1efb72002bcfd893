package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
)

// Fault is what became of a request, in a word for the customer who named the
// URL. It says nothing of the network that the server is in: neither addresses,
// nor who resolves names, nor whether a port is open.
type Fault string

// The faults.
const (
	Refused     Fault = "refused"     // the address is not public
	Unreachable Fault = "unreachable" // there is no such name, no connection, or it broke off
	Timeout     Fault = "timeout"     // there was no answer in time
	TLS         Fault = "tls"         // the certificate is not the host's, or not to be trusted, or it does not speak TLS
	Rejected    Fault = "rejected"    // the server answered, but not as it should
)

// Faults are all of them.
var Faults = []Fault{Refused, Unreachable, Timeout, TLS, Rejected}

// FaultOf finds the word for an error of a request that was not answered.
func FaultOf(err error) Fault {
	var network net.Error
	switch {
	case errors.Is(err, ErrRefused):
		return Refused
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return Timeout
	case isTLS(err):
		return TLS
	default:
		return Unreachable
	}
}

// Words are the fault as the end of a sentence about the server that was asked; a text that
// is no fault has none.
func (f Fault) Words() string {
	switch f {
	case Refused:
		return "its address is not public"
	case Unreachable:
		return "it cannot be reached"
	case Timeout:
		return "it did not answer in time"
	case TLS:
		return "its certificate is not to be trusted, or it does not speak TLS"
	case Rejected:
		return "it answered, but not as it should"
	default:
		return ""
	}
}

// Tell is why a request was not answered, in words for the customer who named the URL. They
// say as little of the network as the Fault does.
func Tell(err error) error {
	if fault := FaultOf(err); fault != Refused {
		return errors.New(fault.Words())
	}
	return fmt.Errorf("its address is %w", ErrRefused)
}

// isTLS reports whether the connection was there and TLS was not. Not all errors
// of crypto/tls have a type.
func isTLS(err error) bool {
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert *net.OpError
	if errors.Is(err, http.ErrSchemeMismatch) || errors.As(err, &certificate) || errors.As(err, &record) {
		return true
	}
	if errors.As(err, &alert) && (alert.Op == "remote error" || alert.Op == "local error") {
		return true
	}
	for ; err != nil; err = errors.Unwrap(err) {
		if strings.HasPrefix(err.Error(), "tls: ") {
			return true
		}
	}
	return false
}
