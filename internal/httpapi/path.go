package httpapi

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/purescim/purescim/internal/scim"
)

// byPath is middleware that has a route found by the path alone: it takes all methods,
// and the router, which refuses those that it does not know, is told of one that it does.
func byPath(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		chi.RouteContext(r.Context()).RouteMethod = http.MethodGet
		next.ServeHTTP(w, r)
	})
}

// unescape is middleware that has a path found however it is percent-encoded (RFC 3986
// section 6.2.2.2). With an encoded slash it stays as it is: that is no separator.
func unescape(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if raw := r.URL.RawPath; raw != "" && !strings.Contains(strings.ToUpper(raw), "%2F") {
			plain, path := *r, *r.URL
			path.RawPath = ""
			plain.URL = &path
			r = &plain
		}
		next.ServeHTTP(w, r)
	})
}

// skipEmpty is middleware that ignores empty segments of a path: clients that join a base
// URL and a path as texts ask for //Users (BEHAVIOUR 1).
func skipEmpty(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		route := chi.RouteContext(r.Context())
		route.RoutePath = SkipEmpty(cmp.Or(route.RoutePath, r.URL.RawPath, r.URL.Path))
		next.ServeHTTP(w, r)
	})
}

// SkipEmpty is a path without its empty segments, and so without a slash at its end.
func SkipEmpty(path string) string {
	if !strings.Contains(path, "//") {
		return cmp.Or(strings.TrimSuffix(path, "/"), "/")
	}
	segments := strings.FieldsFunc(path, func(c rune) bool { return c == '/' })
	return "/" + strings.Join(segments, "/")
}

// AnyCase is middleware for a mounted router: the beginning of a path below it matches
// paths in any case, as Genesys Cloud and its clients have it.
func AnyCase(paths ...string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			route := chi.RouteContext(r.Context())
			route.RoutePath = Spell(route.RoutePath, paths)
			next.ServeHTTP(w, r)
		})
	}
}

// Spell spells the beginning of a path like the first of paths that it is below, or
// the same as, in any case.
func Spell(path string, paths []string) string {
	for _, exact := range paths {
		if len(path) < len(exact) || !strings.EqualFold(path[:len(exact)], exact) {
			continue
		}
		if rest := path[len(exact):]; rest == "" || rest[0] == '/' {
			return exact + rest
		}
	}
	return path
}

func noEndpoint(_ http.ResponseWriter, r *http.Request) error {
	return scim.NotFound("there is no endpoint %s", r.URL.Path)
}

// NotFound has r refuse what it has no endpoint for. Where right knows another path for it,
// the answer is a SCIM error that names it, else one of the protocol.
func (f *Frame) NotFound(r chi.Router, p Protocol, right func(path string) string) {
	unknown := f.wrap("", Route{Protocol: p, Public: true}, noEndpoint)
	elsewhere := f.wrap("", Route{Protocol: SCIM, Public: true}, func(_ http.ResponseWriter, r *http.Request) error {
		return scim.NotFound("there is no endpoint %s; what is meant is probably %s", r.URL.Path, right(r.URL.Path))
	})
	r.NotFound(func(w http.ResponseWriter, r *http.Request) {
		if right(r.URL.Path) != "" {
			elsewhere(w, r)
			return
		}
		unknown(w, r)
	})
}
