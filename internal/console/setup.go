package console

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/scim"
)

// The pages for people without an account.

// SetupPath is where the link leads that sets up one connection, with its secret behind.
const SetupPath = Path + "/setup/"

// setupActor is who did what somebody without an account has done, in the log.
const setupActor = "setup link"

const (
	secureSetupCookie = "__Host-purescim-setup"
	plainSetupCookie  = "purescim-setup"
)

func (v *visit) setupCookie() string {
	if v.encrypted() {
		return secureSetupCookie
	}
	return plainSetupCookie
}

// showSetup asks before the link is used up: programs that look at links in letters follow
// them, and press no buttons.
func showSetup(v *visit) error {
	s, err := v.Accounts.Setup(v.r.Context(), v.parameter("secret"))
	if err != nil {
		return oldLink(err)
	}
	v.who.ID = uuid.Nil
	return v.show("setup", "", "Set up "+s.ClientName, s)
}

func openSetup(v *visit) error {
	if v.isOpen() {
		return errOpen()
	}
	v.originateAs(setupActor)
	session, err := v.Accounts.OpenSetup(v.r.Context(), v.parameter("secret"))
	if err != nil {
		return oldLink(err)
	}
	http.SetCookie(v.w, &http.Cookie{
		Name: v.setupCookie(), Value: session, Path: "/", Secure: v.encrypted(), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	return v.to(Path + "/setup/values")
}

// isOutside reports whether the viewer has no account.
func (v *visit) isOutside() bool { return v.who.ID == uuid.Nil }

// outside runs work for the connection that the browser may set up, and for nothing else.
func outside(work func(v *visit, c oauth.Client, guide string) error) func(v *visit) error {
	return func(v *visit) error {
		cookie, err := v.r.Cookie(v.setupCookie())
		if err != nil {
			return scim.NotFound("this page is for whoever has opened a link; open the link in this browser").Because(err)
		}
		s, err := v.Accounts.OpenedSetup(v.r.Context(), cookie.Value)
		if err != nil {
			return oldLink(err)
		}
		v.who = accounts.Account{} // whoever has signed in besides
		if v.org, err = v.Organisations.Org(v.r.Context(), s.Org); err != nil {
			return err
		}
		c, err := v.OAuth.Client(v.r.Context(), s.Org, s.Client)
		if err != nil {
			return v.noClient(err)
		}
		v.originateAs(setupActor)
		return work(v, c, s.Guide)
	}
}

func outsideStep(step int) func(v *visit) error {
	return outside(func(v *visit, c oauth.Client, guide string) error {
		return v.showWizard(c, guide, wizard{Step: step, Outside: true})
	})
}

func outsideToken(v *visit, c oauth.Client, guide string) error {
	return v.renew(c, guide, wizard{Step: 2, Outside: true})
}

func outsideLive(v *visit, c oauth.Client, _ string) error { return v.watchChecks(c) }
