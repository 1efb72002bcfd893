// Package egress reaches servers of others at URLs that customers configure, and never this
// machine or its own network: it decides which URLs are allowed, checks each address that a
// name resolves to, and puts what went wrong into words.
//
// What is asked of those servers, and how much of an answer is read, is left to the callers.
package egress

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// Reach is which addresses requests may go to.
type Reach string

// The reaches. The empty one is Public.
const (
	Public Reach = "public" // those that the Internet routes, and none of the own machine
	Any    Reach = "any"
)

// ErrRefused says that an address is not public. No connection was made.
var ErrRefused = errors.New("not a public address, and only such are connected to; --egress=any or PURESCIM_EGRESS=any changes that")

// CheckURL tells in words what is wrong with a URL that requests shall be sent
// to. It must be https and, unless the reach is Any, may not name an address
// that is not public. A name is judged when it is connected to.
func CheckURL(text string, reach Reach) error {
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Scheme != "https", u.Hostname() == "":
		return fmt.Errorf("must be a URL that begins with https://, not %q", text)
	case u.User != nil, u.Fragment != "":
		return errors.New("may have neither a user nor a fragment")
	case reach != Any && namesInside(u.Hostname()):
		return fmt.Errorf("names %q, which is not a public address; only the operator of the server may allow others (PURESCIM_EGRESS=any)", u.Hostname())
	default:
		return nil
	}
}

// namesInside reports whether a host is an address, in any spelling that some
// resolver takes for one, that is not public. Nobody has to write a translated
// address, and so none may be named.
func namesInside(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if address, err := netip.ParseAddr(host); err == nil {
		return translation.Contains(address) || judge(address, net.InterfaceAddrs) != nil
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	return last == "localhost" || last == "" || '0' <= last[0] && last[0] <= '9' // 127.1, 0x7f000001
}

// Options are what a transport may be told.
type Options struct {
	Reach    Reach
	Resolver *net.Resolver  // looks names up; nil is the system's
	RootCAs  *x509.CertPool // vouch for certificates; nil are the system's
}

// transport connects only to addresses that its gate lets through, whatever a
// name resolves to. What a proxy connects to is the proxy's affair.
type transport struct{ direct, proxied http.RoundTripper }

const (
	dialTimeout = 5 * time.Second
	// maxHeader, in bytes, bounds the header of an answer.
	maxHeader = 64 << 10
)

// Transport makes a transport within the reach. It takes a proxy from the
// environment, and verifies certificates. An error of an address that may not
// be reached is ErrRefused.
func Transport(o Options) http.RoundTripper {
	dialer := &net.Dialer{Timeout: dialTimeout, Resolver: o.Resolver}
	if o.Reach != Any {
		dialer.Control = refuse
	}
	return newTransport(o, dialer)
}

func newTransport(o Options, dialer *net.Dialer) transport {
	proxied := http.DefaultTransport.(*http.Transport).Clone()
	proxied.MaxResponseHeaderBytes = maxHeader
	proxied.TLSClientConfig = &tls.Config{RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12}
	direct := proxied.Clone()
	direct.Proxy = nil
	direct.DialContext = dialer.DialContext
	return transport{direct: direct, proxied: proxied}
}

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if proxy, err := http.ProxyFromEnvironment(r); err == nil && proxy != nil {
		return t.proxied.RoundTrip(r)
	}
	return t.direct.RoundTrip(r)
}

// refuse is asked before each connection, with the address that a name has led
// to: what the name led to before does not count.
func refuse(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	return judge(to.Addr(), net.InterfaceAddrs)
}
