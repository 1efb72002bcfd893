package console

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/scim"
)

// visit is one request for a page, by somebody with the permission for it.
type visit struct {
	*console
	w       http.ResponseWriter
	r       *http.Request
	who     accounts.Account // zero where nobody is signed in
	session accounts.Session
	org     org.Org // of the path; zero where it names none
}

// The names of the session cookie. A browser accepts the first only from this host and over
// TLS. Plain http, which is served on this machine only, cannot have such a cookie.
const (
	secureCookie = "__Host-purescim"
	PlainCookie  = "purescim-console" // as the benchmark sends it
)

// policy lets a page use files of this server, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// admit checks the permission for a call, and sends people who are not signed in to do so.
func (c *console) admit(rt route) httpapi.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		v := &visit{console: c, w: w, r: r}
		setPolicy(w)
		if err := c.origin.Check(r); err != nil {
			return scim.Forbidden("the form was sent by the page of another site, so nothing was changed; open the console and do it there").Because(err)
		}
		if err := v.check(rt); err != nil {
			if errors.Is(err, errNobody) {
				return v.sendToSignIn()
			}
			return err
		}
		if err := httpapi.ReadForm(r, v.formLimits()); err != nil {
			return err
		}
		if r.Method == http.MethodPost {
			v.originate()
		}
		return rt.do(v)
	}
}

func setPolicy(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// formLimits are the bounds of a form. A stranger has little to say.
func (v *visit) formLimits() httpapi.FormLimits {
	if v.who.ID == uuid.Nil {
		return httpapi.FormLimits{Bytes: 16 << 10, Fields: 100}
	}
	return httpapi.FormLimits{Bytes: bodyLimit, Fields: 5000}
}

// errNobody says that a call requires a session.
var errNobody = errors.New("nobody is signed in")

// check finds the account and the organisation of the call, and refuses those without the
// permission. What an account may not see is answered as if it did not exist.
func (v *visit) check(rt route) error {
	if rt.may == files {
		return nil
	}
	if err := v.identify(); err != nil {
		return err
	}
	if v.who.ID != uuid.Nil {
		who := httpapi.Person{ID: v.who.ID, Session: v.session.ID, Org: v.who.Org, Watches: slices.Contains(streams, rt.call)}
		if err := v.frame.LimitPerson(v.w, v.r, who); err != nil {
			return err
		}
	}
	if rt.may == anybody {
		return nil
	}
	if v.who.ID == uuid.Nil {
		return errNobody
	}
	if err := v.findOrg(); err != nil {
		return err
	}
	switch rt.may {
	case changers:
		if !v.who.Role.Covers(accounts.Administrator) {
			return scim.Forbidden("you may see everything and change nothing: your role is viewer; an owner may give you another")
		}
	case owners:
		return v.who.Manages(v.org.ID)
	case operators:
		if v.who.Org != accounts.Everywhere {
			return notHere(v.r)
		}
	}
	return nil
}

// identify finds the session of the cookie and its account, if there is one.
func (v *visit) identify() error {
	cookie, err := v.r.Cookie(v.cookieName())
	if err != nil {
		return nil //nolint:nilerr // without a cookie nobody is signed in
	}
	v.session, v.who, err = v.Accounts.Session(v.r.Context(), cookie.Value)
	if errors.Is(err, accounts.ErrNotFound) {
		return nil
	}
	return err
}

// findOrg reads the organisation that the path names.
func (v *visit) findOrg() error {
	text := chi.URLParam(v.r, "org")
	if text == "" {
		return nil
	}
	id, err := org.ParseID(text)
	if err != nil || !v.who.Sees(id) {
		return notHere(v.r)
	}
	v.org, err = v.Organisations.Org(v.r.Context(), id)
	if errors.Is(err, oauth.ErrNotFound) {
		return notHere(v.r)
	}
	return err
}

func notHere(r *http.Request) error {
	return scim.NotFound("there is no page %s, or not for you", r.URL.Path)
}

func nowhere(v *visit) error { return notHere(v.r) }

// originate notes the actor of a change, for the provisioning log.
func (v *visit) originate() { v.originateAs(v.who.Login) }

// originateAs is originate for a login, which is empty before somebody has signed in.
func (v *visit) originateAs(login string) {
	o := provisioning.OriginOf(v.r.Context())
	o.Address = v.frame.ClientAddress(v.r)
	if login != "" {
		o.Actor = provisioning.Actor{Type: provisioning.Person, Name: login}
	}
	v.r = v.r.WithContext(provisioning.WithOrigin(v.r.Context(), &o))
}

// from is where the request comes from.
func (v *visit) from() accounts.From {
	return accounts.From{Address: v.frame.ClientAddress(v.r), Agent: v.r.UserAgent()}
}

// encrypted reports whether the browser came over TLS.
func (v *visit) encrypted() bool { return strings.HasPrefix(v.base(), "https://") }

// base is the scheme and host under which the browser came.
func (v *visit) base() string { return v.frame.BaseURL(v.r) }

// isLocal reports whether the browser is on this machine, judging by the URL: then the
// connection cannot be listened to.
func (v *visit) isLocal() bool {
	u, err := url.Parse(v.base())
	if err != nil {
		return false
	}
	switch host := u.Hostname(); host {
	case "localhost", "127.0.0.1", "::1":
		return true
	default:
		return strings.HasSuffix(host, ".localhost")
	}
}

func (v *visit) cookieName() string {
	if v.encrypted() {
		return secureCookie
	}
	return PlainCookie
}

// setSession gives the browser the secret of a session; none ends it there.
func (v *visit) setSession(secret string) {
	cookie := &http.Cookie{
		Name: v.cookieName(), Value: secret, Path: "/", Secure: v.encrypted(), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if secret == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(v.w, cookie)
}

// to leads the browser on to another page, when a form was done.
func (v *visit) to(path string) error {
	http.Redirect(v.w, v.r, path, http.StatusSeeOther)
	return nil
}

// home is the path of the organisation's pages, or of one of them.
func (v *visit) home(parts ...string) string {
	return Path + "/o/" + v.org.ID.String() + strings.Join(parts, "")
}

// scope is the path of what belongs to the organisation of the visit, or to all.
func (v *visit) scope(parts ...string) string {
	if v.org.ID == accounts.Everywhere {
		return Path + strings.Join(parts, "")
	}
	return v.home(parts...)
}

// id reads the id in the path.
func (v *visit) id() (uuid.UUID, error) {
	id, err := uuid.Parse(chi.URLParam(v.r, "id"))
	if err != nil {
		return id, notHere(v.r)
	}
	return id, nil
}

// mendable is the error if the sender of the request can correct it, or nil.
func mendable(err error) *scim.Error {
	told := (*scim.Error)(nil)
	if errors.As(err, &told) && told.Status < http.StatusInternalServerError {
		return told
	}
	return nil
}

// statusOf is the detail of mendable, as a sentence for a form, and its status.
func statusOf(err error) (detail string, status int, isMendable bool) {
	told := mendable(err)
	if told == nil {
		return "", 0, false
	}
	return sentence(told.Detail), told.Status, true
}

// field is what a form holds under a name, without the blanks around it.
func (v *visit) field(name string) string { return strings.TrimSpace(v.r.PostForm.Get(name)) }

// query is what the URL holds under a name.
func (v *visit) query(name string) string { return strings.TrimSpace(v.r.URL.Query().Get(name)) }
