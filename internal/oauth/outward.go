package oauth

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

// maxRedirects is how often a document may have moved.
const maxRedirects = 3

// checkURL returns an *InvalidError unless documents may be fetched from the
// URL. It must be https and may not name an address of the own machine or
// network: a host of the own network is reached by its name.
func (r *remoteKeys) checkURL(field, text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Scheme != "https", u.Hostname() == "":
		return invalid(field, "must be a URL that begins with https://, not %q", text)
	case u.User != nil, u.Fragment != "":
		return invalid(field, "may have neither a user nor a fragment")
	case !r.inside && namesInside(u.Hostname()):
		return invalid(field, "names %q, an address of the own machine or network", u.Hostname())
	default:
		return checkText(field, text, maxPin)
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

// stayOnHost follows redirects on one host only.
func stayOnHost(r *http.Request, via []*http.Request) error {
	first := via[0].URL
	switch {
	case len(via) > maxRedirects:
		return errors.New("too many redirects")
	case r.URL.Scheme != first.Scheme || r.URL.Host != first.Host:
		return fmt.Errorf("it redirects to another host, %s", r.URL.Host)
	default:
		return nil
	}
}

// outwardTransport connects to no address that is the own machine's, whatever a
// name resolves to. What a proxy connects to is the proxy's affair.
type outwardTransport struct{ direct, proxied http.RoundTripper }

func outward() outwardTransport {
	proxied := http.DefaultTransport.(*http.Transport).Clone()
	direct := proxied.Clone()
	direct.Proxy = nil
	direct.DialContext = (&net.Dialer{Timeout: 5 * time.Second, Control: refuseOwn}).DialContext
	return outwardTransport{direct: direct, proxied: proxied}
}

// RoundTrip implements http.RoundTripper.
func (t outwardTransport) RoundTrip(r *http.Request) (*http.Response, error) {
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
