package httpapi

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
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

// IsBaseURL reports whether a text is a URL that clients can be told to use: a
// scheme and a host, and a path at most.
func IsBaseURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && isHost(u.Host) &&
		u.User == nil && !strings.ContainsAny(text, "?#")
}

// encrypted reports whether the client came over TLS.
func (f *Frame) encrypted(r *http.Request) bool {
	if f.options.PublicURL != "" {
		return strings.HasPrefix(f.options.PublicURL, "https://")
	}
	return r.TLS != nil || f.options.TrustProxy && strings.EqualFold(last(r.Header.Values("X-Forwarded-Proto")), "https")
}

func (f *Frame) host(r *http.Request) string {
	if f.options.TrustProxy {
		if host := last(r.Header.Values("X-Forwarded-Host")); isHost(host) {
			return host
		}
	}
	if isHost(r.Host) {
		return r.Host
	}
	// HTTP/1.0 needs no Host, and some clients send what is none.
	if addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		return addr.String()
	}
	return "localhost"
}

// last is what the proxy in front has said, the last of a list: those before are
// what it was told.
func last(list []string) string {
	if len(list) == 0 {
		return ""
	}
	text := list[len(list)-1]
	return strings.TrimSpace(text[strings.LastIndexByte(text, ',')+1:])
}

// name is a host of the DNS. Some have underscores.
var name = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*\.?$`)

// isHost reports whether a text is a name or an address, and a port perhaps: it
// goes into URLs that clients are told.
func isHost(text string) bool {
	if address, err := netip.ParseAddrPort(text); err == nil {
		return address.Addr().Zone() == ""
	}
	if inner, ok := strings.CutPrefix(text, "["); ok {
		inner, closed := strings.CutSuffix(inner, "]")
		address, err := netip.ParseAddr(inner)
		return closed && err == nil && address.Is6() && address.Zone() == ""
	}
	host, port, ported := strings.Cut(text, ":")
	if ported {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return false
		}
	}
	return len(host) <= 253 && name.MatchString(host)
}
