package console

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/scim"
)

// start leads to the page that somebody sees first.
func start(v *visit) error {
	if v.who.Org != accounts.Everywhere {
		return v.to(Path + "/o/" + v.who.Org.String())
	}
	all, err := v.Organisations.ListOrgs(v.r.Context())
	if err != nil {
		return err
	}
	if len(all) == 1 {
		return v.to(Path + "/o/" + all[0].ID.String())
	}
	return v.to(Path + "/organisations")
}

// sendToSignIn leads to the page that signs in, which leads back. A form was not sent.
func (v *visit) sendToSignIn() error {
	target := Path + "/signin"
	if v.r.Method == http.MethodGet && v.r.URL.Path != Path {
		target += "?next=" + url.QueryEscape(v.r.URL.RequestURI())
	}
	return v.to(target)
}

// next is the page of the console that a text names, or its beginning: a link must not
// lead to other sites.
func next(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || strings.ContainsAny(text, "\\") ||
		u.Path != Path && !strings.HasPrefix(u.Path, Path+"/") || strings.Contains(u.Path, "//") {
		return Path
	}
	return u.RequestURI()
}

// doorway is what the pages before the console show.
type doorway struct {
	Login, Next, Problem string
	Invitation           accounts.Invitation
	For                  string // what an invitation is for
	// Open tells that the connection can be listened to, so that nobody signs in.
	Open bool
	// Keyed tells that the browser may take passkeys here.
	Keyed bool
	// Providers are those by which somebody may sign in instead, and Way is the path in
	// front of their ids.
	Providers []accounts.Provider
	Way       string
}

// isOpen reports whether passwords would cross a network readable.
func (v *visit) isOpen() bool { return !v.encrypted() && !v.isLocal() }

// errOpen refuses passwords that others could read.
func errOpen() error {
	return scim.Forbidden("the console takes passwords over https alone, and over http on this machine (localhost); " +
		"put TLS in front of the server, and tell it its URL with PURESCIM_PUBLIC_URL")
}

func showSignIn(v *visit) error {
	return v.showSignIn(http.StatusOK, doorway{Next: next(v.query("next"))})
}

func (v *visit) showSignIn(status int, d doorway) (err error) {
	d.Open, d.Keyed, d.Way = v.isOpen(), accounts.HasPasskeys(v.base()), setOutPath
	if d.Providers, err = v.offered(); err != nil {
		return err
	}
	return v.showStatus(status, "signin", "", "Sign in", d)
}

func signIn(v *visit) error {
	if v.isOpen() {
		return errOpen()
	}
	login := v.field("login")
	secret, _, err := v.Accounts.SignIn(v.r.Context(), login, v.r.PostForm.Get("password"), v.from())
	if told := mendable(err); told != nil {
		return v.showSignIn(told.Status, doorway{Login: login, Next: next(v.field("next")), Problem: sentence(told.Detail)})
	}
	if err != nil {
		return err
	}
	v.setSession(secret)
	return v.to(next(v.field("next")))
}

func signOut(v *visit) error {
	err := v.Accounts.EndSession(v.r.Context(), v.who, v.session.ID)
	if err != nil && !errors.Is(err, accounts.ErrNotFound) {
		return err
	}
	v.setSession("")
	return v.to(Path + "/signin")
}

// oldLink refuses a link that was used, withdrawn or is too old.
func oldLink(err error) error {
	if errors.Is(err, accounts.ErrNotFound) {
		return scim.NotFound("this link was used already, was withdrawn, or is too old; ask who sent it for another").Because(err)
	}
	return err
}

func showInvitation(v *visit) error {
	d, err := v.invited()
	if err != nil {
		return err
	}
	return v.show("invitation", "", "Welcome", d)
}

// invited is what the link in the path invites to.
func (v *visit) invited() (d doorway, err error) {
	if d.Invitation, err = v.Accounts.Invitation(v.r.Context(), chi.URLParam(v.r, "secret")); err != nil {
		return d, oldLink(err)
	}
	d.Login, d.Open, d.For = d.Invitation.Login, v.isOpen(), "all organisations"
	if id := d.Invitation.Org; id != accounts.Everywhere {
		o, err := v.Organisations.Org(v.r.Context(), id)
		if err != nil {
			return d, err
		}
		d.For = o.Name
	}
	d.Way = v.r.URL.Path + "/providers/"
	d.Providers, err = v.Accounts.Providers(v.r.Context(), d.Invitation.Org)
	return d, err
}

func acceptInvitation(v *visit) error {
	if v.isOpen() {
		return errOpen()
	}
	d, err := v.invited()
	if err != nil {
		return err
	}
	if d.Login == "" {
		d.Login = v.field("login")
	}
	v.originateAs(d.Login)
	password, again := v.r.PostForm.Get("password"), v.r.PostForm.Get("again")
	if password != again {
		d.Problem = "The two passwords are not the same."
		return v.showStatus(http.StatusBadRequest, "invitation", "", "Welcome", d)
	}
	secret, _, err := v.Accounts.Accept(v.r.Context(), chi.URLParam(v.r, "secret"), d.Login, password, v.from())
	if told := mendable(err); told != nil {
		d.Problem = sentence(told.Detail)
		return v.showStatus(told.Status, "invitation", "", "Welcome", d)
	}
	if err != nil {
		return oldLink(err)
	}
	v.setSession(secret)
	return v.to(Path)
}
