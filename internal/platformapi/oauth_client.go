package platformapi

import (
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/oauth"
)

// grantType is the only one that there is, in the platform's spelling.
const grantType = "CLIENT-CREDENTIALS"

// clients are the OAuth clients of the caller's organisation.
type clients struct{ oauth *oauth.Service }

// clientAnswer is the platform's OAuthClient.
type clientAnswer struct {
	ID              string         `json:"id"`
	Name            string         `json:"name"`
	Description     string         `json:"description,omitempty"`
	ValiditySeconds int64          `json:"accessTokenValiditySeconds"`
	GrantType       string         `json:"authorizedGrantType"`
	Scope           []string       `json:"scope"` // always empty: roles decide
	RoleDivisions   []roleDivision `json:"roleDivisions"`
	State           oauth.State    `json:"state"`
	RateLimit       int            `json:"rateLimit,omitempty"` // requests a minute; ours
	// ProvisioningDomain names the clients that share one externalId; ours.
	ProvisioningDomain string `json:"provisioningDomain"`
	DateCreated        string `json:"dateCreated"`
	DateModified       string `json:"dateModified"`
	// Secret is shown when it is made, and never again.
	Secret string `json:"secret,omitempty"`
	// PreviousSecretExpires is when the secret before stops to work; ours.
	PreviousSecretExpires string `json:"previousSecretExpires,omitempty"`
	SelfURI               string `json:"selfUri"`
}

// roleDivision is the platform's RoleDivision.
type roleDivision struct {
	RoleID     string `json:"roleId"`
	DivisionID string `json:"divisionId"`
}

func (s clients) answer(c oauth.Client) clientAnswer {
	a := clientAnswer{
		ID: c.ID.String(), Name: c.Name, Description: c.Description, ValiditySeconds: int64(c.Validity / time.Second),
		GrantType: grantType, Scope: []string{}, RoleDivisions: answerGrants(c.Roles), State: c.State, RateLimit: c.RateLimit,
		ProvisioningDomain: c.Domain(),
		DateCreated:        timestamp(c.Created), DateModified: timestamp(c.Modified), SelfURI: clientsPath + "/" + c.ID.String(),
	}
	if s.oauth.Now().Before(c.PreviousSecretUntil) {
		a.PreviousSecretExpires = timestamp(c.PreviousSecretUntil)
	}
	return a
}

func answerGrants(grants []oauth.RoleGrant) []roleDivision {
	return answer(grants, func(g oauth.RoleGrant) roleDivision { return roleDivision{g.Role.String(), g.Division} })
}

func (s clients) list(w http.ResponseWriter, r *http.Request) error {
	page, err := readPage(r)
	if err != nil {
		return err
	}
	found, total, err := s.oauth.Clients(r.Context(), organisation(r).ID, oauth.Page{Offset: page.offset(), Limit: page.size})
	if err != nil {
		return err
	}
	found = shorten(&page, found, total)
	return writeListing(w, page, total, answer(found, s.answer))
}

func (s clients) get(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id", clientKind)
	if err != nil {
		return err
	}
	c, err := s.oauth.Client(r.Context(), organisation(r).ID, id)
	if err != nil {
		return explainOAuth(err, clientKind, id)
	}
	return write(w, s.answer(c))
}

// create makes a client; its secret is in this answer and in no other.
func (s clients) create(w http.ResponseWriter, r *http.Request) error {
	change, err := s.readClient(r, true)
	if err != nil {
		return err
	}
	var spec oauth.ClientSpec
	change(&spec)
	c, secret, err := s.oauth.CreateClient(r.Context(), organisation(r).ID, spec)
	if err != nil {
		return explainOAuth(err, clientKind, uuid.Nil)
	}
	a := s.answer(c)
	a.Secret = secret
	return write(w, a)
}

// update changes what the body holds; what it leaves out stays.
func (s clients) update(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id", clientKind)
	if err != nil {
		return err
	}
	change, err := s.readClient(r, false)
	if err != nil {
		return err
	}
	c, err := s.oauth.UpdateClientFor(r.Context(), httpapi.Principal(r.Context()), id, func(spec *oauth.ClientSpec) error {
		change(spec)
		return nil
	})
	if err != nil {
		return explainOAuth(err, clientKind, id)
	}
	return write(w, s.answer(c))
}

func (s clients) remove(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id", clientKind)
	if err != nil {
		return err
	}
	if err := s.oauth.DeleteClient(r.Context(), organisation(r).ID, id); err != nil {
		return explainOAuth(err, clientKind, id)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// rotateSecret makes a new secret. The answer tells how long the one before
// works.
func (s clients) rotateSecret(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id", clientKind)
	if err != nil {
		return err
	}
	c, secret, err := s.oauth.RotateSecretFor(r.Context(), httpapi.Principal(r.Context()), id)
	if err != nil {
		return explainOAuth(err, clientKind, id)
	}
	a := s.answer(c)
	a.Secret = secret
	return write(w, a)
}

// readClient takes the fields of a client out of the body: whole tells whether
// they are all of it. What they grant, the caller must have.
func (s clients) readClient(r *http.Request, whole bool) (change func(*oauth.ClientSpec), err error) {
	b, err := readBody(r)
	if err != nil {
		return nil, err
	}
	name, description := readText(b, "name", whole, (*body).required), readText(b, "description", whole, (*body).text)
	validity, state, rate := readValidity(b), b.text("state"), b.integer("rateLimit")
	domain := optional[string](b, "provisioningDomain", "a string")
	if rate != nil && (*rate < 0 || *rate > maxRateLimit) {
		b.fail("rateLimit is %d; a number of requests a minute is expected, or 0 for the server's own limit", *rate)
	}
	if grant := b.text("authorizedGrantType"); grant != "" && !strings.EqualFold(grant, grantType) {
		b.fail("authorizedGrantType is %q; only %s is allowed here", grant, grantType)
	}
	grants := readGrants(b)
	if b.err != nil {
		return nil, b.err
	}
	if err := s.oauth.CheckGrants(r.Context(), httpapi.Principal(r.Context()), grants); err != nil {
		return nil, explainOAuth(err, clientKind, uuid.Nil)
	}
	return func(spec *oauth.ClientSpec) {
		setText(&spec.Name, name)
		setText(&spec.Description, description)
		setText(&spec.ProvisioningDomain, domain)
		if validity != nil {
			spec.Validity = *validity
		}
		if rate != nil {
			spec.RateLimit = int(*rate)
		}
		if state != "" {
			spec.State = oauth.State(state)
		}
		if b.has("roleDivisions") {
			spec.Roles = grants
		}
	}, nil
}

const (
	maxRateLimit = 1_000_000
	// maxSeconds is as much as a time.Duration holds, and far beyond any validity.
	maxSeconds = 1 << 33
)

func readValidity(b *body) *time.Duration {
	const name = "accessTokenValiditySeconds"
	seconds := b.integer(name)
	if seconds == nil {
		return nil
	}
	validity := time.Duration(max(-1, min(*seconds, maxSeconds))) * time.Second
	if err := oauth.CheckValidity(validity); err != nil {
		b.fail("%s", err.Error())
	}
	return &validity
}

func readGrants(b *body) []oauth.RoleGrant {
	const name = "roleDivisions"
	var grants []oauth.RoleGrant
	for _, fields := range list[map[string]any](b, name, "an object") {
		one := &body{fields: fields}
		grant := oauth.RoleGrant{Division: one.text("divisionId")}
		role, err := uuid.Parse(one.required("roleId"))
		if one.err == nil && err != nil {
			one.fail("roleId is %q; the id of a role is expected", one.text("roleId"))
		}
		b.failIn(name, one)
		if grant.Role = role; grant.Division == "" {
			grant.Division = oauth.AllDivisions
		}
		grants = append(grants, grant)
	}
	return grants
}
