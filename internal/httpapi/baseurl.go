package httpapi

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// BaseURL is the scheme and host under which the client reaches the server,
// such as https://scim.example.com, for meta.location and Location.
func (f *Frame) BaseURL(r *http.Request) string {
	if f.options.PublicURL != "" {
		return f.options.PublicURL
	}
	if f.encrypted(r) {
		return "https://" + f.host(r)
	}
	return "http://" + f.host(r)
}

// encrypted reports whether the client came over TLS.
func (f *Frame) encrypted(r *http.Request) bool {
	if f.options.PublicURL != "" {
		return strings.HasPrefix(f.options.PublicURL, "https://")
	}
	return r.TLS != nil || f.options.TrustProxy && strings.EqualFold(first(r.Header.Get("X-Forwarded-Proto")), "https")
}

func (f *Frame) host(r *http.Request) string {
	if f.options.TrustProxy {
		if host := first(r.Header.Get("X-Forwarded-Host")); isHost(host) {
			return host
		}
	}
	if r.Host != "" {
		return r.Host
	}
	// HTTP/1.0 needs no Host.
	if addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		return addr.String()
	}
	return "localhost"
}

// first is what the proxy nearest to the client said.
func first(list string) string {
	value, _, _ := strings.Cut(list, ",")
	return strings.TrimSpace(value)
}

func isHost(s string) bool {
	u, err := url.Parse("//" + s)
	return err == nil && s != "" && u.Host == s
}
