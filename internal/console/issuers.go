package console

import (
	"cmp"
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/scim"
)

// issuersPage are the issuers that an organisation trusts, and a form for another one.
type issuersPage struct {
	All     []issuerRow
	Clients []oauth.Client // that tokens may act as
	// New is what the form held that was refused, and Client what it chose.
	New     oauth.IssuerSpec
	Client  string
	Problem string
}

// issuerRow is one of them with the name of its client.
type issuerRow struct {
	oauth.TrustedIssuer
	Connection, Link string
}

func showIssuers(v *visit) error { return v.showIssuers(http.StatusOK, issuersPage{}) }

func (v *visit) showIssuers(status int, p issuersPage) error {
	clients, err := v.clients()
	if err != nil {
		return err
	}
	names := map[uuid.UUID]string{}
	for _, c := range clients {
		if names[c.ID] = c.Name; c.State != oauth.StateDisabled {
			p.Clients = append(p.Clients, c)
		}
	}
	all, err := v.OAuth.Issuers(v.r.Context(), v.org.ID)
	if err != nil {
		return err
	}
	for _, t := range all {
		p.All = append(p.All, issuerRow{t, names[t.Client], v.home("/connections/", t.Client.String())})
	}
	return v.showStatus(status, "issuers", "settings", "Trusted issuers", p)
}

// clients are all clients of the organisation.
func (v *visit) clients() (all []oauth.Client, err error) {
	for total := 1; len(all) < total; {
		var found []oauth.Client
		found, total, err = v.OAuth.Clients(v.r.Context(), v.org.ID, oauth.Page{Offset: len(all), Limit: oauth.MaxClients})
		if err != nil || len(found) == 0 {
			return all, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// addIssuer trusts an issuer, whose keys are fetched first unless it is not to be asked.
func addIssuer(v *visit) error {
	client, _ := uuid.Parse(v.field("client")) // none is no client of the organisation
	spec := oauth.IssuerSpec{
		Issuer: v.field("issuer"), Audience: v.field("audience"), Tenant: v.field("tenant"), SubjectClaim: v.field("claim"), Subject: v.field("subject"),
		KeysURL: v.field("keys"), Client: client, Unasked: v.field("unasked") == "on",
	}
	_, err := v.OAuth.AddIssuer(v.r.Context(), v.org.ID, spec)
	if detail, status, told := statusOf(notTrusted(err)); told {
		return v.showIssuers(status, issuersPage{New: spec, Client: v.field("client"), Problem: detail + " Nothing was added."})
	}
	if err != nil {
		return err
	}
	return v.to(v.home("/issuers?done=trusted"))
}

// issuerFields are what is said of an issuer as the page calls it.
var issuerFields = map[string]string{
	"issuer": "the issuer", "audience": "the audience", "tenant": "the tenant", "subject": "the caller", "subject_claim": "the claim that names the caller",
	"jwks_url": "the URL of its keys", "jwks_uri": "the URL of its keys", "client": "the connection",
}

// notTrusted tells what package oauth answers in the words of the page.
func notTrusted(err error) error {
	wrong, ok := errors.AsType[*oauth.InvalidError](err)
	switch {
	case ok:
		return scim.InvalidValue("%s %s", cmp.Or(issuerFields[wrong.Field], wrong.Field), wrong.Problem).Because(err)
	case errors.Is(err, oauth.ErrNotFound):
		return scim.InvalidValue("choose the connection that its tokens act as").Because(err)
	case errors.Is(err, oauth.ErrIssuerKnown):
		return scim.Conflict("%s", oauth.ErrIssuerKnown).Because(err)
	default:
		return err
	}
}

func askRemoveIssuer(v *visit) (q question, err error) {
	id, err := v.id()
	if err != nil {
		return q, err
	}
	all, err := v.OAuth.Issuers(v.r.Context(), v.org.ID)
	if err != nil {
		return q, err
	}
	for _, t := range all {
		if t.ID == id {
			return question{
				Heading: "Trust this issuer no more?", Yes: "Remove it", Danger: true, Back: v.home("/issuers"), Place: "settings",
				Text: []string{t.Issuer, "Its tokens end within a second, on every server, and the product that sends them is refused until it has another token. People and groups stay as they are."},
			}, nil
		}
	}
	return q, notHere(v.r)
}

func removeIssuer(v *visit) error {
	id, err := v.id()
	if err != nil {
		return err
	}
	if err := v.OAuth.RemoveIssuer(v.r.Context(), v.org.ID, id); err != nil {
		return v.noClient(err)
	}
	return v.to(v.home("/issuers?done=distrusted"))
}
