package httpapi

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
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

// isHost reports whether a text is a name or an address, and a port perhaps: it
// goes into URLs that clients are told.
func isHost(text string) bool {
	if inner, ok := strings.CutPrefix(text, "["); ok {
		if address, err := netip.ParseAddrPort(text); err == nil {
			return address.Addr().Zone() == ""
		}
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
	return isName(host)
}

// isName reports whether a text is a host of the DNS, or an address of IPv4. Some hosts
// have underscores.
func isName(text string) bool {
	const longest, longestLabel = 253, 63
	label := 0 // characters of it
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-' && label > 0:
			label++
		case c == '.' && label > 0:
			label = 0
		default:
			return false
		}
		if label > longestLabel {
			return false
		}
	}
	return text != "" && len(text) <= longest
}
