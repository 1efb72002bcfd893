package console

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/scim"
)

// access is a token with which a person tries the API.
type access struct {
	Token   string
	Expires time.Time
	Org     string // its name
	May     string // in words
}

// openAPI gives the signed-in person a token of a few minutes, with no more permissions in the
// API than the person has in the console.
func openAPI(v *visit) error {
	if v.isOpen() {
		return errOpen()
	}
	o, err := v.chosen()
	var made access
	if err == nil {
		made, err = v.newAccess(o)
	}
	if detail, status, told := statusOf(err); told {
		return v.showProfile(status, detail)
	}
	if err != nil {
		return err
	}
	return v.showProfileWith(http.StatusOK, "", &made)
}

func (v *visit) newAccess(o org.Org) (made access, err error) {
	edits := v.who.Role.Covers(accounts.Administrator)
	made = access{Org: o.Name, May: "read, and change nothing"}
	if edits {
		made.May = "read and change people, groups and the catalogue"
	}
	made.Token, made.Expires, err = v.OAuth.IssuePersonal(v.r.Context(), o.ID, oauth.Person{ID: v.who.ID, Name: v.who.Login, Edits: edits})
	if err == nil {
		err = v.confirm()
	}
	if many := (*oauth.TokenLimitError)(nil); errors.As(err, &many) {
		return made, scim.Conflict("you have %d of these tokens already; use one of them, wait until one has ended, or sign out, which ends all", oauth.MaxPersonal)
	}
	return made, v.noClient(err)
}

// confirm refuses a token that was made while the session ended or the role changed. It has
// not been shown yet.
func (v *visit) confirm() error {
	err := v.Accounts.Confirm(v.r.Context(), v.who, v.session.ID)
	if !errors.Is(err, accounts.ErrNotFound) {
		return err
	}
	if err := v.OAuth.EndPersonal(v.r.Context(), v.who.ID); err != nil {
		return err
	}
	return scim.Conflict("your session or your role was ended meanwhile; sign in again")
}

// chosen is the organisation in which the token is good: that of the account, or the one of
// the form for who sees all.
func (v *visit) chosen() (org.Org, error) {
	if v.who.Org != accounts.Everywhere {
		return v.Organisations.Org(v.r.Context(), v.who.Org)
	}
	name := v.field("organisation")
	all, err := v.Organisations.ListOrgs(v.r.Context())
	if err != nil {
		return org.Org{}, err
	}
	at := slices.IndexFunc(all, func(o org.Org) bool { return strings.EqualFold(o.Name, name) })
	if at < 0 {
		return org.Org{}, scim.InvalidValue("choose an organisation by its name: there is none named %q", name)
	}
	return all[at], nil
}

// choices are the names of the organisations that somebody may choose from, as far as a page
// offers them.
func (v *visit) choices() (names []string, err error) {
	if v.who.Org != accounts.Everywhere {
		return nil, nil
	}
	all, err := v.Organisations.ListOrgs(v.r.Context())
	for _, o := range all[:min(len(all), mostSwitched)] {
		names = append(names, o.Name)
	}
	return names, err
}
