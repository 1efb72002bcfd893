package platformapi

import (
	"net/http"
	"time"

	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/oauth"
)

// tokens are the access tokens of the organisation's clients.
type tokens struct{ oauth *oauth.Service }

// tokenAnswer is what is known of a token; the platform has no such list.
type tokenAnswer struct {
	ID           string           `json:"id"`
	State        oauth.TokenState `json:"state"`
	DateIssued   string           `json:"dateIssued"`
	DateExpires  string           `json:"dateExpires"`
	IssuedTo     string           `json:"issuedTo,omitempty"` // IP address
	DateLastUsed string           `json:"dateLastUsed,omitempty"`
	LastUsedFrom string           `json:"lastUsedFrom,omitempty"` // IP address
	DateRevoked  string           `json:"dateRevoked,omitempty"`
	SelfURI      string           `json:"selfUri"`
}

func (s tokens) answer(t oauth.Token) tokenAnswer {
	return tokenAnswer{
		ID: t.ID.String(), State: t.State(s.oauth.Now()), DateIssued: timestamp(t.Issued), DateExpires: timestamp(t.Expires),
		IssuedTo: t.IssuedTo, DateLastUsed: optionalTime(t.Used), LastUsedFrom: t.UsedFrom, DateRevoked: optionalTime(t.Revoked),
		SelfURI: clientsPath + "/" + t.Client.String() + "/tokens/" + t.ID.String(),
	}
}

func optionalTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return timestamp(t)
}

// list answers with the tokens of a client, the newest first, until a week after
// their end.
func (s tokens) list(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id", clientKind)
	if err != nil {
		return err
	}
	page, err := readPage(r)
	if err != nil {
		return err
	}
	found, total, err := s.oauth.Tokens(r.Context(), organisation(r).ID, id, oauth.Page{Offset: page.offset(), Limit: page.size})
	if err != nil {
		return explainOAuth(err, clientKind, id)
	}
	return writeListing(w, page, total, answer(found, s.answer))
}

func (s tokens) revoke(w http.ResponseWriter, r *http.Request) error {
	client, err := pathID(r, "id", clientKind)
	if err != nil {
		return err
	}
	id, err := pathID(r, "token", tokenKind)
	if err != nil {
		return err
	}
	if err := s.oauth.RevokeToken(r.Context(), organisation(r).ID, client, id); err != nil {
		return explainOAuth(err, tokenKind, id)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s tokens) revokeAll(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id", clientKind)
	if err != nil {
		return err
	}
	if err := s.oauth.RevokeTokens(r.Context(), organisation(r).ID, id); err != nil {
		return explainOAuth(err, clientKind, id)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// revokeOfUser ends all tokens that carry a user.
func (s tokens) revokeOfUser(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id", userKind)
	if err != nil {
		return err
	}
	if err := s.oauth.RevokeTokensOf(r.Context(), organisation(r).ID, id); err != nil {
		return explainOAuth(err, userKind, id)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// namedAnswer is the platform's NamedEntity.
type namedAnswer struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// myTokenAnswer is the platform's TokenInfo, and when the token was made and ends.
type myTokenAnswer struct {
	Organization     namedAnswer   `json:"organization"`
	HomeOrganization namedAnswer   `json:"homeOrganization"`
	AuthorizedScope  []string      `json:"authorizedScope"`
	OAuthClient      myOAuthClient `json:"OAuthClient"`
	DateIssued       string        `json:"dateIssued"`
	DateExpires      string        `json:"dateExpires"`
}

// myOAuthClient is the platform's OrgOAuthClient.
type myOAuthClient struct {
	ID            string         `json:"id"`
	Name          string         `json:"name"`
	Description   string         `json:"description,omitempty"`
	GrantType     string         `json:"authorizedGrantType"`
	Scope         []string       `json:"scope"`
	RoleDivisions []roleDivision `json:"roleDivisions"`
	State         oauth.State    `json:"state"`
	DateCreated   string         `json:"dateCreated"`
	DateModified  string         `json:"dateModified"`
	Organization  namedAnswer    `json:"organization"`
}

// mine answers with what the caller's token is good for.
func (s tokens) mine(w http.ResponseWriter, r *http.Request) error {
	p := httpapi.Principal(r.Context())
	c, err := s.oauth.Caller(r.Context(), p.Org.ID, p.Client)
	if err != nil {
		return explainOAuth(err, clientKind, p.Client)
	}
	o := namedAnswer{p.Org.ID.String(), p.Org.Name}
	return write(w, myTokenAnswer{
		Organization: o, HomeOrganization: o, AuthorizedScope: []string{},
		DateIssued: timestamp(p.Issued), DateExpires: timestamp(p.Expires),
		OAuthClient: myOAuthClient{
			ID: c.ID.String(), Name: c.Name, Description: c.Description, GrantType: grantType, Scope: []string{},
			RoleDivisions: answerGrants(c.Roles), State: c.State,
			DateCreated: timestamp(c.Created), DateModified: timestamp(c.Modified), Organization: o,
		},
	})
}

// revokeMine ends the token of the request.
func (s tokens) revokeMine(w http.ResponseWriter, r *http.Request) error {
	p := httpapi.Principal(r.Context())
	if err := s.oauth.RevokeToken(r.Context(), p.Org.ID, p.Client, p.Token); err != nil {
		return explainOAuth(err, tokenKind, p.Token)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
