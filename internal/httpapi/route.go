package httpapi

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/scim"
)

// Body limits of routes.
const (
	DefaultBodyLimit = 1 << 20
	GroupBodyLimit   = 16 << 20 // for 200,000 members
)

// Route is one path with its methods.
type Route struct {
	Protocol  Protocol
	Public    bool  // needs no token; Access is not asked
	BodyLimit int64 // in bytes; 0 is DefaultBodyLimit
	// Longer is what a request may take beyond the time of other requests.
	Longer time.Duration
	// Methods has a handler for each method that is served. HEAD is served by
	// GET's, OPTIONS by the frame.
	Methods map[string]Handler
	// Offered reports whether an organisation has one of Methods; nil means that each has
	// all. OPTIONS is answered before the organisation is known, and names all.
	Offered func(method string, s org.Settings) bool
	// IgnoresAccept tells whether the Accept header of a SCIM request means nothing;
	// nil is that it always counts.
	IgnoresAccept func(r *http.Request) bool
	// Self is for the path of a user's own resource: only tokens that carry a user
	// are served, which no other path takes. Others are refused with 501.
	Self bool
	// Access is that of the door. It has a line for each of the methods.
	Access Access
	// WriteError answers with an error in place of the writer of the protocol: with a page
	// for people. Nothing of the answer has begun.
	WriteError func(w http.ResponseWriter, r *http.Request, told *scim.Error)
	// Refusal tells the administrator of an organisation that does not have one of
	// Methods what to do instead.
	Refusal string
}

// Handle serves a path below r. All methods of a path are given at once: the
// answer to any other is 405 with those. It panics when Access does not say who
// may use one of them.
func (f *Frame) Handle(r chi.Router, path string, route Route) {
	r.Handle(path, f.wrap(path, route, route.dispatch()))
}

// Router makes a router whose own errors, such as an unknown path, have the
// body of the protocol. Empty segments of a path make no difference.
func (f *Frame) Router(p Protocol) chi.Router {
	r := chi.NewRouter()
	r.Use(unescape, skipEmpty, byPath)
	r.NotFound(f.wrap("", Route{Protocol: p, Public: true}, noEndpoint))
	return r
}

// dispatch chooses the handler of the request's method.
func (route Route) dispatch() Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if route.serves(servedAs(r.Method), r) {
			return route.Methods[servedAs(r.Method)](w, r)
		}
		if isWord(chi.URLParam(r, "id")) {
			return noEndpoint(w, r)
		}
		allow := route.allow(r)
		w.Header().Set("Allow", allow)
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
		refusal := "this endpoint serves only " + allow
		if route.Methods[r.Method] != nil {
			refusal = route.Refusal
		}
		return scim.MethodNotAllowed("%s is not allowed here: %s", r.Method, refusal)
	}
}

// serves reports whether the caller may use a method.
func (route Route) serves(method string, r *http.Request) bool {
	if _, ok := route.Methods[method]; !ok {
		return false
	}
	x := exchangeOf(r.Context())
	return route.Offered == nil || !x.known() || route.Offered(method, x.principal.Org.Settings)
}

// servedAs is the method whose handler serves a method.
func servedAs(method string) string {
	if method == http.MethodHead {
		return http.MethodGet
	}
	return method
}

// allow is the value of the Allow header (RFC 9110 section 10.2.1).
func (route Route) allow(r *http.Request) string {
	methods := []string{http.MethodOptions}
	for method := range route.Methods {
		if !route.serves(method, r) {
			continue
		}
		methods = append(methods, method)
		if method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
	}
	slices.Sort(methods)
	return strings.Join(slices.Compact(methods), ", ")
}

// isWord reports whether a part of a path is no id but a name: POST to /users/search is
// for an endpoint that is not there, and not for a user.
func isWord(part string) bool {
	return part != "" && !strings.ContainsFunc(part, func(c rune) bool { return (c|0x20) < 'a' || 'z' < (c|0x20) })
}
