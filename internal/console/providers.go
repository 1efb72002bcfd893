package console

import (
	"net/http"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/org"
)

// answerPath is where providers send browsers back to. An organisation has a path of its own,
// so that the answer of its provider is none of another's.
const answerPath = Path + "/signin/answer"

// setOutPath is in front of the id of a provider where somebody sets out to it.
const setOutPath = Path + "/signin/providers/"

// AnswerURL is the redirect URL that a provider of an organisation, or of all, is told.
func AnswerURL(base string, o org.ID) string {
	if o == accounts.Everywhere {
		return base + answerPath
	}
	return base + answerPath + "/" + o.String()
}

// SetOutURL is the URL that leads to a provider, for a bookmark or the provider's own list of
// applications.
func SetOutURL(base string, p accounts.Provider) string { return base + setOutPath + p.ID.String() }

// providers are by which people sign in to an organisation, or to all.
type providers struct {
	All []accounts.Provider
	For string
	// Redirect is what the provider is told.
	Redirect string
	// New is what the form held that was refused, but for the secret.
	New     accounts.Provider
	Problem string
}

// SetOut is where somebody sets out to a provider.
func (providers) SetOut(base string, p accounts.Provider) string { return SetOutURL(base, p) }

func showProviders(v *visit) error { return v.showProviders(http.StatusOK, providers{}) }

func (v *visit) showProviders(status int, p providers) (err error) {
	p.For, p.Redirect = "all organisations", AnswerURL(v.base(), v.org.ID)
	if v.org.ID != accounts.Everywhere {
		p.For = v.org.Name
	}
	if p.All, err = v.Accounts.Providers(v.r.Context(), v.org.ID); err != nil {
		return err
	}
	return v.showStatus(status, "providers", v.administration(), "Sign-in", p)
}

func addProvider(v *visit) error {
	p := accounts.Provider{
		Org: v.org.ID, Name: v.field("name"), Issuer: v.field("issuer"), ClientID: v.field("client"), Secret: v.field("secret"), By: v.who.Login,
	}
	_, err := v.Accounts.AddProvider(v.r.Context(), p, false)
	if detail, status, told := statusOf(err); told {
		p.Secret = ""
		return v.showProviders(status, providers{New: p, Problem: detail})
	}
	if err != nil {
		return err
	}
	return v.to(v.scope("/providers?done=provided"))
}

func askRemoveProvider(v *visit) (q question, err error) {
	id, err := v.id()
	if err != nil {
		return q, err
	}
	all, err := v.Accounts.Providers(v.r.Context(), v.org.ID)
	if err != nil {
		return q, err
	}
	for _, p := range all {
		if p.ID != id {
			continue
		}
		return question{
			Heading: "Let nobody sign in by " + p.Name + " any more?", Yes: "Remove it", Danger: true, Back: v.scope("/providers"), Place: v.administration(),
			Text: []string{
				"The sessions that it began end at once. Accounts stay: whoever has a password or a passkey signs in with that, and others are invited again.",
				"If it is added again, people are known by their verified e-mail addresses, or link it once more.",
			},
		}, nil
	}
	return q, v.gone(accounts.ErrNotFound)
}

func removeProvider(v *visit) error {
	id, err := v.id()
	if err == nil {
		err = v.gone(v.Accounts.RemoveProvider(v.r.Context(), v.org.ID, id))
	}
	if err != nil {
		return err
	}
	return v.to(v.scope("/providers?done=provider"))
}
