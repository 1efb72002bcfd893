package httpapi

import (
	"errors"
	"net/http"
	"strings"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/scim"
)

// The challenges of RFC 6750 section 3. Who sent no token learns of no error.
const (
	challenge        = `Bearer realm="purescim"`
	challengeInvalid = challenge + `, error="invalid_token", error_description="the access token is not valid"`
	challengeExpired = challenge + `, error="invalid_token", error_description="the access token has expired"`
	challengeTwice   = challenge + `, error="invalid_request", error_description="more than one Authorization header"`
)

// authenticate finds out who makes the request, from the Authorization header
// alone: a token in a URL ends in logs (RFC 9700 section 4.3.2). OPTIONS needs
// no token, since it tells no more than the documentation.
func (f *Frame) authenticate(public bool) wrapper {
	return func(next Handler) Handler {
		if public {
			return next
		}
		return func(w http.ResponseWriter, r *http.Request) error {
			if r.Method == http.MethodOptions {
				return next(w, r)
			}
			token, err := bearer(w, r)
			if err != nil {
				return err
			}
			p, err := f.options.Verify(r.Context(), token)
			switch {
			case errors.Is(err, oauth.ErrTokenExpired):
				w.Header().Set("WWW-Authenticate", challengeExpired)
				return WithCode(codeExpired, scim.Unauthorized("the access token has expired: make a new one and give it to the client").Because(err))
			case errors.Is(err, oauth.ErrTokenInvalid):
				w.Header().Set("WWW-Authenticate", challengeInvalid)
				return WithCode(codeBadCredentials, scim.Unauthorized("the access token is not valid: it may be cut off, from another server, or its client is disabled").Because(err))
			case err != nil:
				return err
			}
			x := exchangeOf(r.Context())
			x.principal, x.known = p, true
			return next(w, r)
		}
	}
}

// bearer reads the token of the request (RFC 6750 section 2.1).
func bearer(w http.ResponseWriter, r *http.Request) (string, error) {
	values := r.Header["Authorization"]
	if len(values) > 1 {
		w.Header().Set("WWW-Authenticate", challengeTwice)
		return "", scim.BadRequest("the request has more than one Authorization header")
	}
	if len(values) == 0 {
		w.Header().Set("WWW-Authenticate", challenge)
		return "", scim.Unauthorized("an access token is needed, in the header Authorization: Bearer TOKEN")
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		w.Header().Set("WWW-Authenticate", challenge)
		return "", scim.Unauthorized("the Authorization header holds no bearer token; get one from /oauth/token and send Authorization: Bearer TOKEN")
	}
	return token, nil
}
