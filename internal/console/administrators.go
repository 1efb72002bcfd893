package console

import (
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/scim"
)

// administrators are the accounts of an organisation, or of all.
type administrators struct {
	Accounts    []accounts.Account
	Passkeys    map[uuid.UUID]int // of accounts that have any
	Invitations []accounts.Invitation
	For         string
	Roles       []accounts.Role
	// Link is that of the invitation that was just made, which is shown this once. Reset
	// tells that it is for an account that was reset.
	Link, Login string
	Reset       bool
	Problem     string
}

func showAdministrators(v *visit) error { return v.showAdministrators(http.StatusOK, administrators{}) }

func (v *visit) showAdministrators(status int, a administrators) (err error) {
	a.For, a.Roles = "all organisations", accounts.Roles
	if v.org.ID != accounts.Everywhere {
		a.For = v.org.Name
	}
	if a.Accounts, err = v.Accounts.Accounts(v.r.Context(), v.org.ID); err != nil {
		return err
	}
	if a.Passkeys, err = v.Accounts.CountPasskeys(v.r.Context(), v.org.ID); err != nil {
		return err
	}
	if a.Invitations, err = v.Accounts.Invitations(v.r.Context(), v.org.ID); err != nil {
		return err
	}
	return v.showStatus(status, "administrators", v.administration(), "Administrators", a)
}

// administration is the place in the navigation that has the administrators.
func (v *visit) administration() string {
	if v.org.ID == accounts.Everywhere {
		return "administrators"
	}
	return "settings"
}

// invite makes the link of an invitation, and shows it this once.
func invite(v *visit) error {
	login := v.field("login")
	secret, _, err := v.Accounts.Invite(v.r.Context(), v.who.Login, v.org.ID, login, accounts.Role(v.field("role")))
	if told := mendable(err); told != nil {
		return v.showAdministrators(told.Status, administrators{Login: login, Problem: sentence(told.Detail)})
	}
	if err != nil {
		return err
	}
	return v.showAdministrators(http.StatusOK, administrators{Link: v.base() + InvitationPath + secret, Login: login})
}

// notSelf refuses changes to one's own account, so that people do not lock themselves out.
func (v *visit) notSelf() error {
	if id, err := v.id(); err != nil || id == v.who.ID {
		return scim.Conflict("you cannot change or remove your own account; another owner can")
	}
	return nil
}

func changeRole(v *visit) error {
	id, err := v.id()
	if err == nil {
		err = v.notSelf()
	}
	if err == nil {
		err = v.gone(v.Accounts.SetRole(v.r.Context(), v.org.ID, id, accounts.Role(v.field("role"))))
	}
	if err != nil {
		return err
	}
	return v.to(v.scope("/administrators?done=role"))
}

// askReset tells what is lost when somebody's account is reset.
func askReset(v *visit) (question, error) {
	return question{
		Heading: "Reset how this person signs in?", Yes: "Reset it", Danger: true, Back: v.scope("/administrators"), Place: v.administration(),
		Text: []string{
			"The password, all passkeys and links to providers are good for nothing from now on, and the sessions end at once. You get a link by which the person sets a new password; role and history stay.",
			"This is for a device that was lost or stolen. Who has only forgotten the password is invited again, and keeps the passkeys.",
		},
	}, v.notSelf()
}

// resetAdministrator shows the link of the invitation that comes of it, this once.
func resetAdministrator(v *visit) error {
	id, err := v.id()
	if err == nil {
		err = v.notSelf()
	}
	if err != nil {
		return err
	}
	secret, i, err := v.Accounts.Reset(v.r.Context(), v.who.Login, v.org.ID, id)
	if err != nil {
		return v.gone(err)
	}
	return v.showAdministrators(http.StatusOK, administrators{Link: v.base() + InvitationPath + secret, Login: i.Login, Reset: true})
}

func askRemove(v *visit) (question, error) {
	return question{
		Heading: "Remove this account?", Yes: "Remove it", Danger: true, Back: v.scope("/administrators"), Place: v.administration(),
		Text: []string{"Its sessions end at once, and it does not come back; whoever needs one again is invited. What it did stays in the log."},
	}, v.notSelf()
}

func removeAdministrator(v *visit) error {
	id, err := v.id()
	if err == nil {
		err = v.notSelf()
	}
	if err == nil {
		err = v.gone(v.Accounts.Remove(v.r.Context(), v.org.ID, id))
	}
	if err != nil {
		return err
	}
	return v.to(v.scope("/administrators?done=removed"))
}

func askWithdraw(v *visit) (question, error) {
	return question{
		Heading: "Withdraw this invitation?", Text: []string{"Its link leads nowhere from then on."},
		Yes: "Withdraw it", Danger: true, Back: v.scope("/administrators"), Place: v.administration(),
	}, nil
}

func withdrawInvitation(v *visit) error {
	id, err := v.id()
	if err == nil {
		err = v.gone(v.Accounts.Withdraw(v.r.Context(), v.org.ID, id))
	}
	if err != nil {
		return err
	}
	return v.to(v.scope("/administrators?done=withdrawn"))
}

// gone refuses what is not there any more.
func (v *visit) gone(err error) error {
	if errors.Is(err, accounts.ErrNotFound) {
		return scim.NotFound("it is not there any more: somebody else may have removed it").Because(err)
	}
	return err
}
