package httpapi

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/purescim/purescim/internal/scim"
)

// Query reads the parameters of a URL, as they stand behind the ?. What url.URL.Query would
// drop in silence, a filter with a ";" or a bad escape, is an error: without its filter
// the request would mean everyone. A + is a blank, as forms have it, unless blanks are
// written %20, for no encoder does both, or it begins the offset of a time (BEHAVIOUR 2).
func Query(raw string) (url.Values, error) {
	if strings.Contains(raw, "%20") {
		raw = strings.ReplaceAll(raw, "+", "%2B")
	} else if strings.Contains(raw, "+") {
		raw = offsets.ReplaceAllString(raw, "$1%2B$2")
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, scim.BadRequest("the query string cannot be read: %s; special characters must be percent-encoded, ; as %%3B and %% as %%25", queryFault(err)).Because(err)
	}
	if err := checkParameters(values, "query parameter"); err != nil {
		return nil, err
	}
	return values, nil
}

// offsets finds the + of a time with an offset (RFC 3339), which may lack its colon.
var offsets = regexp.MustCompile(`(\d-\d\dT\d\d(?::|%3A)\d\d(?:(?::|%3A)\d\d(?:\.\d+)?)?)\+(\d\d(?::|%3A)?\d\d)`)

// checkParameters refuses text that the database cannot hold.
func checkParameters(values url.Values, kind string) error {
	for name, list := range values {
		for _, text := range append([]string{name}, list...) {
			if !utf8.ValidString(text) {
				return scim.BadRequest("the %s %q is not valid UTF-8", kind, name)
			}
			if strings.IndexByte(text, 0) >= 0 {
				return scim.BadRequest("the %s %q holds a NUL character, which is not allowed", kind, name)
			}
		}
	}
	return nil
}

func queryFault(err error) string {
	if escape := url.EscapeError(""); errors.As(err, &escape) {
		return fmt.Sprintf("the escape %q is not valid", string(escape))
	}
	return "it holds a semicolon"
}

// Body reads the body of a request, which must be JSON by its media type
// (BEHAVIOUR 16). A charset is not looked at: JSON is UTF-8, and what is not is
// refused when it is parsed. Of the memory that this takes the request has its share until
// it ends; where there is none for too long, the answer is 503.
func Body(r *http.Request) ([]byte, error) {
	if err := checkMediaType(r.Header); err != nil {
		return nil, err
	}
	x := exchangeOf(r.Context())
	body, err := x.readBody(r)
	if err != nil {
		return nil, err
	}
	if x != nil {
		x.sent = body
	}
	return body, x.takeParsed(r.Context(), body)
}

func checkMediaType(h http.Header) error {
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	switch strings.ToLower(strings.TrimSpace(kind)) {
	case "", scim.MediaType, "application/json":
	default:
		return scim.UnsupportedMediaType("Content-Type is %q; %s or application/json is expected", kind, scim.MediaType)
	}
	return nil
}

// refuseCoded refuses a body that is compressed, and tells that it is to be sent as it is
// (RFC 9110 sections 12.5.3 and 15.5.16).
func refuseCoded(next Handler) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		coding := strings.TrimSpace(strings.Join(r.Header["Content-Encoding"], ", "))
		if coding != "" && !strings.EqualFold(coding, "identity") && r.ContentLength != 0 {
			w.Header().Set("Accept-Encoding", "identity")
			return scim.UnsupportedMediaType("Content-Encoding is %q; the body must be sent as it is", coding)
		}
		return next(w, r)
	}
}

// readError tells what went wrong between the client and us.
func readError(err error) error {
	if limit := (*http.MaxBytesError)(nil); errors.As(err, &limit) {
		return tooLarge(limit.Limit).Because(err)
	}
	if slow := net.Error(nil); errors.As(err, &slow) && slow.Timeout() {
		return (&scim.Error{Status: http.StatusRequestTimeout, Detail: "the body did not arrive in time"}).Because(err)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return scim.InvalidSyntax("the body ends before the length that Content-Length announces").Because(err)
	}
	return scim.InvalidSyntax("the body cannot be read").Because(err)
}

// acceptable returns 406 when the Accept header excludes JSON (RFC 9110
// section 12.5.1). The answer is always application/scim+json; clients that
// accept application/json read it.
func acceptable(r *http.Request) error {
	ranges := r.Header["Accept"]
	if len(ranges) == 0 || accepts(ranges, scim.MediaType) || accepts(ranges, "application/json") {
		return nil
	}
	return scim.NotAcceptable("Accept is %q; this server answers in %s", strings.Join(ranges, ", "), scim.MediaType)
}

// accepts reports whether the most specific range that covers the media type
// gives it a weight above 0.
func accepts(ranges []string, mediaType string) bool {
	best, ok, empty := 0, false, true
	for _, value := range ranges {
		for item := range strings.SplitSeq(value, ",") {
			name, parameters, _ := strings.Cut(item, ";")
			if name = strings.TrimSpace(name); name == "" {
				continue
			}
			empty = false
			if s := specificity(name, mediaType); s > best {
				best, ok = s, !excluded(parameters)
			}
		}
	}
	return ok || empty
}

// specificity is 0 when the range does not cover the media type.
func specificity(name, mediaType string) int {
	switch {
	case strings.EqualFold(name, mediaType):
		return 3
	case strings.EqualFold(name, "application/*"):
		return 2
	case name == "*/*", name == "*": // the second is what old Java clients send
		return 1
	default:
		return 0
	}
}

// excluded reports whether the parameters hold q=0.
func excluded(parameters string) bool {
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		if strings.EqualFold(name, "q") {
			return strings.HasPrefix(value, "0") && strings.Trim(value, "0.") == ""
		}
	}
	return false
}
