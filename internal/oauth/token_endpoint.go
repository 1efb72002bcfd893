package oauth

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
)

// tokenAnswer is the body of RFC 6749 section 5.1.
type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"` // seconds
}

// Token answers POST /oauth/token: the client credentials grant (RFC 6749
// section 4.4) with HTTP Basic or credentials in the form.
func (e Endpoints) Token(w http.ResponseWriter, r *http.Request) error {
	found, err := e.grant(w, r)
	return answer(w, found, err)
}

func (e Endpoints) grant(w http.ResponseWriter, r *http.Request) (any, error) {
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
	client, err := e.authenticated(r, form)
	if err != nil {
		return nil, err
	}
	token, expires, err := e.Service.IssueTo(r.Context(), client, 0, e.Address(r))
	if errors.Is(err, ErrClientClosed) {
		return nil, closed(client)
	}
	if many := (*TokenLimitError)(nil); errors.As(err, &many) {
		return nil, tooFast(many.Error(), TokenIdle)
	}
	if err != nil {
		return nil, err
	}
	return tokenAnswer{AccessToken: token, TokenType: "bearer", ExpiresIn: int64(time.Until(expires) / time.Second)}, nil
}

// closed refuses a client by its state, which may have changed since it was read.
func closed(c Client) *refusal {
	state := string(c.State)
	if c.State == StateActive {
		state = "not active any more"
	}
	return refuse(http.StatusBadRequest, "unauthorized_client", "client is "+state)
}

// Revoke answers POST /oauth/revoke (RFC 7009): a client ends a token of its
// own. One that is not good any more needs no ending.
func (e Endpoints) Revoke(w http.ResponseWriter, r *http.Request) error {
	return answer(w, struct{}{}, e.revoke(w, r))
}

func (e Endpoints) revoke(w http.ResponseWriter, r *http.Request) error {
	client, token, err := e.aboutToken(w, r)
	if err != nil {
		return err
	}
	p, err := e.Service.Verify(r.Context(), token)
	switch {
	case notGood(err), err == nil && p.Org.ID != client.Org:
		return nil
	case err != nil:
		return err
	case p.Client != client.ID:
		return refuse(http.StatusBadRequest, "unauthorized_client", "the token was issued to another client")
	}
	err = e.Service.RevokeToken(r.Context(), client.Org, client.ID, p.Token)
	if errors.Is(err, ErrNotFound) {
		return nil // its client was deleted in this moment
	}
	return err
}

// introspection is the body of RFC 7662 section 2.2.
type introspection struct {
	Active    bool   `json:"active"`
	Scope     string `json:"scope,omitempty"` // the permissions
	ClientID  string `json:"client_id,omitempty"`
	TokenType string `json:"token_type,omitempty"`
	Expires   int64  `json:"exp,omitempty"`
	Issued    int64  `json:"iat,omitempty"`
	Subject   string `json:"sub,omitempty"`
	Audience  string `json:"aud,omitempty"`
	Issuer    string `json:"iss,omitempty"`
	ID        string `json:"jti,omitempty"`
}

// Introspect answers POST /oauth/introspect (RFC 7662): a client asks about a
// token of its organisation. Any other is inactive, and no more is told.
func (e Endpoints) Introspect(w http.ResponseWriter, r *http.Request) error {
	found, err := e.introspect(w, r)
	return answer(w, found, err)
}

func (e Endpoints) introspect(w http.ResponseWriter, r *http.Request) (introspection, error) {
	client, token, err := e.aboutToken(w, r)
	if err != nil {
		return introspection{}, err
	}
	p, err := e.Service.Verify(r.Context(), token)
	switch {
	case notGood(err), err == nil && p.Org.ID != client.Org:
		return introspection{}, nil
	case err != nil:
		return introspection{}, err
	}
	issuer, audience := e.Service.issuer, e.Service.audience
	if p.Issuer != "" {
		issuer, audience = p.Issuer, "" // which may be left out
	}
	subject := p.Client
	if p.User != uuid.Nil {
		subject = p.User
	}
	return introspection{
		Active: true, Scope: strings.Join(p.Permissions.Names(), " "), ClientID: p.Client.String(), TokenType: "bearer",
		Expires: p.Expires.Unix(), Issued: p.Issued.Unix(), Subject: subject.String(),
		Audience: audience, Issuer: issuer, ID: p.Token.String(),
	}, nil
}

// aboutToken reads a request of a client about a token. The type hint is not
// needed: there is one type.
func (e Endpoints) aboutToken(w http.ResponseWriter, r *http.Request) (Client, string, error) {
	form, err := readForm(w, r)
	if err != nil {
		return Client{}, "", err
	}
	client, err := e.authenticated(r, form)
	if err != nil {
		return Client{}, "", err
	}
	if client.State == StateDisabled {
		return Client{}, "", closed(client)
	}
	token := form.Get("token")
	if token == "" {
		return Client{}, "", invalidRequest("token is missing")
	}
	return client, token, nil
}

func notGood(err error) bool {
	return errors.Is(err, ErrTokenInvalid) || errors.Is(err, ErrTokenExpired)
}
