package console

import (
	"crypto/sha256"
	"encoding/hex"
	"html/template"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/guides"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// The wizard connects a product in four steps: choose it, paste two values, follow its
// guide, and watch the first people arrive.

// newConnection is its first step.
type newConnection struct {
	Guides               []guides.Guide
	Guide, Name, Problem string
}

func showNewConnection(v *visit) error {
	return v.show("connection-new", "connections", "Connect a product", newConnection{Guides: guides.List(), Guide: v.query("guide")})
}

// wizard is what its further steps show.
type wizard struct {
	Client           oauth.Client
	Product          string
	Guide            string
	ByClient         bool // it signs in with the client's id and secret
	Wait             string
	Step             int
	Tenant, TokenURL string
	Token, Secret    string // shown this once
	Steps            template.HTML
	Checks           checks
	// Links to the steps and to where tokens are made; Outside is for who has no account.
	Values, Guided, Check, Live, Make string
	Known, KnownSecret                string // the newest of both, when the page was made
	Good                              bool   // a token is, which ends when another is used
	Local                             bool   // no product of the Internet reaches the tenant URL
	Outside                           bool
	Problem                           string
}

// integrationRole is what a connection may do.
const integrationRole = "SCIM Integration"

// createConnection makes the client of a connection, and shows the values to paste: this once
// its token, or its secret where the product signs in with that.
func createConnection(v *visit) error {
	form := newConnection{Guides: guides.List(), Guide: v.field("guide"), Name: v.field("name")}
	client, secret, err := v.newClient(form.Guide, form.Name)
	if detail, status, told := statusOf(err); told {
		form.Problem = detail
		return v.showStatus(status, "connection-new", "connections", "Connect a product", form)
	}
	if err != nil {
		return err
	}
	if g, _ := guides.Of(form.Guide); g.ByClient {
		return v.showWizard(client, form.Guide, wizard{Step: 2, Secret: secret})
	}
	token, _, err := v.OAuth.Issue(v.r.Context(), client, 0)
	if err != nil {
		return err
	}
	return v.showWizard(client, form.Guide, wizard{Step: 2, Token: token})
}

// newClient makes a client for a product. A name that another has is refused: it would not
// be told apart, and a form that is sent twice would make two.
func (v *visit) newClient(guide, name string) (c oauth.Client, secret string, err error) {
	if _, known := guides.Of(guide); !known {
		return c, "", scim.InvalidValue("choose the product first")
	}
	if other, err := clientNamed(v.r.Context(), v.OAuth, v.org.ID, name); err != nil || other != uuid.Nil {
		if err != nil {
			return c, "", err
		}
		return c, "", scim.Conflict("there is a connection with the name %q already; choose another name, or renew the token of that one", name)
	}
	roles, err := v.OAuth.RolesNamed(v.r.Context(), v.org.ID, integrationRole)
	if err == nil {
		c, secret, err = v.OAuth.CreateClient(v.r.Context(), v.org.ID, oauth.ClientSpec{Name: name, Roles: roles, Validity: oauth.MaxValidity})
	}
	return c, secret, v.noClient(err)
}

// showWizard shows a step of the wizard for a connection.
func (v *visit) showWizard(c oauth.Client, guide string, w wizard) error {
	g, known := guides.Of(guide)
	if !known {
		return notHere(v.r)
	}
	w.Client, w.Guide, w.Product, w.ByClient, w.Wait = c, guide, g.Product, g.ByClient, g.Wait
	root, query := v.home("/connections/", c.ID.String()), "?guide="+guide
	if w.Outside {
		root, query = strings.TrimSuffix(SetupPath, "/"), ""
	}
	w.Tenant, w.TokenURL, w.Local = v.base()+"/api/v2/scim/v2", v.base()+"/oauth/token", !v.encrypted()
	w.Values, w.Guided, w.Check, w.Live, w.Make = root+"/values"+query, root+"/guide"+query, root+"/check"+query, root+"/live"+query, root+"/token"+query
	tokens, err := v.tokens(c.ID)
	if err != nil {
		return err
	}
	if len(tokens) > 0 {
		w.Known = tokens[0].ID.String()
	}
	w.KnownSecret = secretMark(c)
	w.Good = slices.ContainsFunc(tokens, func(t tokenRow) bool { return t.Good })
	switch w.Step {
	case 3:
		if w.Steps, err = v.guide(guide, c, w.Outside); err != nil {
			return err
		}
	case 4:
		if w.Checks, err = v.arrivals(c, tokens); err != nil {
			return err
		}
	}
	titles := map[int]string{2: "Values to paste", 3: "Steps in " + w.Product, 4: "Check"}
	return v.show("wizard", "connections", titles[w.Step], w)
}

// guide is the guide of a product with the values of a connection in it.
func (v *visit) guide(slug string, c oauth.Client, outside bool) (template.HTML, error) {
	values := guides.Values{BaseURL: v.base(), Organisation: v.org.Name, Connection: c.Name, Console: true}
	if !outside {
		values.Home = v.home()
	}
	if c.ID != uuid.Nil {
		values.ClientID = c.ID.String()
	}
	all, err := v.Directory.Schemas(v.r.Context(), v.org)
	if err != nil {
		return "", err
	}
	for _, c := range all {
		s, err := ownSchema(c)
		if err != nil {
			return "", err
		}
		for _, a := range s.Attributes {
			if s.Base == schema.User {
				values.Attributes = append(values.Attributes, s.ID+":"+a.Name)
			}
		}
	}
	return guides.Render(slug, values)
}

// guideOf names the guide that was chosen for a connection, or the one that fits its name.
func (v *visit) guideOf(c oauth.Client) string {
	if guide := v.query("guide"); guide != "" {
		return guide
	}
	return guideFor(c.Name, "")
}

// showStep shows a step of the wizard for a connection of the organisation.
func showStep(step int) func(v *visit) error {
	return func(v *visit) error {
		c, err := v.findClient()
		if err != nil {
			return err
		}
		return v.showWizard(c, v.guideOf(c), wizard{Step: step})
	}
}

// renewToken makes another token, which is shown this once; those before end with its first
// use. Or it makes another secret, where that is asked for.
func renewToken(v *visit) error {
	c, err := v.findClient()
	if err != nil {
		return err
	}
	return v.renew(c, v.guideOf(c), wizard{Step: 2})
}

// renew makes a token, unless one was made since the form was: then it was sent twice.
func (v *visit) renew(c oauth.Client, guide string, w wizard) error {
	if v.field("of") == "secret" {
		return v.renewSecret(c, guide, w)
	}
	tokens, err := v.tokens(c.ID)
	if err != nil {
		return err
	}
	if len(tokens) > 0 && tokens[0].ID.String() != v.field("known") {
		w.Problem = "A token was made meanwhile, and was shown once. Make another one if it was not stored."
		return v.showWizard(c, guide, w)
	}
	made, err := v.OAuth.Renew(v.r.Context(), c, oauth.AtFirstUse)
	if err != nil {
		return v.noClient(err)
	}
	w.Token = made.Token
	return v.showWizard(c, guide, w)
}

// renewSecret makes a secret in the same way. The one before is good for a day.
func (v *visit) renewSecret(c oauth.Client, guide string, w wizard) error {
	if v.field("known") != secretMark(c) {
		w.Problem = "A secret was made meanwhile, and was shown once. Make another one if it was not stored."
		return v.showWizard(c, guide, w)
	}
	c, secret, err := v.OAuth.RotateSecret(v.r.Context(), c.Org, c.ID, oauth.SecretOverlap)
	if err != nil {
		return v.noClient(err)
	}
	w.Secret = secret
	return v.showWizard(c, guide, w)
}

// secretMark tells secrets of a client apart without showing anything of them.
func secretMark(c oauth.Client) string {
	sum := sha256.Sum256(append([]byte("mark"), c.SecretHash...))
	return hex.EncodeToString(sum[:8])
}

// showGuide shows the guide of a product without a connection.
func showGuide(v *visit) error {
	slug := v.parameter("guide")
	for _, g := range guides.List() {
		if g.Slug == slug {
			text, err := v.guide(slug, oauth.Client{}, false)
			if err != nil {
				return err
			}
			return v.show("guide", "connections", g.Title, text)
		}
	}
	return notHere(v.r)
}

// checks are what has come of a connection so far.
type checks struct {
	Person, Group arrival
	Tested        bool
	Refused       []refusal
	Done          bool
	Home          string // where entries are; empty for who has no account
}

// arrival is the last change of its kind among the newest of a connection, which are all
// that is looked at: of a connection that has done much else there may be an older one.
type arrival struct {
	Entry *provisioning.Entry
	Older bool
	Log   string // looks further back; empty for who has no account
}

// refusal is one with its advice.
type refusal struct {
	provisioning.Entry
	Advice []piece
}

// arrivals looks what has come of a connection with its tokens: the log tells, and whether one
// of them was used.
func (v *visit) arrivals(client oauth.Client, tokens []tokenRow) (c checks, err error) {
	if !v.isOutside() {
		c.Home = v.home()
	}
	if c.Person, err = v.arrival(client, provisioning.User); err != nil {
		return c, err
	}
	if c.Group, err = v.arrival(client, provisioning.Group); err != nil {
		return c, err
	}
	lastRefused := provisioning.Query{Client: client.ID, Results: []provisioning.Result{provisioning.Refused}, Limit: 3}
	refused, _, err := v.Provisioning.Page(v.r.Context(), v.org.ID, lastRefused)
	for _, e := range refused {
		c.Refused = append(c.Refused, refusal{e, v.advice(e)})
	}
	used := slices.ContainsFunc(tokens, func(t tokenRow) bool { return !t.Used.IsZero() })
	c.Tested = used || c.Person.Entry != nil || c.Group.Entry != nil || len(refused) > 0
	c.Done = c.Person.Entry != nil && c.Group.Entry != nil
	return c, err
}

// arrival finds the last change of a person or group.
func (v *visit) arrival(client oauth.Client, of provisioning.TargetType) (a arrival, err error) {
	found, next, err := v.Provisioning.Page(v.r.Context(), v.org.ID, provisioning.Query{
		Client: client.ID, Type: of, Results: []provisioning.Result{provisioning.Success, provisioning.Warning}, Limit: 1,
	})
	if len(found) > 0 {
		a.Entry = &found[0]
	}
	if a.Older = next != uuid.Nil; a.Older && !v.isOutside() {
		a.Log = v.logLink("type:%s %s", of, term{"by", client.Name})
	}
	return a, err
}

// watchChecks sends the ticks as they come.
func watchChecks(v *visit) error {
	c, err := v.findClient()
	if err != nil {
		return err
	}
	return v.watchChecks(c)
}

func (v *visit) watchChecks(client oauth.Client) error {
	return v.stream("wizard", "checks", func() (any, error) {
		tokens, err := v.tokens(client.ID)
		if err != nil {
			return nil, err
		}
		return v.arrivals(client, tokens)
	})
}
