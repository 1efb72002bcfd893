package httpapi

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/scim"
)

// tokenExpires warns of a token that ends within 14 days, with the time in the
// spelling of RFC 3339.
const tokenExpires = "Purescim-Token-Expires"

// The errors of RFC 6750 section 3. Who sent no token learns of none.
const (
	errorNone    = ""
	errorInvalid = `, error="invalid_token", error_description="the access token is not valid"`
	errorExpired = `, error="invalid_token", error_description="the access token has expired"`
	errorTwice   = `, error="invalid_request", error_description="more than one Authorization header"`
	errorScope   = `, error="insufficient_scope", error_description="the client has none of the permissions that allow this"`
)

// challenge sets the header that tells how to authenticate (RFC 6750 section 3),
// and where to find out how to get a token (RFC 9728 section 5.1).
func (f *Frame) challenge(w http.ResponseWriter, r *http.Request, reason string) {
	w.Header().Set("WWW-Authenticate",
		`Bearer realm="purescim"`+reason+`, resource_metadata="`+f.BaseURL(r)+oauth.ResourceMetadataPath+`"`)
}

// authenticate finds the principal of the request, from the Authorization header alone: a
// token in a URL would end up in logs (RFC 9700 section 4.3.2). OPTIONS needs no token,
// since it reveals no more than the documentation.
func (f *Frame) authenticate(public bool) wrapper {
	return func(next Handler) Handler {
		if public {
			return next
		}
		return func(w http.ResponseWriter, r *http.Request) error {
			if r.Method == http.MethodOptions {
				return next(w, r)
			}
			token, err := f.bearer(w, r)
			if err != nil {
				return err
			}
			p, err := f.options.Verify(r.Context(), token)
			switch {
			case err == nil:
			case tokenLimit(err) != nil: // the first use of another issuer's
				w.Header().Set("Retry-After", seconds(oauth.TokenIdle))
				return scim.TooManyRequests("%s", tokenLimit(err).Error()).Because(err)
			case errors.Is(err, oauth.ErrTokenExpired):
				f.challenge(w, r, errorExpired)
				return WithCode(codeExpired, scim.Unauthorized("the access token has expired: make a new one and give it to the client").Because(err))
			case errors.Is(err, oauth.ErrTokenInvalid):
				f.challenge(w, r, errorInvalid)
				return WithCode(codeBadCredentials, scim.Unauthorized("the access token is not valid: it may be cut off, from another server, or revoked, or its client is disabled").Because(err))
			case errors.Is(err, oauth.ErrBusy), errors.Is(err, oauth.ErrKeysAway):
				return scim.Unavailable("the access token cannot be checked at the moment; try again in %s seconds", retryAfter).Because(err)
			default:
				return err
			}
			x := exchangeOf(r.Context())
			x.principal = p
			if changes(r.Method) {
				f.originate(x, r)
			}
			if p.ExpiresSoon(time.Now()) {
				w.Header()[tokenExpires] = []string{p.Expires.UTC().Format(time.RFC3339)}
			}
			f.options.Used(r.Context(), p, f.ClientAddress(r))
			return next(w, r)
		}
	}
}

// tokenLimit finds that a client has too many tokens; nil is that it has not. It is apart
// so that a request that is let in allocates nothing for it.
func tokenLimit(err error) (many *oauth.TokenLimitError) {
	errors.As(err, &many)
	return many
}

// Caller returns the principal of a request on a public route, where answers may say more to
// a known client; nil without a token, or with one that is not accepted.
func (f *Frame) Caller(r *http.Request) (*oauth.Principal, error) {
	token, ok := bearerToken(r.Header.Get("Authorization"))
	if !ok {
		return nil, nil
	}
	p, err := f.options.Verify(r.Context(), token)
	if errors.Is(err, oauth.ErrTokenExpired) || errors.Is(err, oauth.ErrTokenInvalid) {
		return nil, nil
	}
	return p, err
}

// bearer reads the token of the request (RFC 6750 section 2.1).
func (f *Frame) bearer(w http.ResponseWriter, r *http.Request) (string, error) {
	values := r.Header["Authorization"]
	if len(values) > 1 {
		f.challenge(w, r, errorTwice)
		return "", scim.BadRequest("the request has more than one Authorization header")
	}
	if len(values) == 0 {
		f.challenge(w, r, errorNone)
		return "", scim.Unauthorized("an access token is needed, in the header Authorization: Bearer TOKEN")
	}
	token, ok := bearerToken(values[0])
	if !ok {
		f.challenge(w, r, errorNone)
		return "", scim.Unauthorized("the Authorization header holds no bearer token; get one from /oauth/token and send Authorization: Bearer TOKEN")
	}
	return token, nil
}

// bearerToken reads the value of an Authorization header.
func bearerToken(authorization string) (token string, ok bool) {
	scheme, token, _ := strings.Cut(authorization, " ")
	token = strings.TrimSpace(token)
	return token, strings.EqualFold(scheme, "Bearer") && token != ""
}
