package console

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/scim"
)

// challenge tells the script what to ask the authenticator, or why not: the script shows that
// where it stands, so that it is no page.
func (v *visit) challenge(options any, err error) error {
	status, answer := http.StatusOK, map[string]any{"options": options}
	if detail, code, told := statusOf(err); told {
		status, answer = code, map[string]any{"problem": detail}
	} else if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "application/json")
	v.w.WriteHeader(status)
	_ = json.NewEncoder(v.w).Encode(answer) // a browser that has gone is nobody's error
	return nil
}

// askPasskey begins a sign-in by passkey.
func askPasskey(v *visit) error {
	return v.challenge(v.Accounts.BeginSignIn(v.r.Context(), v.base(), v.from()))
}

// signInByPasskey takes what the authenticator has answered.
func signInByPasskey(v *visit) error {
	secret, _, err := v.Accounts.SignInByPasskey(v.r.Context(), v.base(), []byte(v.field("answer")), v.from())
	if detail, status, told := statusOf(err); told {
		return v.showSignIn(status, doorway{Next: next(v.field("next")), Problem: detail})
	}
	if err != nil {
		return err
	}
	v.setSession(secret)
	return v.to(next(v.field("next")))
}

// askNewPasskey begins to make a passkey.
func askNewPasskey(v *visit) error {
	options, err := v.Accounts.BeginPasskey(v.r.Context(), v.who, v.r.PostForm.Get("password"), v.base(), v.from())
	if told := (*scim.Error)(nil); errors.As(err, &told) && told.Status == http.StatusUnauthorized {
		err = &scim.Error{Status: told.Status, Detail: "the password is wrong"}
	}
	return v.challenge(options, err)
}

// addPasskey keeps the passkey that the authenticator has made.
func addPasskey(v *visit) error {
	err := v.Accounts.AddPasskey(v.r.Context(), v.who, v.base(), v.field("name"), []byte(v.field("answer")), v.from())
	if detail, status, told := statusOf(err); told {
		return v.showProfile(status, detail+" Nothing was changed.")
	}
	if err != nil {
		return err
	}
	return v.to(Path + "/account?done=passkey")
}

// askRemovePasskey tells what is lost with a passkey.
func askRemovePasskey(v *visit) (q question, err error) {
	id, err := v.id()
	if err != nil {
		return q, err
	}
	all, err := v.Accounts.Passkeys(v.r.Context(), v.who)
	if err != nil {
		return q, err
	}
	for _, p := range all {
		if p.ID != id {
			continue
		}
		q = question{
			Heading: "Remove the passkey " + p.Name + "?",
			Text:    []string{"Nobody signs in with it any more. Sessions that it began go on: if it was lost, sign out everywhere."},
			Yes:     "Remove the passkey", Back: Path + "/account", Danger: true,
		}
		if len(all) == 1 && v.who.Password == "" {
			q.Text = append(q.Text, "It is the only one, and the account has no password: make another one first, or you may not get in again.")
		}
		return q, nil
	}
	return q, v.gone(accounts.ErrNotFound)
}

func removePasskey(v *visit) error {
	id, err := v.id()
	if err == nil {
		err = v.gone(v.Accounts.RemovePasskey(v.r.Context(), v.who, id))
	}
	if err != nil {
		return err
	}
	return v.to(Path + "/account?done=unkeyed")
}
