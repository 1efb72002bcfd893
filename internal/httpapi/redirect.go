package httpapi

import (
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Redirect redirects requests without TLS to the same path over TLS, at the public URL or, if
// that is empty, at the host of the request and the port. Method and body stay (308). At most
// once a minute it logs that a client sends its credentials in the clear.
func Redirect(publicURL string, port int, log *slog.Logger) http.Handler {
	var told atomic.Int64 // Unix time, in seconds
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			if now, last := time.Now().Unix(), told.Load(); now-last >= 60 && told.CompareAndSwap(last, now) {
				log.WarnContext(r.Context(), "a client has sent its credentials without TLS: give it the URL that begins with https, and new credentials", "address", r.RemoteAddr)
			}
		}
		base := strings.TrimRight(publicURL, "/")
		if !strings.HasPrefix(base, "https://") {
			host, ok := overTLS(r.Host, port)
			if !ok {
				http.Error(w, "which host is meant is not told; use https", http.StatusBadRequest)
				return
			}
			base = "https://" + host
		}
		w.Header().Set("Location", base+r.URL.RequestURI())
		w.WriteHeader(http.StatusPermanentRedirect)
	})
}

// overTLS is a host with another port.
func overTLS(host string, port int) (string, bool) {
	if !isHost(host) {
		return "", false
	}
	name := host
	if bare, _, err := net.SplitHostPort(host); err == nil {
		name = bare
	}
	name = strings.Trim(name, "[]")
	if port != 443 {
		return net.JoinHostPort(name, strconv.Itoa(port)), true
	}
	if strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	return name, true
}
