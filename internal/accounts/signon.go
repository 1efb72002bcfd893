package accounts

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/openid"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/scim"
)

// SignOnLife is how long somebody may take to sign in at a provider.
const SignOnLife = 10 * time.Minute

// signingOn is the purpose of a challenge that a provider answers.
const signingOn Purpose = "sign in by OpenID Connect"

// SignOn is a way to a provider and back, of one browser.
type SignOn struct {
	Provider uuid.UUID
	// Browser is a secret that the browser keeps in a cookie meanwhile.
	Browser string
	// Redirect is the URL to which the provider sends the browser back.
	Redirect string
	// Next is where the person wanted to go.
	Next string
	// Invitation is the secret of the link that is accepted by this; empty is none.
	Invitation string
	// Account is the account to which the identity is added, once it has authenticated;
	// zero until then.
	Account Account
}

// waiting is what is kept of a SignOn until the browser comes back.
type waiting struct {
	Provider       uuid.UUID
	Redirect, Next string
	Invitation     []byte `json:",omitempty"` // the hash
}

// NewBrowser makes the secret of a browser that sets out to a provider.
func NewBrowser() string { return newSecret() }

// IsBrowser reports whether a cookie may be such a secret.
func IsBrowser(secret string) bool { return len(secret) == len(newSecret()) }

// derive derives the secret of one request from that of the browser, so that nothing has to
// be stored, and only this browser can use the answer.
func (on SignOn) derive(what, state string) string {
	mac := hmac.New(sha256.New, []byte(on.Browser))
	mac.Write([]byte(what + " " + state))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// key is by what the browser that comes back is found: its state, and its own secret.
func (on SignOn) key(state string) string { return state + "." + on.Browser }

func (on SignOn) question(p Provider, state string) openid.Question {
	return openid.Question{
		Provider: p.asParty(), Redirect: on.Redirect, State: state,
		Nonce: on.derive("nonce", state), Verifier: on.derive("verifier", state),
	}
}

// BeginSignOn gives the URL of the provider to which the browser goes. A provider signs in
// accounts of its own organisation alone, so that a link or an account of another is refused.
func (s *Service) BeginSignOn(ctx context.Context, on SignOn, from From) (string, error) {
	p, err := s.store.Provider(ctx, on.Provider)
	if err != nil {
		return "", err
	}
	kept := waiting{Provider: p.ID, Redirect: on.Redirect, Next: on.Next}
	if on.Invitation != "" {
		i, err := s.Invitation(ctx, on.Invitation)
		if err == nil && i.Org != p.Org {
			err = ErrNotFound
		}
		if err != nil {
			return "", err
		}
		kept.Invitation = i.Hash
	}
	if on.Account.ID != uuid.Nil && on.Account.Org != p.Org {
		return "", ErrNotFound
	}
	asked, err := json.Marshal(kept)
	if err != nil {
		return "", fmt.Errorf("keep a sign-in: %w", err)
	}
	state := newSecret()
	if err := s.ask(ctx, on.key(state), signingOn, on.Account.ID, string(asked), SignOnLife, from); err != nil {
		return "", err
	}
	target, err := s.party.AuthorizationURL(ctx, on.question(p, state))
	return target, s.unanswered(ctx, p, err, from)
}

// BeginLink is BeginSignOn to add an identity to the account. The person enters the password
// first, as for a passkey.
func (s *Service) BeginLink(ctx context.Context, on SignOn, password string, from From) (string, error) {
	if on.Account.Password != "" {
		if _, err := s.prove(ctx, on.Account.Login, password, from); err != nil {
			return "", err
		}
	}
	return s.BeginSignOn(ctx, on, from)
}

// SignedOn is what a way to a provider has come to.
type SignedOn struct {
	Secret string // for the cookie of a session; empty when an account got an identity
	Next   string
	// Provider and Org are by which it came, also where it came to nothing.
	Provider uuid.UUID
	Org      org.ID
}

// EndSignOn takes the answer that a browser brings back from a provider of an organisation, or
// of Everywhere, to where that one sends it. Who is signed in already is given for an identity
// of theirs. Errors are for the person; what a provider has said is in the server's log.
func (s *Service) EndSignOn(ctx context.Context, o org.ID, browser string, answer url.Values, who Account, from From) (done SignedOn, err error) {
	state := answer.Get("state")
	c, err := s.answered(ctx, SignOn{Browser: browser}.key(state), signingOn)
	if errors.Is(err, ErrNotFound) {
		return done, scim.BadRequest("this sign-in took more than %d minutes, began in another browser, or was used already; begin again", SignOnLife/time.Minute)
	}
	var kept waiting
	if err == nil {
		err = json.Unmarshal([]byte(c.Asked), &kept)
	}
	if err != nil {
		return done, fmt.Errorf("read a sign-in: %w", err)
	}
	p, err := s.store.Provider(ctx, kept.Provider)
	if err == nil && p.Org != o { // the answer of another provider, which only knows its own way back
		err = ErrNotFound
	}
	if err != nil {
		return done, err
	}
	done = SignedOn{Next: kept.Next, Provider: p.ID, Org: p.Org}
	on := SignOn{Browser: browser, Redirect: kept.Redirect}
	person, err := s.party.Redeem(ctx, on.question(p, state), answer)
	if err != nil {
		return done, s.unanswered(ctx, p, err, from)
	}
	switch {
	case c.Account != uuid.Nil:
		return done, s.link(ctx, p, person, c.Account, who)
	case kept.Invitation != nil:
		done.Secret, err = s.acceptAs(ctx, p, person, kept.Invitation, from)
	default:
		done.Secret, err = s.signInAs(ctx, p, person, from)
	}
	return done, err
}

// unanswered is the error for a person whose provider did not identify them; details are
// logged.
func (s *Service) unanswered(ctx context.Context, p Provider, err error, from From) error {
	if err == nil {
		return nil
	}
	s.log.WarnContext(ctx, "sign-in by an OpenID provider refused", "provider", p.ID, "issuer", p.Issuer, "error", err, "from", from.Address)
	switch {
	case errors.Is(err, openid.ErrAway):
		return scim.Unavailable("%s does not answer at the moment; try again in a minute, or sign in another way", p.Name)
	case errors.Is(err, openid.ErrDenied):
		return scim.Unauthorized("%s has let nobody in; begin again (with the link of your invitation, if you came by one), and if that does not help, ask who administrates it whether you may use this application", p.Name)
	default:
		return scim.Unauthorized("what %s has answered cannot be believed, so nobody is signed in; begin again, and if that does not help, tell who administrates this server", p.Name)
	}
}

// identify is a person of a provider, as an identity that is not kept yet.
func (s *Service) identity(p Provider, person openid.Person) Identity {
	return Identity{ID: s.store.NewID(), Provider: p.ID, Name: p.Name, Subject: person.Subject, Created: s.store.Now()}
}

// link makes a person an identity of the account that asked for it, if it is still that one
// which is signed in.
func (s *Service) link(ctx context.Context, p Provider, person openid.Person, asked uuid.UUID, who Account) error {
	if who.ID != asked || who.Org != p.Org {
		return scim.Forbidden("somebody else is signed in by now, so nothing was changed; sign in again and repeat it")
	}
	return s.store.AddIdentity(ctx, who, s.identity(p, person))
}

// acceptAs makes the account of an invitation, which this person of the provider has from now
// on, and signs it in. That somebody has the link is what an invitation asks for, with a
// password or without.
func (s *Service) acceptAs(ctx context.Context, p Provider, person openid.Person, hash []byte, from From) (string, error) {
	now := s.store.Now()
	i, err := s.store.Invitation(ctx, hash, now)
	if err == nil && i.Org != p.Org {
		err = ErrNotFound
	}
	if err != nil {
		return "", err
	}
	login := i.Login
	if login == "" && person.Verified {
		login = person.Email
	}
	if login, err = checkLogin(login); err != nil {
		return "", scim.InvalidValue("%s tells no e-mail address of yours that it has verified; accept the invitation with a password", p.Name)
	}
	made, of := Account{ID: s.store.NewID(), Org: i.Org, Login: login, Role: i.Role, Created: now}, s.identity(p, person)
	if made, err = s.store.Accept(ctx, i, now, made, &of); s.ending(ctx, err) != nil {
		return "", err
	}
	s.log.InfoContext(ctx, "account of the console made", "account", made.ID, "org", made.Org, "role", made.Role, "provider", p.ID)
	return s.begin(ctx, made, from, of.ID)
}

// signInAs makes a session of the account that a person of the provider has. One that is new
// gets the account of the provider's organisation that has the e-mail address, if the
// provider says that the address is the person's own.
func (s *Service) signInAs(ctx context.Context, p Provider, person openid.Person, from From) (string, error) {
	i, a, err := s.store.Identity(ctx, p.ID, person.Subject)
	if errors.Is(err, ErrNotFound) {
		i, a, err = s.meet(ctx, p, person)
	}
	if err == nil && a.Org != p.Org {
		err = unknown(p)
	}
	if err != nil {
		s.log.WarnContext(ctx, "sign-in by an OpenID provider refused", "provider", p.ID, "error", err, "from", from.Address)
		return "", err
	}
	return s.begin(ctx, a, from, i.ID)
}

// meet gives a person of a provider the account that has their address.
func (s *Service) meet(ctx context.Context, p Provider, person openid.Person) (Identity, Account, error) {
	if !person.Verified || person.Email == "" {
		return Identity{}, Account{}, &scim.Error{Status: http.StatusForbidden, Detail: fmt.Sprintf(
			"%s does not say that your e-mail address is verified, so nobody is signed in by it; sign in another way and link %[1]s under Your account, or ask an owner for an invitation", p.Name)}
	}
	a, err := s.store.Account(ctx, person.Email)
	if errors.Is(err, ErrNotFound) || err == nil && (a.Org != p.Org || !isAddress(a.Login, person.Email)) {
		return Identity{}, a, unknown(p)
	}
	if err != nil {
		return Identity{}, a, err
	}
	i := s.identity(p, person)
	return i, a, s.store.AddIdentity(ctx, a, i)
}

// unknown is the error for an address without an account, and for one whose account is in
// another organisation. It does not say which.
func unknown(p Provider) error {
	return scim.Forbidden("nobody with your e-mail address uses the console by %s; open the link of your invitation, or ask an owner for one", p.Name)
}

// isAddress reports whether an address is that of a login, letter by letter but for the case
// of a to z: what else is taken for the same letter elsewhere is another mailbox.
func isAddress(login, address string) bool {
	ascii := func(text string) string {
		return strings.Map(func(r rune) rune {
			if 'A' <= r && r <= 'Z' {
				r += 'a' - 'A'
			}
			return r
		}, text)
	}
	return ascii(login) == ascii(address)
}
