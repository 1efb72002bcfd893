// Package egress reaches the servers of others, at URLs that customers name, and
// never the own machine: which URLs may be named, and a transport that refuses
// wherever a name leads.
//
// What is asked of those servers is left to its callers.
package egress

import (
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

// CheckURL tells in words what is wrong with a URL that requests shall be sent
// to. It must be https and, unless inside is true, may not name an address of
// the own machine or network: a host of the own network is reached by its name.
func CheckURL(text string, inside bool) error {
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Scheme != "https", u.Hostname() == "":
		return fmt.Errorf("must be a URL that begins with https://, not %q", text)
	case u.User != nil, u.Fragment != "":
		return errors.New("may have neither a user nor a fragment")
	case !inside && namesInside(u.Hostname()):
		return fmt.Errorf("names %q, an address of the own machine or network", u.Hostname())
	default:
		return nil
	}
}

// namesInside reports whether a host is an address, in any spelling that some
// resolver takes for one, of the own machine or network.
func namesInside(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if address, err := netip.ParseAddr(host); err == nil {
		return isOwn(address) || address.Unmap().IsPrivate()
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	return last == "localhost" || last == "" || '0' <= last[0] && last[0] <= '9' // 127.1, 0x7f000001
}

// isOwn reports whether an address leads to the own machine, or no further than
// its links, where clouds serve the machine's credentials.
func isOwn(a netip.Addr) bool {
	a = a.Unmap()
	return !a.IsValid() || a.IsLoopback() || a.IsUnspecified() || a.IsMulticast() || a.IsLinkLocalUnicast() ||
		a == netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// transport connects to no address that is the own machine's, whatever a name
// resolves to. What a proxy connects to is the proxy's affair.
type transport struct{ direct, proxied http.RoundTripper }

// Transport makes a transport that reaches no address of the own machine. It
// takes a proxy from the environment.
func Transport() http.RoundTripper {
	proxied := http.DefaultTransport.(*http.Transport).Clone()
	direct := proxied.Clone()
	direct.Proxy = nil
	direct.DialContext = (&net.Dialer{Timeout: 5 * time.Second, Control: refuseOwn}).DialContext
	return transport{direct: direct, proxied: proxied}
}

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if proxy, err := http.ProxyFromEnvironment(r); err == nil && proxy != nil {
		return t.proxied.RoundTrip(r)
	}
	return t.direct.RoundTrip(r)
}

// refuseOwn is asked before each connection, with the address a name has led to.
func refuseOwn(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err == nil && isOwn(to.Addr().WithZone("")) {
		err = errors.New("it is an address of the own machine")
	}
	return err
}
