package accounts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/guesses"
	"github.com/purescim/purescim/internal/scim"
)

// SessionIdle is how long a session lasts that is not used.
const SessionIdle = 12 * time.Hour

const (
	// touchPause is between two notes of the use of a session.
	touchPause = time.Minute
	// MaxSessions is how many browsers somebody is signed in with at once.
	MaxSessions = 50
	// maxAgent is how many bytes of the name of a browser are kept.
	maxAgent = 200
)

// Session is a browser in which a person has signed in.
type Session struct {
	ID      uuid.UUID
	Hash    []byte // of the secret in the cookie
	Created time.Time
	Used    time.Time // noted once a minute
	Address string
	Agent   string // as the browser names itself
	// Identity is that which began it; zero is none.
	Identity uuid.UUID
}

// From is where a sign-in comes from.
type From struct{ Address, Agent string }

// wrong is the error for a login and password that do not match. It does not say which of
// them is wrong.
func wrong() error {
	return scim.Unauthorized("the e-mail address or the password is wrong; who has forgotten the password asks an owner for a new invitation")
}

// SignIn makes a session of a login and its password, and gives the secret for the cookie.
// Who fails often waits: unlike the secret of a client, a password can be guessed, so that
// not even the right one is taken meanwhile.
func (s *Service) SignIn(ctx context.Context, login, password string, from From) (secret string, a Account, err error) {
	if a, err = s.prove(ctx, login, password, from); err != nil {
		return "", a, err
	}
	secret, err = s.begin(ctx, a, from, uuid.Nil)
	return secret, a, err
}

// prove finds the account of a login and its password.
func (s *Service) prove(ctx context.Context, login, password string, from From) (Account, error) {
	a, err := s.find(ctx, login)
	unknown := errors.Is(err, ErrNotFound)
	if err != nil && !unknown {
		return a, fmt.Errorf("find account: %w", err)
	}
	who := guesses.Suspect{Who: a.ID, Source: guesses.SourceOf(from.Address)}
	if err := s.pause(ctx, who, from); err != nil {
		return a, err
	}
	leave, err := s.enter(ctx, who.Source)
	if err != nil {
		return a, err
	}
	defer leave()
	if err := s.pause(ctx, who, from); err != nil { // others of the source have failed meanwhile
		return a, err
	}
	ok, err := isPassword(password, cmp.Or(a.Password, nobody))
	switch {
	case err != nil:
		return a, err
	case !ok || a.Password == "":
		s.guesses.Failed(who, !unknown, time.Now())
		s.log.WarnContext(ctx, "sign-in refused", "account", a.ID, "from", from.Address)
		return a, wrong()
	}
	s.guesses.Succeeded(who, time.Now())
	return a, nil
}

// pause refuses a sign-in that has to wait after failures.
func (s *Service) pause(ctx context.Context, who guesses.Suspect, from From) error {
	wait := s.guesses.Pause(who, time.Now())
	if wait == 0 {
		return nil
	}
	s.log.WarnContext(ctx, "sign-in refused: too many failures", "account", who.Who, "from", from.Address)
	seconds := int((wait + time.Second - 1) / time.Second)
	return scim.TooManyRequests("there were too many failed attempts; wait %d seconds, and try again then", seconds)
}

// begin makes a session, which lasts as long as the identity that began it, if one did.
func (s *Service) begin(ctx context.Context, a Account, from From, identity uuid.UUID) (secret string, err error) {
	secret = newSecret()
	now := s.store.Now()
	made := Session{ID: s.store.NewID(), Hash: hashOf(secret), Created: now, Used: now, Address: from.Address, Agent: clip(from.Agent), Identity: identity}
	if err := s.store.AddSession(ctx, a, made, now.Add(-SessionIdle)); err != nil {
		return "", fmt.Errorf("sign in: %w", err)
	}
	s.log.InfoContext(ctx, "signed in", "account", a.ID, "from", from.Address)
	return secret, nil
}

func clip(agent string) string {
	if len(agent) > maxAgent {
		agent = agent[:maxAgent]
	}
	return agent
}

// Session finds the session of a cookie's secret and its account, or returns ErrNotFound. A
// session that was not used for SessionIdle has ended.
func (s *Service) Session(ctx context.Context, secret string) (Session, Account, error) {
	now := s.store.Now()
	found, a, err := s.store.Session(ctx, hashOf(secret), now.Add(-SessionIdle))
	if err == nil && now.Sub(found.Used) > touchPause {
		err = s.store.Touch(ctx, a, found.ID, now)
	}
	return found, a, err
}

// Sessions lists where a person is signed in, the last used first.
func (s *Service) Sessions(ctx context.Context, a Account) ([]Session, error) {
	return s.store.Sessions(ctx, a, s.store.Now().Add(-SessionIdle))
}

// EndSession ends a session of an account, on all servers at once. One that has ended is
// ErrNotFound.
func (s *Service) EndSession(ctx context.Context, a Account, session uuid.UUID) error {
	return s.ending(ctx, s.store.EndSession(ctx, a, session))
}

// EndSessions ends all sessions of an account, on all servers at once.
func (s *Service) EndSessions(ctx context.Context, a Account) error {
	return s.ending(ctx, s.store.EndSessions(ctx, a))
}

// Confirm returns ErrNotFound unless a session is still valid and the role of its account
// unchanged. It waits for transactions that end or change them, so that what the session made
// before is ended by those, or refused here.
func (s *Service) Confirm(ctx context.Context, a Account, session uuid.UUID) error {
	now, err := s.store.Still(ctx, a, session)
	if err == nil && now.Role != a.Role {
		err = ErrNotFound
	}
	return err
}
