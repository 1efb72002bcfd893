package oauth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
)

// PersonalValidity is how long a personal access token lives, and MaxPersonal how many of
// one person are good at once.
const (
	PersonalValidity = 15 * time.Minute
	MaxPersonal      = 5
)

// The provisioning domains of personal clients, which tell what they may do. No
// administrator can name one: a domain begins with a letter or a digit (domainName).
// Whoever has one asks from the home of the organisation.
const (
	personalReader = ".reader"
	personalEditor = ".editor"
)

// personalPermissions are what the personal clients of a domain may do, whatever roles
// somebody gives them. No one makes clients, tokens, roles or streams of events: nothing that
// lasts longer than the token and lets somebody in, or tells them what happens.
var personalPermissions = map[string]Permissions{
	personalReader: NewPermissions("directory:group:view", "scim:log:view", "authorization:role:view", "routing:skill:view"),
	personalEditor: NewPermissions(
		"directory:group:view", "scim:log:view", "authorization:role:view", "routing:skill:view",
		"directory:user:add", "directory:user:edit", "directory:user:delete", "directory:user:erase",
		"directory:group:add", "directory:group:edit", "directory:group:delete",
		"authorization:grant:add", "authorization:grant:delete",
		"authorization:division:add", "authorization:division:edit", "authorization:division:delete",
		"routing:skill:manage", "routing:skill:assign", "routing:language:assign", "telephony:extension:assign",
		"scim:log:undo", "scim:holds:edit", "scim:async:view", "scim:async:edit",
	),
}

// IsPersonal reports whether the client is that of a person who tries the API. It gets tokens
// of IssuePersonal alone, and has no secret.
func (c Client) IsPersonal() bool { return strings.HasPrefix(c.ProvisioningDomain, ".") }

// home is the organisation as the client sees it.
func (b Bearer) home() org.Org {
	if b.Client.IsPersonal() {
		return b.Org.SeenFrom(b.Org.HomeDomain)
	}
	return b.Org.SeenFrom(b.Client.Domain())
}

// Person is somebody who tries the API by hand.
type Person struct {
	ID   uuid.UUID // of no client but the person's own
	Name string    // for the log
	// Edits tells that the person may change people, groups and the catalogue, besides
	// reading them.
	Edits bool
}

// IssuePersonal makes a token with which a person acts in one organisation for
// PersonalValidity. The tokens that the person has of another organisation, or with other
// rights, end. It returns a *TokenLimitError where MaxPersonal are good already, and an
// *InvalidError where the organisation has too many clients.
func (s *Service) IssuePersonal(ctx context.Context, o org.ID, p Person) (token string, expires time.Time, err error) {
	c, err := s.personalClient(ctx, o, p)
	if err != nil {
		return "", time.Time{}, err
	}
	return s.issueWithin(ctx, Token{Org: o, Client: c.ID}, c, PersonalValidity, MaxPersonal)
}

// personalClient finds the client of a person, or makes it.
func (s *Service) personalClient(ctx context.Context, o org.ID, p Person) (Client, error) {
	domain, may := personalReader, "may read"
	if p.Edits {
		domain, may = personalEditor, "may edit"
	}
	name := fmt.Sprintf("Console: %s (%s)", p.Name, may)
	same := func(c Client) bool { return c.Org == o && c.ProvisioningDomain == domain && c.Name == name }
	c, err := s.store.Client(ctx, p.ID)
	if err == nil && same(c) {
		return c, nil
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return c, fmt.Errorf("find personal client: %w", err)
	}
	if err := s.EndPersonal(ctx, p.ID); err != nil {
		return c, err
	}
	c, _, err = NewClient(s.store, o, ClientSpec{
		Name: name, Validity: PersonalValidity, Description: "Made by the console for who tries the API in a browser. It ends when that person signs out.",
	})
	if err != nil {
		return c, err
	}
	c.ID, c.ProvisioningDomain = p.ID, domain
	if err := s.store.CreateClient(ctx, c); err != nil {
		if made, again := s.store.Client(ctx, p.ID); again == nil && same(made) { // by a form that was sent twice
			return made, nil
		}
		return c, fmt.Errorf("create personal client: %w", err)
	}
	s.log.InfoContext(ctx, "personal client created", "org", o, "client", c.ID)
	return c, nil
}

// EndPersonal ends all tokens of a person, on all servers within a second. Of who has none
// nothing ends.
func (s *Service) EndPersonal(ctx context.Context, person uuid.UUID) error {
	c, err := s.store.Client(ctx, person)
	if err == nil && c.IsPersonal() {
		err = s.DeleteClient(ctx, c.Org, c.ID)
	}
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}
