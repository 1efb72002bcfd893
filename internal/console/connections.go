package console

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/guides"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/scim"
)

// connections are the OAuth clients of the organisation, as cards.
type connections struct {
	provisioning.Status
	Sum string
	May map[uuid.UUID][]string // what each may do
}

func showConnections(v *visit) error {
	s, err := v.Provisioning.Status(v.r.Context(), v.org.ID)
	if err != nil {
		return err
	}
	clients, _, err := v.OAuth.Clients(v.r.Context(), v.org.ID, oauth.Page{Limit: oauth.MaxClients})
	if err != nil {
		return err
	}
	may, err := v.whatMayDo(clients...)
	if err != nil {
		return err
	}
	return v.show("connections", "connections", "Connections", connections{s, plural(len(s.Clients), "connection"), may})
}

// whatMayDo tells what the roles of clients permit, in the words of those that are built in,
// or by their names.
func (v *visit) whatMayDo(clients ...oauth.Client) (map[uuid.UUID][]string, error) {
	words, err := v.roleWords(clients)
	if err != nil {
		return nil, err
	}
	may := make(map[uuid.UUID][]string, len(clients))
	for _, c := range clients {
		for _, grant := range c.Roles {
			if what := words[grant.Role]; what != "" && !slices.Contains(may[c.ID], what) {
				may[c.ID] = append(may[c.ID], what)
			}
		}
	}
	return may, nil
}

// roleWords are the words for the roles of clients, by the ids of the roles.
func (v *visit) roleWords(clients []oauth.Client) (map[uuid.UUID]string, error) {
	ids := []uuid.UUID{}
	for _, c := range clients {
		for _, grant := range c.Roles {
			if !slices.Contains(ids, grant.Role) {
				ids = append(ids, grant.Role)
			}
		}
	}
	words := make(map[uuid.UUID]string, len(ids))
	for read := 0; read < len(ids); {
		roles, _, err := v.Directory.ListEntries(v.r.Context(), v.org, directory.EntryQuery{
			Kind: directory.Role, Selection: directory.Selection{IDs: ids, Offset: read, Limit: len(ids)},
		})
		if err != nil || len(roles) == 0 { // one that is deleted meanwhile is not there
			return words, err
		}
		for _, r := range roles {
			if words[r.ID] = r.Name; r.BuiltIn() {
				words[r.ID] = strings.TrimPrefix(r.Description, "May ")
			}
		}
		read += len(roles)
	}
	return words, nil
}

// connection is one of them.
type connection struct {
	Client   oauth.Client
	Status   provisioning.ClientStatus
	Now      time.Time
	May      []string
	Tokens   []tokenRow
	Good     bool // one of them is
	Setups   []accounts.Setup
	Guides   []guides.Guide
	Guide    string // the one that fits
	Held     []holdRow
	Refused  []provisioning.Entry
	Everyone string // the log of the connection
	// What was just made, and is shown this once.
	Link, Secret string
}

type tokenRow struct {
	oauth.Token
	Good, Soon bool
}

// findClient reads the client of the path.
func (v *visit) findClient() (oauth.Client, error) {
	id, err := v.id()
	if err != nil {
		return oauth.Client{}, err
	}
	c, err := v.OAuth.Client(v.r.Context(), v.org.ID, id)
	return c, v.noClient(err)
}

// noClient refuses a client that is not there, and tells what a client may not be.
func (v *visit) noClient(err error) error {
	if invalid := (*oauth.InvalidError)(nil); errors.As(err, &invalid) {
		return scim.InvalidValue("%s", invalid.Error())
	}
	if many := (*oauth.TokenLimitError)(nil); errors.As(err, &many) {
		return scim.Conflict("%s", many.Error())
	}
	switch {
	case errors.Is(err, oauth.ErrNotFound):
		return notHere(v.r)
	case errors.Is(err, oauth.ErrClientClosed):
		return scim.Conflict("the connection is disabled, and gets no tokens; make another one")
	default:
		return err
	}
}

func showConnection(v *visit) error { return v.showConnection(connection{}) }

func (v *visit) showConnection(c connection) (err error) {
	if c.Client, err = v.findClient(); err != nil {
		return err
	}
	if c.Status, err = v.Provisioning.StatusOf(v.r.Context(), v.org.ID, c.Client.ID); err != nil {
		return err
	}
	if c.Tokens, err = v.tokens(c.Client.ID); err != nil {
		return err
	}
	c.Good = slices.ContainsFunc(c.Tokens, func(t tokenRow) bool { return t.Good })
	may, err := v.whatMayDo(c.Client)
	if err != nil {
		return err
	}
	c.May = may[c.Client.ID]
	if c.Setups, err = v.Accounts.Setups(v.r.Context(), v.org.ID, c.Client.ID); err != nil {
		return err
	}
	refused := provisioning.Query{Client: c.Client.ID, Results: []provisioning.Result{provisioning.Refused}, Limit: 5}
	if c.Refused, _, err = v.Provisioning.Page(v.r.Context(), v.org.ID, refused); err != nil {
		return err
	}
	if c.Held, _, err = v.readHolds(c.Client.ID); err != nil {
		return err
	}
	c.Now, c.Guides, c.Guide = v.OAuth.Now(), guides.List(), guideFor(c.Client.Name, c.Status.System)
	c.Everyone = v.logLink("%s", term{"by", c.Client.Name})
	return v.show("connection", "connections", c.Client.Name, c)
}

// tokens are those of a client, the newest first, as far as somebody looks at them.
func (v *visit) tokens(client uuid.UUID) (rows []tokenRow, err error) {
	const shown = 20
	all, _, err := v.OAuth.Tokens(v.r.Context(), v.org.ID, client, oauth.Page{Limit: shown})
	now := v.OAuth.Now()
	for _, t := range all {
		end := provisioning.TokenEnd{Issued: t.Issued, Expires: t.Expires}
		good := t.State(now) == oauth.TokenActive
		rows = append(rows, tokenRow{t, good, good && end.EndsSoon(now)})
	}
	return rows, v.noClient(err)
}

// guideFor is the guide of the product that a connection is of, as far as can be told.
func guideFor(name string, s provisioning.System) string {
	if s == "" {
		s = provisioning.GuessSystem("", name)
	}
	slug := string(s)
	if s == provisioning.Ping {
		slug = "pingone"
	}
	for _, g := range guides.List() {
		if g.Slug == slug || s == "" && strings.Contains(strings.ToLower(name), g.Slug) {
			return g.Slug
		}
	}
	return "curl"
}

// rotateSecret gives the client another secret, which is shown this once.
func rotateSecret(v *visit) error {
	c, err := v.findClient()
	if err != nil {
		return err
	}
	_, secret, err := v.OAuth.RotateSecret(v.r.Context(), v.org.ID, c.ID, oauth.SecretOverlap)
	if err != nil {
		return v.noClient(err)
	}
	return v.showConnection(connection{Secret: secret})
}

// askAbout asks about something that ends for the connection of the path.
func (v *visit) askAbout(heading, yes string, text ...string) (question, error) {
	c, err := v.findClient()
	return question{
		Heading: fmt.Sprintf(heading, c.Name), Text: text, Yes: yes, Danger: true, Back: v.home("/connections/", c.ID.String()), Place: "connections",
	}, err
}

func askSecret(v *visit) (question, error) {
	q, err := v.askAbout("Make a new client secret for %s?", "Make it", "It is shown once. The secret before goes on to work for 24 hours; tokens are not touched.")
	q.Danger = false
	return q, err
}

func askRevoke(v *visit) (question, error) {
	return v.askAbout("Revoke this token of %s?", "Revoke it", "The product that uses it is refused within a second, until it has another.")
}

func askState(v *visit) (question, error) {
	if v.field("state") != "disable" {
		return question{}, nil
	}
	return v.askAbout("Disable %s?", "Disable it", "All of its tokens end within a second, for good. The connection stays in the list; people and groups stay as they are.")
}

func askDeleteClient(v *visit) (question, error) {
	return v.askAbout("Delete %s?", "Delete it", "Its tokens end, and it cannot be brought back. People and groups stay as they are.")
}

func askEndSetup(v *visit) (question, error) {
	return v.askAbout("End this setup link of %s?", "End it", "Whoever has opened it sees nothing any more. Tokens that were made stay good.")
}

func revokeToken(v *visit) error {
	c, err := v.findClient()
	if err != nil {
		return err
	}
	token, err := uuid.Parse(v.parameter("token"))
	if err != nil {
		return notHere(v.r)
	}
	if err := v.noClient(v.OAuth.RevokeToken(v.r.Context(), v.org.ID, c.ID, token)); err != nil {
		return err
	}
	return v.to(v.home("/connections/", c.ID.String(), "?done=revoked"))
}

// states of a connection that a form may ask for.
var clientStates = map[string]oauth.State{"disable": oauth.StateDisabled, "enable": oauth.StateActive}

// setClientState disables a connection, which ends its tokens, or enables it again.
func setClientState(v *visit) error {
	c, err := v.findClient()
	if err != nil {
		return err
	}
	state, ok := clientStates[v.field("state")]
	if !ok {
		return scim.BadRequest("the form does not say what to do")
	}
	_, err = v.OAuth.UpdateClient(v.r.Context(), v.org.ID, c.ID, func(spec *oauth.ClientSpec) error {
		spec.State = state
		return nil
	})
	if err != nil {
		return v.noClient(err)
	}
	return v.to(v.home("/connections/", c.ID.String(), "?done=", v.field("state")))
}

func deleteClient(v *visit) error {
	c, err := v.findClient()
	if err == nil {
		err = v.noClient(v.OAuth.DeleteClient(v.r.Context(), v.org.ID, c.ID))
	}
	if err != nil {
		return err
	}
	return v.to(v.home("/connections?done=connection"))
}

// makeSetup makes a link by which somebody else sets the connection up.
func makeSetup(v *visit) error {
	c, err := v.findClient()
	if err != nil {
		return err
	}
	guide := v.field("guide")
	if _, err := guides.Text(guide, guides.Values{}); err != nil {
		return scim.InvalidValue("%s", err.Error())
	}
	secret, _, err := v.Accounts.NewSetup(v.r.Context(), accounts.Setup{Org: v.org.ID, Client: c.ID, ClientName: c.Name, Guide: guide, By: v.who.Login})
	if err != nil {
		return err
	}
	return v.showConnection(connection{Link: v.base() + SetupPath + secret})
}

func endSetup(v *visit) error {
	c, err := v.findClient()
	if err != nil {
		return err
	}
	link, err := uuid.Parse(v.parameter("link"))
	if err != nil {
		return notHere(v.r)
	}
	if err := v.gone(v.Accounts.EndSetup(v.r.Context(), v.org.ID, link)); err != nil {
		return err
	}
	return v.to(v.home("/connections/", c.ID.String(), "?done=setup"))
}
