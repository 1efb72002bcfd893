package openid

import (
	"context"
	"crypto/subtle"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-json-experiment/json"
	"golang.org/x/oauth2"
)

// algorithms are those by which an ID token may be signed: who can check one cannot make one.
var algorithms = []string{
	gooidc.RS256, gooidc.RS384, gooidc.RS512, gooidc.PS256, gooidc.PS384, gooidc.PS512,
	gooidc.ES256, gooidc.ES384, gooidc.ES512, gooidc.EdDSA,
}

// maxSubject is as long as a subject may be, in bytes (OpenID Connect Core section 2).
const maxSubject = 255

// Redeem tells who has brought an answer: the query with which the browser came back. Errors
// are ErrAway, ErrDenied and ErrUntrue. That its state is that of the question is left to the
// caller, who found the question by it.
func (p *Party) Redeem(ctx context.Context, q Question, answer url.Values) (Person, error) {
	d, err := p.find(ctx, q.Issuer)
	if err != nil {
		return Person{}, err
	}
	if err := d.check(q, answer); err != nil {
		return Person{}, err
	}
	ctx = gooidc.ClientContext(ctx, p.client)
	token, err := d.client(q).Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(q.Verifier))
	if err != nil {
		return Person{}, exchangeError(err)
	}
	text, ok := token.Extra("id_token").(string)
	if !ok {
		return Person{}, fmt.Errorf("%w: there is no ID token", ErrUntrue)
	}
	who, err := p.verify(ctx, d, q, text)
	switch {
	case errors.Is(err, ErrAway):
		return Person{}, err
	case err != nil:
		return Person{}, fmt.Errorf("%w: %w", ErrUntrue, err)
	}
	if who.Email == "" && d.Further != "" {
		return d.askFurther(ctx, who, token)
	}
	return who, nil
}

// check looks at an answer before anything is done with it: a code of another provider must
// not be sent to this one (RFC 9207, RFC 9700 section 4.4).
func (d discovered) check(q Question, answer url.Values) error {
	for name, values := range answer { // RFC 6749 section 3.1
		if len(values) > 1 {
			return fmt.Errorf("%w: it has %d of %q", ErrUntrue, len(values), clip(name))
		}
	}
	if iss, has := answer.Get("iss"), answer.Has("iss"); (has || d.Announces) && iss != q.Issuer {
		return fmt.Errorf("%w: it is of the issuer %q", ErrUntrue, iss)
	}
	if code := answer.Get("error"); code != "" {
		return fmt.Errorf("%w: %q, %q", ErrDenied, clip(code), clip(answer.Get("error_description")))
	}
	if answer.Get("code") == "" {
		return fmt.Errorf("%w: it has no code", ErrUntrue)
	}
	return nil
}

// exchangeError tells why a code gave no token, without what was sent.
func exchangeError(err error) error {
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return fmt.Errorf("%w: the token endpoint answers %d, %q, %q", ErrDenied, refused.Response.StatusCode, clip(refused.ErrorCode), clip(refused.ErrorDescription))
	}
	return fmt.Errorf("%w: the token endpoint: %s", ErrAway, clip(err.Error()))
}

// claims are what is used of an ID token, in their exact spelling. One that stands twice is
// refused, so that no reader takes another value.
type claims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Party    string   `json:"azp"`
	Nonce    string   `json:"nonce"`
	Expires  *float64 `json:"exp"`
	Email    string   `json:"email"`
	Verified any      `json:"email_verified"`
	// Domain is whether the domain of the address is one of the Entra tenant.
	Domain any `json:"xms_edov"`
}

// verify checks an ID token (OpenID Connect Core section 3.1.3.7).
func (p *Party) verify(ctx context.Context, d discovered, q Question, text string) (Person, error) {
	keys := &judge{KeySet: d.keys}
	token, err := gooidc.NewVerifier(d.Issuer, keys, &gooidc.Config{ClientID: q.ClientID, SupportedSigningAlgs: algorithms, Now: p.now}).Verify(ctx, text)
	switch {
	case keys.away != nil:
		return Person{}, fmt.Errorf("%w: its keys: %w", ErrAway, keys.away)
	case err != nil:
		return Person{}, errors.New(clip(err.Error()))
	}
	var raw stdjson.RawMessage
	if err := token.Claims(&raw); err != nil {
		return Person{}, err
	}
	var c claims
	if err := json.Unmarshal(raw, &c); err != nil {
		return Person{}, errors.New("a claim stands twice, or is of a wrong type")
	}
	switch {
	case c.Subject == "", len(c.Subject) > maxSubject, c.Subject != token.Subject:
		return Person{}, errors.New("sub is empty, long or said twice")
	case c.Issuer != token.Issuer, c.Nonce != token.Nonce, c.Expires == nil || int64(*c.Expires) != token.Expiry.Unix():
		return Person{}, errors.New("a claim is said twice")
	case subtle.ConstantTimeCompare([]byte(c.Nonce), []byte(q.Nonce)) != 1:
		return Person{}, errors.New("the nonce is another")
	case (len(token.Audience) > 1 || c.Party != "") && c.Party != q.ClientID:
		return Person{}, errors.New("it was made for another client: azp")
	case token.IssuedAt.After(p.now().Add(leeway)):
		return Person{}, errors.New("it is of the future: iat")
	}
	return Person{Subject: c.Subject, Email: c.Email, Verified: c.verified()}, nil
}

// judge checks the signature of one token by the keys of its provider, and keeps why they
// could not be had: of that the verifier passes on the words alone.
type judge struct {
	gooidc.KeySet
	away error
}

// VerifySignature implements gooidc.KeySet.
func (j *judge) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := j.KeySet.VerifySignature(ctx, token)
	if cause := errors.Unwrap(err); cause != nil { // that no key fits has none
		j.away = errors.New("what it answers cannot be read") // and must not come into an error
		if failed, ok := errors.AsType[*url.Error](cause); ok {
			j.away = failed
		}
	}
	return payload, err
}

// leeway is how far the clock of a provider may go before ours.
const leeway = time.Minute

// verified reports whether the issuer says that the address is the person's own. What it says
// of that must not be no in one claim while it is yes in the other.
func (c claims) verified() bool {
	said := []bool{}
	if c.Verified != nil {
		said = append(said, isTrue(c.Verified))
	}
	if c.Domain != nil && isEntra(c.Issuer) {
		said = append(said, isTrue(c.Domain) || c.Domain == 1.0 || c.Domain == "1")
	}
	return len(said) > 0 && !slices.Contains(said, false)
}

// isTrue takes true, and the text of it, which some providers send.
func isTrue(v any) bool { return v == true || v == "true" }

// isEntra reports whether an issuer is a tenant of Microsoft Entra ID, in one of its clouds.
// The e-mail address that Entra tells may be any that an administrator, or a guest's own
// organisation, has written down: xms_edov says that its domain is proved. The claim means
// nothing of other issuers, whose users may be able to name a claim of theirs so.
func isEntra(issuer string) bool {
	u, err := url.Parse(issuer)
	return err == nil && slices.Contains(entra, u.Host)
}

var entra = []string{"login.microsoftonline.com", "sts.windows.net", "login.microsoftonline.us", "login.partner.microsoftonline.cn"}

// askFurther asks for the e-mail address, which some providers tell at an endpoint of its own
// alone (OpenID Connect Core section 5.3). Without an answer there is none.
func (d discovered) askFurther(ctx context.Context, who Person, token *oauth2.Token) (Person, error) {
	further, err := d.Provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return who, nil //nolint:nilerr // who is known signs in without an address
	}
	if further.Subject != who.Subject { // section 5.3.2
		return Person{}, fmt.Errorf("%w: the UserInfo endpoint tells of somebody else", ErrUntrue)
	}
	var c claims
	var raw stdjson.RawMessage
	if err := further.Claims(&raw); err != nil || json.Unmarshal(raw, &c) != nil {
		return Person{}, fmt.Errorf("%w: the UserInfo endpoint says a claim twice", ErrUntrue)
	}
	c.Issuer = d.Issuer
	who.Email, who.Verified = c.Email, c.verified()
	return who, nil
}

// clip bounds a text of a provider for the log.
func clip(text string) string { return text[:min(len(text), 300)] }
