package console

import (
	"errors"
	"net/http"

	"github.com/purescim/purescim/internal/accounts"
)

// themeCookie keeps whether pages are light or dark; it is no secret.
const themeCookie = "purescim-theme"

// theme is what the browser's user has chosen.
func (v *visit) theme() string {
	cookie, err := v.r.Cookie(themeCookie)
	if err == nil && (cookie.Value == "light" || cookie.Value == "dark") {
		return cookie.Value
	}
	return ""
}

// chooseTheme keeps what was chosen, for a year.
func chooseTheme(v *visit) error {
	const year = 365 * 24 * 60 * 60
	cookie := &http.Cookie{
		Name: themeCookie, Value: v.field("theme"), Path: Path, MaxAge: year, Secure: v.encrypted(), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if cookie.Value != "light" && cookie.Value != "dark" {
		cookie.Value, cookie.MaxAge = "", -1
	}
	http.SetCookie(v.w, cookie)
	return v.to(next(v.field("next")))
}

// profile is what a person sees of their own account.
type profile struct {
	Sessions []accounts.Session
	Current  accounts.Session
	Passkeys []accounts.Passkey
	// Identities are by which providers the person signs in, and Providers are others by
	// which they may.
	Identities []accounts.Identity
	Providers  []accounts.Provider
	// Keyed tells that the console was opened in a way in which browsers take passkeys.
	Keyed   bool
	For     string
	Problem string
	// Access is what was just made to try the API, and is shown this once.
	Access *access
	// Choices are names of organisations for whom there is more than one.
	Choices []string
}

func showAccount(v *visit) error { return v.showProfile(http.StatusOK, "") }

func (v *visit) showProfile(status int, problem string) error {
	return v.showProfileWith(status, problem, nil)
}

func (v *visit) showProfileWith(status int, problem string, made *access) error {
	all, err := v.Accounts.Sessions(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	keys, err := v.Accounts.Passkeys(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	p := profile{
		Sessions: all, Current: v.session, Passkeys: keys, Keyed: accounts.HasPasskeys(v.base()), For: "all organisations", Problem: problem,
		Access: made,
	}
	if err := v.findIdentities(&p); err != nil {
		return err
	}
	if p.Choices, err = v.choices(); err != nil {
		return err
	}
	if v.who.Org != accounts.Everywhere {
		o, err := v.Organisations.Org(v.r.Context(), v.who.Org)
		if err != nil {
			return err
		}
		v.org, p.For = o, o.Name
	}
	return v.showStatus(status, "account", "", "Your account", p)
}

func changePassword(v *visit) error {
	form := v.r.PostForm
	if form.Get("password") != form.Get("again") {
		return v.showProfile(http.StatusBadRequest, "The two new passwords are not the same. Nothing was changed.")
	}
	err := v.Accounts.ChangePassword(v.r.Context(), v.who, v.session.ID, form.Get("old"), form.Get("password"), v.from())
	if told := mendable(err); told != nil {
		problem := sentence(told.Detail)
		if told.Status == http.StatusUnauthorized {
			problem = "The password so far is wrong. Nothing was changed."
		}
		return v.showProfile(told.Status, problem)
	}
	if err != nil {
		return err
	}
	return v.to(Path + "/account?done=password")
}

func askEndSession(v *visit) (question, error) {
	q := question{
		Heading: "End this session?", Text: []string{"Whoever uses it is led to the page where people sign in."},
		Yes: "End it", Danger: true, Back: Path + "/account",
	}
	if v.parameter("id") == v.session.ID.String() {
		q.Heading, q.Text = "End the session that you use now?", []string{"You are signed out."}
	}
	return q, nil
}

func askEndSessions(*visit) (question, error) {
	return question{
		Heading: "Sign out everywhere?", Yes: "Sign out everywhere", Danger: true, Back: Path + "/account",
		Text: []string{"All your sessions end at once, this one too, and so do your tokens to try the API. Passkeys and the password stay as they are."},
	}, nil
}

// endSessions signs out everywhere.
func endSessions(v *visit) error {
	if err := v.Accounts.EndSessions(v.r.Context(), v.who); err != nil && !errors.Is(err, accounts.ErrNotFound) {
		return err
	}
	v.setSession("")
	return v.to(Path + "/signin")
}

// endSession ends a session of one's own; this one too, which signs out.
func endSession(v *visit) error {
	id, err := v.id()
	if err != nil {
		return err
	}
	if err := v.Accounts.EndSession(v.r.Context(), v.who, id); err != nil && !errors.Is(err, accounts.ErrNotFound) {
		return err
	}
	return v.to(Path + "/account?done=ended")
}
