package httpapi

import (
	"net"
	"net/http"
)

// ClientAddress is the IP address that the request came from. Behind a proxy
// that is trusted it is the one that the proxy saw, the last of X-Forwarded-For:
// those before it are what the client says.
func (f *Frame) ClientAddress(r *http.Request) string {
	if f.options.TrustProxy {
		if ip := net.ParseIP(last(r.Header.Values("X-Forwarded-For"))); ip != nil {
			return ip.String()
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
