package httpapi

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/go-chi/cors"
)

// AnyOrigin stands for all origins, in CORS.
const AnyOrigin = "*"

// IsOrigin reports whether the text is an origin as browsers send it (RFC 6454 section
// 7), or AnyOrigin.
func IsOrigin(text string) bool {
	if text == AnyOrigin {
		return true
	}
	u, err := url.Parse(text)
	return err == nil && IsBaseURL(text) && u.Scheme+"://"+u.Host == text && text == strings.ToLower(text)
}

// exposed are the headers of answers that scripts read beside those that they always may.
var exposed = []string{
	"ETag", "Location", "Content-Location", "Retry-After", "WWW-Authenticate", "Allow", "Accept-Encoding",
	"ININ-Correlation-Id", "inin-ratelimit-count", "inin-ratelimit-allowed", "inin-ratelimit-reset",
	"Preference-Applied", "Set-Txn", "Dry-Run-Difference",
}

// CORS lets scripts of pages of the origins use the handler, without credentials of the
// browser: a script has an access token or it has nothing. No origins: the handler as it
// is. What OPTIONS answers besides is left to the handler, preflight or not.
func CORS(origins []string, h http.Handler) http.Handler {
	if len(origins) == 0 {
		return h
	}
	return cors.Handler(cors.Options{
		AllowedOrigins: origins,
		AllowedMethods: []string{
			http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
		},
		AllowedHeaders:     []string{"*"}, // none means anything without a token
		ExposedHeaders:     exposed,
		MaxAge:             600,
		OptionsPassthrough: true,
	})(h)
}
