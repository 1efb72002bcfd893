package oauth

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
)

// maxTokenRequest is how many bytes a token request may have.
const maxTokenRequest = 16 << 10

// tokenError is an error answer of the token endpoint (RFC 6749 section 5.2)
// in the spelling of Genesys Cloud, which gives the text twice.
type tokenError struct {
	Code        string `json:"error"`
	Text        string `json:"description"`
	Description string `json:"error_description"`

	status int
}

func (e *tokenError) Error() string { return e.Code + ": " + e.Description }

func refuse(status int, code, text string) *tokenError {
	return &tokenError{Code: code, Text: text, Description: text, status: status}
}

func invalidRequest(text string) *tokenError {
	return refuse(http.StatusBadRequest, "invalid_request", text)
}

// unauthenticated is a 401, which RFC 6749 asks for when the client used, or
// might have used, the Authorization header.
func unauthenticated(text string) *tokenError {
	return refuse(http.StatusUnauthorized, "invalid_client", text)
}

// ServeToken answers POST /oauth/token: the client credentials grant
// (RFC 6749 section 4.4) with HTTP Basic or credentials in the form. Refusals
// are answered here; an error is returned, and nothing written, when the store fails.
func (s *Service) ServeToken(w http.ResponseWriter, r *http.Request) error {
	answer, err := s.grant(w, r)
	status := http.StatusOK
	if refusal := (*tokenError)(nil); errors.As(err, &refusal) {
		answer, status = refusal, refusal.status
	} else if err != nil {
		return err
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Basic realm="purescim"`)
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone is nobody's error
	return nil
}

// tokenAnswer is the body of RFC 6749 section 5.1.
type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"` // seconds
}

func (s *Service) grant(w http.ResponseWriter, r *http.Request) (any, error) {
	form, err := readForm(w, r)
	if err != nil {
		return nil, err
	}
	switch form.Get("grant_type") {
	case "client_credentials":
	case "":
		return nil, invalidRequest("grant_type is missing")
	default:
		return nil, refuse(http.StatusBadRequest, "unsupported_grant_type", "grant_type must be client_credentials")
	}
	name, secret, err := credentials(r, form)
	if err != nil {
		return nil, err
	}
	client, err := s.authenticate(r, name, secret)
	if err != nil {
		return nil, err
	}
	token, expires, err := s.Issue(r.Context(), client, 0)
	if errors.Is(err, ErrClientClosed) {
		return nil, refuse(http.StatusBadRequest, "unauthorized_client", "client is "+string(client.State))
	}
	if err != nil {
		return nil, err
	}
	return tokenAnswer{AccessToken: token, TokenType: "bearer", ExpiresIn: int64(time.Until(expires) / time.Second)}, nil
}

func (s *Service) authenticate(r *http.Request, name, secret string) (Client, error) {
	id, err := uuid.Parse(name)
	if err != nil {
		err = ErrNotFound // the store need not be asked
	}
	var client Client
	if err == nil {
		client, err = s.Authenticate(r.Context(), id, secret)
	}
	switch {
	case errors.Is(err, ErrNotFound):
		s.log.WarnContext(r.Context(), "token refused: client not found")
		return Client{}, refuse(http.StatusBadRequest, "invalid_client", "client not found")
	case errors.Is(err, ErrWrongSecret):
		s.log.WarnContext(r.Context(), "token refused: wrong secret", "client", id)
		return Client{}, unauthenticated("authentication failed")
	}
	return client, err
}

// readForm reads the parameters from the body alone: credentials in the URL
// end in logs (RFC 6749 section 2.3.1).
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/x-www-form-urlencoded" {
		return nil, invalidRequest("the body must be application/x-www-form-urlencoded")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxTokenRequest)
	if err := r.ParseForm(); err != nil {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			return nil, refuse(http.StatusRequestEntityTooLarge, "invalid_request", "the body is too large")
		}
		return nil, invalidRequest("the form cannot be read")
	}
	for _, values := range r.PostForm {
		if len(values) > 1 {
			return nil, invalidRequest("a parameter is given twice")
		}
	}
	return r.PostForm, nil
}

// credentials takes the client's id and secret from the one place that has them.
func credentials(r *http.Request, form url.Values) (id, secret string, err error) {
	id, secret = form.Get("client_id"), form.Get("client_secret")
	if r.Header.Get("Authorization") == "" {
		if id == "" || secret == "" {
			return "", "", unauthenticated("client authentication is required: HTTP Basic, or client_id and client_secret")
		}
		return id, secret, nil
	}
	name, password, ok := r.BasicAuth()
	if !ok {
		return "", "", unauthenticated("the Authorization header does not hold HTTP Basic credentials")
	}
	name, password = formDecoded(name), formDecoded(password)
	if secret != "" || (id != "" && !strings.EqualFold(id, name)) {
		return "", "", invalidRequest("the client authenticates in two ways: HTTP Basic and the form")
	}
	return name, password, nil
}

// formDecoded undoes the encoding that RFC 6749 section 2.3.1 asks of clients.
// Most leave it out, which makes no difference to our own ids and secrets.
func formDecoded(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}
