package accounts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/printable"
	"github.com/purescim/purescim/internal/scim"
)

// MaxPasskeys is how many an account may have.
const MaxPasskeys = 20

const maxPasskeyName = 60 // characters

// Passkey is a key by which a person signs in: the private half is in an authenticator, which
// makes sure who uses it (Web Authentication Level 3).
type Passkey struct {
	ID         uuid.UUID
	Credential []byte // the authenticator's id of it
	Key        []byte // the public key
	Flags      byte   // of the authenticator
	Counter    uint32 // how often it has signed; 0 where it does not count
	Name       string // which its owner has given it
	Created    time.Time
	Used       time.Time // zero when never
	// Copied is when its counter went back, which tells that there is a copy of it. It is
	// good for nothing since.
	Copied time.Time
}

// PasskeyStore keeps passkeys. One that it does not know is ErrNotFound.
type PasskeyStore interface {
	// AddPasskey stores a passkey of an account that has fewer than MaxPasskeys. Further ones
	// are a *scim.Error, as is a passkey that exists already.
	AddPasskey(ctx context.Context, a Account, p Passkey) error
	// Passkeys lists those of an account, the oldest first.
	Passkeys(ctx context.Context, a Account) ([]Passkey, error)
	// CountPasskeys tells how many each account of an organisation or of Everywhere has,
	// of those that have any.
	CountPasskeys(ctx context.Context, o org.ID) (map[uuid.UUID]int, error)
	// Passkey finds one by its authenticator's id of it, with its account.
	Passkey(ctx context.Context, credential []byte) (Passkey, Account, error)
	// UsePasskey notes a use, unless the counter has not gone on since, which is false, or
	// it is copied.
	UsePasskey(ctx context.Context, a Account, p Passkey) (bool, error)
	// MarkCopied notes that one is copied.
	MarkCopied(ctx context.Context, a Account, p Passkey, at time.Time) error
	// RemovePasskey removes one of an account.
	RemovePasskey(ctx context.Context, a Account, id uuid.UUID) error
}

// holder is an account as the protocol sees it.
type holder struct {
	Account
	keys []Passkey
}

func (h holder) WebAuthnID() []byte          { return h.ID[:] }
func (h holder) WebAuthnName() string        { return h.Login }
func (h holder) WebAuthnDisplayName() string { return h.Login }

func (h holder) WebAuthnCredentials() []webauthn.Credential {
	all := make([]webauthn.Credential, len(h.keys))
	for i, k := range h.keys {
		all[i] = webauthn.Credential{
			ID: k.Credential, PublicKey: k.Key, Flags: webauthn.CredentialFlagsFromMsgpByte(k.Flags),
			Authenticator: webauthn.Authenticator{SignCount: k.Counter},
		}
	}
	return all
}

// HasPasskeys reports whether browsers take passkeys for a site, given by scheme and host: it
// needs a name, over https or on the machine itself.
func HasPasskeys(site string) bool {
	u, err := url.Parse(site)
	if err != nil || u.Hostname() == "" || net.ParseIP(u.Hostname()) != nil {
		return false
	}
	return u.Scheme == "https" || u.Hostname() == "localhost" || strings.HasSuffix(u.Hostname(), ".localhost")
}

// party is the protocol for a site, whose host every passkey of it belongs to.
func party(site string) (*webauthn.WebAuthn, error) {
	if !HasPasskeys(site) {
		return nil, scim.BadRequest("passkeys need the console to be opened by its name, over https or on this machine as localhost; %s is neither", site)
	}
	u, err := url.Parse(site)
	if err != nil {
		return nil, err
	}
	required := true
	return webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: "purescim", RPOrigins: []string{site},
		AttestationPreference: protocol.PreferNoAttestation, // any authenticator will do
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			RequireResidentKey: &required, ResidentKey: protocol.ResidentKeyRequirementRequired,
			UserVerification: protocol.VerificationRequired,
		},
	})
}

// Passkeys lists those of an account, the oldest first.
func (s *Service) Passkeys(ctx context.Context, a Account) ([]Passkey, error) {
	return s.store.Passkeys(ctx, a)
}

// CountPasskeys tells how many passkeys each account of an organisation or of Everywhere
// has, of those that have any.
func (s *Service) CountPasskeys(ctx context.Context, o org.ID) (map[uuid.UUID]int, error) {
	return s.store.CountPasskeys(ctx, o)
}

// BeginPasskey returns the creation options of a passkey, as JSON for the browser. The person
// enters the password first, so that an unattended browser is not enough; an account without
// a password cannot.
func (s *Service) BeginPasskey(ctx context.Context, a Account, password, site string, from From) (any, error) {
	p, err := party(site)
	if err != nil {
		return nil, err
	}
	if a.Password != "" {
		if _, err := s.prove(ctx, a.Login, password, from); err != nil {
			return nil, err
		}
	}
	keys, err := s.store.Passkeys(ctx, a)
	if err != nil {
		return nil, err
	}
	h := holder{a, keys}
	options, session, err := p.BeginRegistration(h,
		webauthn.WithExclusions(webauthn.Credentials(h.WebAuthnCredentials()).CredentialDescriptors()),
		webauthn.WithCredentialParameters(webauthn.CredentialParametersRecommendedL3()))
	if err != nil {
		return nil, fmt.Errorf("ask for a passkey: %w", err)
	}
	return options.Response, s.askPasskey(ctx, registering, a.ID, session, from)
}

func (s *Service) askPasskey(ctx context.Context, purpose Purpose, account uuid.UUID, session *webauthn.SessionData, from From) error {
	asked, err := json.Marshal(session)
	if err != nil {
		return fmt.Errorf("keep what a browser is asked: %w", err)
	}
	return s.ask(ctx, session.Challenge, purpose, account, string(asked), challengeLife, from)
}

// answeredPasskey takes away what an answer answers.
func (s *Service) answeredPasskey(ctx context.Context, challenge string, purpose Purpose) (c Challenge, asked webauthn.SessionData, err error) {
	if c, err = s.answered(ctx, challenge, purpose); err != nil {
		return c, asked, err
	}
	if err := json.Unmarshal([]byte(c.Asked), &asked); err != nil {
		return c, asked, fmt.Errorf("read what a browser was asked: %w", err)
	}
	return c, asked, nil
}

// refused tells that an answer was not taken. What was wrong with it is for the server's log.
func (s *Service) refused(ctx context.Context, err error, from From) error {
	if told := (*scim.Error)(nil); errors.As(err, &told) {
		return err
	}
	s.log.WarnContext(ctx, "passkey refused", "error", err, "from", from.Address)
	return scim.Unauthorized("the passkey was not accepted: it is not known here, or it took too long; try again, or sign in another way").Because(err)
}

// AddPasskey keeps the passkey that a browser has made, under a name.
func (s *Service) AddPasskey(ctx context.Context, a Account, site, name string, answer []byte, from From) error {
	name = strings.TrimSpace(name)
	if name == "" || utf8.RuneCountInString(name) > maxPasskeyName || !printable.Is(name) {
		return scim.InvalidValue("the name of a passkey has 1 to %d characters; one such as %q tells later which it is", maxPasskeyName, "My laptop")
	}
	p, err := party(site)
	if err != nil {
		return err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return s.refused(ctx, err, from)
	}
	c, asked, err := s.answeredPasskey(ctx, parsed.Response.CollectedClientData.Challenge, registering)
	if err == nil && c.Account != a.ID {
		err = ErrNotFound
	}
	if err != nil {
		return s.refused(ctx, err, from)
	}
	made, err := p.CreateCredential(holder{Account: a}, asked, parsed)
	if err != nil {
		return s.refused(ctx, err, from)
	}
	key := Passkey{
		ID: s.store.NewID(), Credential: made.ID, Key: made.PublicKey, Flags: made.Flags.MsgpByte(),
		Counter: made.Authenticator.SignCount, Name: name, Created: s.store.Now(),
	}
	if err := s.store.AddPasskey(ctx, a, key); err != nil {
		return err
	}
	s.log.InfoContext(ctx, "passkey made", "account", a.ID, "passkey", key.ID, "from", from.Address)
	return nil
}

// RemovePasskey removes one of an account.
func (s *Service) RemovePasskey(ctx context.Context, a Account, id uuid.UUID) error {
	return s.store.RemovePasskey(ctx, a, id)
}

// BeginSignIn gives what a browser is asked to sign in by a passkey, as JSON for it. Nobody
// is named: the authenticator lets its user choose.
func (s *Service) BeginSignIn(ctx context.Context, site string, from From) (any, error) {
	p, err := party(site)
	if err != nil {
		return nil, err
	}
	options, session, err := p.BeginDiscoverableLogin()
	if err != nil {
		return nil, fmt.Errorf("ask for a passkey: %w", err)
	}
	return options.Response, s.askPasskey(ctx, recognising, uuid.Nil, session, from)
}

// SignInByPasskey makes a session of a browser's answer, and gives the secret for the cookie.
func (s *Service) SignInByPasskey(ctx context.Context, site string, answer []byte, from From) (secret string, a Account, err error) {
	p, err := party(site)
	if err != nil {
		return "", a, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return "", a, s.refused(ctx, err, from)
	}
	_, asked, err := s.answeredPasskey(ctx, parsed.Response.CollectedClientData.Challenge, recognising)
	if err != nil {
		return "", a, s.refused(ctx, err, from)
	}
	key, a, err := s.store.Passkey(ctx, parsed.RawID)
	if err != nil {
		return "", a, s.refused(ctx, err, from)
	}
	find := func(_, _ []byte) (webauthn.User, error) { return holder{a, []Passkey{key}}, nil }
	_, used, err := p.ValidatePasskeyLogin(find, asked, parsed)
	if err != nil {
		return "", a, s.refused(ctx, err, from)
	}
	if err := s.usePasskey(ctx, a, key, used); err != nil {
		return "", a, err
	}
	secret, err = s.begin(ctx, a, from, uuid.Nil)
	return secret, a, err
}

// usePasskey notes a use. A counter that has not gone on tells that there are two of a key.
func (s *Service) usePasskey(ctx context.Context, a Account, key Passkey, used *webauthn.Credential) error {
	key.Used = s.store.Now()
	ok := key.Copied.IsZero() && !used.Authenticator.CloneWarning
	if ok {
		key.Counter, key.Flags = used.Authenticator.SignCount, used.Flags.MsgpByte()
		var err error
		if ok, err = s.store.UsePasskey(ctx, a, key); err != nil {
			return err
		}
	}
	if ok {
		return nil
	}
	s.log.WarnContext(ctx, "passkey refused: its counter went back", "account", a.ID, "passkey", key.ID)
	if err := s.store.MarkCopied(ctx, a, key, key.Used); err != nil {
		return err
	}
	return scim.Forbidden("the passkey %q has been copied, as its counter tells, and is refused from now on; sign in another way, remove it and make another", key.Name)
}
