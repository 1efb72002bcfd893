package console

import (
	"errors"
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/scim"
)

// Cookies of who signs in by a provider: the secret of a browser that is on its way, and by
// which provider the last one came, which is no secret.
const (
	wayCookie  = "purescim-way"
	lastCookie = "purescim-provider"
)

// wayName is the name of the first of them, which only this host can set where there is TLS.
func (v *visit) wayName() string {
	if v.encrypted() {
		return "__Host-" + wayCookie
	}
	return wayCookie
}

// browser is the secret of the browser, or none.
func (v *visit) browser() string {
	cookie, err := v.r.Cookie(v.wayName())
	if err != nil || !accounts.IsBrowser(cookie.Value) {
		return ""
	}
	return cookie.Value
}

// setCookie keeps a value in the browser for some seconds.
func (v *visit) setCookie(name, value, path string, seconds int) {
	http.SetCookie(v.w, &http.Cookie{
		Name: name, Value: value, Path: path, MaxAge: seconds, Secure: v.encrypted(), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// offered are the providers that the page to sign in shows: those that anybody may know of,
// and the one by which this browser came last.
func (v *visit) offered() ([]accounts.Provider, error) {
	all, err := v.Accounts.OfferedProviders(v.r.Context())
	cookie, failed := v.r.Cookie(lastCookie)
	if err != nil || failed != nil {
		return all, err
	}
	id, failed := uuid.Parse(cookie.Value)
	if failed != nil {
		return all, nil //nolint:nilerr // of a cookie that is no id nothing is known
	}
	for _, p := range all {
		if p.ID == id {
			return all, nil
		}
	}
	last, err := v.Accounts.Provider(v.r.Context(), id)
	if errors.Is(err, accounts.ErrNotFound) {
		return all, nil
	}
	return append(all, last), err
}

// setOut begins the way to the provider in the path, or in the form, and gives its URL. A
// browser that is on several ways at once, in tabs, has one secret for all.
func (v *visit) setOut(id uuid.UUID, on accounts.SignOn, begin func(on accounts.SignOn) (string, error)) (target string, p accounts.Provider, err error) {
	if v.isOpen() {
		return "", p, errOpen()
	}
	if p, err = v.Accounts.Provider(v.r.Context(), id); err != nil {
		return "", p, err
	}
	on.Provider, on.Redirect, on.Browser = p.ID, AnswerURL(v.base(), p.Org), v.browser()
	if on.Browser == "" {
		on.Browser = accounts.NewBrowser()
	}
	if target, err = begin(on); err == nil {
		v.setCookie(v.wayName(), on.Browser, "/", int(accounts.SignOnLife.Seconds()))
	}
	return target, p, err
}

// beginSignOn is how setOut begins for who is not signed in.
func (v *visit) beginSignOn(on accounts.SignOn) (string, error) {
	return v.Accounts.BeginSignOn(v.r.Context(), on, v.from())
}

// signInByProvider leads to a provider. It is a link, since browsers lead no form to other
// sites that the page's policy does not name.
func signInByProvider(v *visit) error {
	id, err := v.id()
	if err != nil {
		return err
	}
	on := accounts.SignOn{Next: next(v.query("next"))}
	target, _, err := v.setOut(id, on, v.beginSignOn)
	if err != nil {
		return v.notSignedOn(err, on.Next)
	}
	return v.to(target)
}

// acceptByProvider leads to a provider, to accept an invitation by it.
func acceptByProvider(v *visit) error {
	id, err := v.id()
	if err != nil {
		return err
	}
	target, _, err := v.setOut(id, accounts.SignOn{Next: Path, Invitation: chi.URLParam(v.r, "secret")}, func(on accounts.SignOn) (string, error) {
		target, err := v.beginSignOn(on)
		return target, oldLink(err)
	})
	if err != nil {
		return v.notSignedOn(err, Path)
	}
	return v.to(target)
}

// comeBack takes the answer of a provider of the organisation in the path, or of all.
func comeBack(v *visit) error {
	o := accounts.Everywhere
	if text := chi.URLParam(v.r, "of"); text != "" {
		var err error
		if o, err = org.ParseID(text); err != nil {
			return notHere(v.r)
		}
	}
	v.originate()
	done, err := v.Accounts.EndSignOn(v.r.Context(), o, v.browser(), v.r.URL.Query(), v.who, v.from())
	if err != nil {
		return v.notSignedOn(err, done.Next)
	}
	if done.Secret == "" {
		return v.to(Path + "/account?done=linked")
	}
	const year = 365 * 24 * 60 * 60
	v.setCookie(lastCookie, done.Provider.String(), Path, year)
	v.setSession(done.Secret)
	return v.to(next(done.Next))
}

// notSignedOn shows why nobody came by a provider: where they signed in before, their own
// account, and else the page where people sign in.
func (v *visit) notSignedOn(err error, to string) error {
	told := (*scim.Error)(nil)
	if !errors.As(err, &told) && errors.Is(err, accounts.ErrNotFound) {
		told = scim.NotFound("there is no such way to sign in any more; choose another").Because(err)
	}
	if told == nil || told.Status >= http.StatusInternalServerError && told.Status != http.StatusServiceUnavailable {
		return err
	}
	if v.who.ID != uuid.Nil {
		return v.showProfile(told.Status, sentence(told.Detail))
	}
	return v.showSignIn(told.Status, doorway{Next: next(to), Problem: sentence(told.Detail)})
}

// findIdentities tells a person's account by which providers they sign in, and may.
func (v *visit) findIdentities(p *profile) (err error) {
	if p.Identities, err = v.Accounts.Identities(v.r.Context(), v.who); err != nil {
		return err
	}
	all, err := v.Accounts.Providers(v.r.Context(), v.who.Org)
	for _, one := range all {
		linked := false
		for _, i := range p.Identities {
			linked = linked || i.Provider == one.ID
		}
		if !linked {
			p.Providers = append(p.Providers, one)
		}
	}
	return err
}

// leaving is the page that leads to a provider when a form was sent.
type leaving struct{ Name, Target string }

// addIdentity leads to a provider, whose answer becomes an identity of the account.
func addIdentity(v *visit) error {
	id, err := uuid.Parse(v.field("provider"))
	if err != nil {
		return notHere(v.r)
	}
	target, p, err := v.setOut(id, accounts.SignOn{Next: Path + "/account", Account: v.who}, func(on accounts.SignOn) (string, error) {
		return v.Accounts.BeginLink(v.r.Context(), on, v.r.PostForm.Get("password"), v.from())
	})
	if told := (*scim.Error)(nil); errors.As(err, &told) && told.Status == http.StatusUnauthorized {
		return v.showProfile(told.Status, "The password is wrong. Nothing was changed.")
	}
	if err != nil {
		return v.notSignedOn(err, Path)
	}
	return v.show("leaving", "", "To "+p.Name, leaving{p.Name, target})
}

func askRemoveIdentity(v *visit) (q question, err error) {
	id, err := v.id()
	if err != nil {
		return q, err
	}
	all, err := v.Accounts.Identities(v.r.Context(), v.who)
	if err != nil {
		return q, err
	}
	keys, err := v.Accounts.Passkeys(v.r.Context(), v.who)
	if err != nil {
		return q, err
	}
	for _, i := range all {
		if i.ID != id {
			continue
		}
		q = question{
			Heading: "Sign in by " + i.Name + " no more?", Yes: "Remove it", Back: Path + "/account", Danger: true,
			Text: []string{"The sessions that it began end at once, this one too if it is one of them."},
		}
		if len(all) == 1 && len(keys) == 0 && v.who.Password == "" {
			q.Text = append(q.Text, "You have no password and no passkey: make a passkey first, or you may not get in again.")
		}
		return q, nil
	}
	return q, v.gone(accounts.ErrNotFound)
}

func removeIdentity(v *visit) error {
	id, err := v.id()
	if err == nil {
		err = v.gone(v.Accounts.RemoveIdentity(v.r.Context(), v.who, id))
	}
	if err != nil {
		return err
	}
	return v.to(Path + "/account?done=unlinked")
}
