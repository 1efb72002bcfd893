package oauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/guesses"
)

// maxForm is how many bytes a request to an endpoint of this protocol may have, and
// maxParameters how many parameters.
const (
	maxForm       = 16 << 10
	maxParameters = 100
)

// Endpoints serve OAuth's own protocol. Refusals are answered here, in its
// words; a handler returns an error, and has written nothing, when the store
// fails.
type Endpoints struct {
	Service *Service
	// BaseURL is the scheme and host under which the client reaches the server.
	BaseURL func(r *http.Request) string
	// Address is the IP address that the request came from.
	Address func(r *http.Request) string
	// Limit counts a request of a client that has authenticated. It returns after how
	// long the next one is allowed if this one is not, else 0.
	Limit func(client uuid.UUID) (retry time.Duration)
}

// refusal is an error answer of the protocol (RFC 6749 section 5.2) in the
// spelling of Genesys Cloud, which gives the text twice.
type refusal struct {
	Code        string `json:"error"`
	Text        string `json:"description"`
	Description string `json:"error_description"`

	status int
	retry  time.Duration // after which the client may try again
}

func (e *refusal) Error() string { return e.Code + ": " + e.Description }

func refuse(status int, code, text string) *refusal {
	return &refusal{Code: code, Text: text, Description: text, status: status}
}

func invalidRequest(text string) *refusal {
	return refuse(http.StatusBadRequest, "invalid_request", text)
}

// unauthenticated is a 401, which RFC 6749 asks for when the client used, or
// might have used, the Authorization header.
func unauthenticated(text string) *refusal {
	return refuse(http.StatusUnauthorized, "invalid_client", text)
}

// tooFast refuses a caller that does something too often (the code is that of RFC 8628).
func tooFast(what string, pause time.Duration) *refusal {
	seconds := strconv.Itoa(int((pause + time.Second - 1) / time.Second))
	e := refuse(http.StatusTooManyRequests, "slow_down", what+"; retry in "+seconds+" seconds")
	e.retry = pause
	return e
}

// keysAway refuses a client whose keys are published where they cannot be read.
func keysAway() *refusal {
	e := refuse(http.StatusServiceUnavailable, "temporarily_unavailable", "the keys of the client or issuer cannot be fetched")
	e.retry = retryPause
	return e
}

// answer writes what a handler has found, or why it cannot.
func answer(w http.ResponseWriter, found any, err error) error {
	status := http.StatusOK
	h := w.Header()
	if errors.Is(err, ErrKeysAway) {
		err = keysAway()
	}
	if refused := (*refusal)(nil); errors.As(err, &refused) {
		found, status = refused, refused.status
		if refused.retry > 0 {
			h.Set("Retry-After", strconv.Itoa(int((refused.retry+time.Second-1)/time.Second)))
		}
	} else if err != nil {
		return err
	}
	body, err := json.Marshal(found)
	if err != nil {
		return err
	}
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

// authenticated reads the form and finds the client that sends it.
func (e Endpoints) authenticated(r *http.Request, form url.Values) (Client, error) {
	if asserts(form) {
		return e.asserted(r, form)
	}
	name, secret, err := credentials(r, form)
	if err != nil {
		return Client{}, err
	}
	return e.guarded(r, name, func(c Client) error { return c.prove(secret, e.Service.store.Now()) })
}

// guarded authenticates the client of a name. After too many failures every further failure
// is answered only with the request to wait; the right proof is still accepted.
func (e Endpoints) guarded(r *http.Request, name string, prove func(Client) error) (Client, error) {
	id, err := uuid.Parse(name)
	if err != nil {
		id = uuid.Nil // which no client has
	}
	s, ctx, address, at := e.Service, r.Context(), e.Address(r), time.Now()
	who := guesses.Suspect{Who: id, Source: guesses.SourceOf(address)}
	wait := s.guesses.Pause(who, at)
	client, err := s.find(ctx, id, who.Source, wait > 0)
	if err == nil {
		err = prove(client)
	}
	unknown, wrong := errors.Is(err, ErrNotFound), errors.Is(err, ErrWrongSecret)
	switch {
	case err == nil:
		s.guesses.Succeeded(who, at)
		if retry := e.Limit(client.ID); retry > 0 {
			return Client{}, tooFast("the client makes too many requests about tokens", retry)
		}
		return client, nil
	case wait > 0 && (unknown || wrong || errors.Is(err, ErrKeysAway)):
		s.log.WarnContext(ctx, "client refused: too many failures", "client", id, "from", address)
		return Client{}, tooFast("too many failed attempts to authenticate", wait)
	case unknown:
		s.guesses.Failed(who, false, at)
		s.log.WarnContext(ctx, "client refused: not found", "from", address)
		return Client{}, refuse(http.StatusBadRequest, "invalid_client", "client not found")
	case wrong:
		s.guesses.Failed(who, true, at)
		s.log.WarnContext(ctx, "client refused", "client", id, "from", address, "error", err)
		return Client{}, unauthenticated(reason(err))
	default:
		return Client{}, err
	}
}

// reason is the description of the error for a client that did not authenticate. For an
// assertion it says what is wrong, since only its maker can correct it.
func reason(err error) string {
	if told := assertionError(""); errors.As(err, &told) {
		return told.Error()
	}
	return "authentication failed"
}

// readForm reads the parameters from the body alone: credentials in the URL
// end in logs (RFC 6749 section 2.3.1).
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/x-www-form-urlencoded" {
		return nil, invalidRequest("the body must be application/x-www-form-urlencoded")
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, refuse(http.StatusRequestEntityTooLarge, "invalid_request", "the body is too large")
	}
	if bytes.Count(text, []byte{'&'}) >= maxParameters { // each takes many times its bytes
		return nil, invalidRequest("there are too many parameters")
	}
	r.Body = io.NopCloser(bytes.NewReader(text))
	if err != nil || r.ParseForm() != nil {
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
