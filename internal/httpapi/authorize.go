package httpapi

import (
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/scim"
)

// Access is what a door asks of its callers.
type Access struct {
	// AnyOf has for each call, such as "PUT /Users/{id}", the permissions of
	// which the client must have one. TokenOnly asks for none.
	AnyOf map[string][]string
	// Role is a role that permits all the calls. The refusal on a SCIM route names it.
	Role string
}

// TokenOnly is for a call that every client may make.
var TokenOnly = []string{}

// calls gives, for each method of the route at path, the permissions of which
// one is needed. It panics when a method has none, because a call must not be open by
// oversight.
func (route Route) calls(path string) map[string][]string {
	calls := make(map[string][]string, len(route.Methods))
	for method := range route.Methods {
		needed, decided := route.Access.AnyOf[method+" "+path]
		if !decided {
			panic("httpapi: who may " + method + " " + path + " is not decided: its door's Access needs a line")
		}
		calls[method] = needed
	}
	return calls
}

// authorize refuses a client that has none of the permissions that the call
// needs. A method that is not served needs none to be told so.
func (f *Frame) authorize(route Route, path string) wrapper {
	return func(next Handler) Handler {
		if route.Public {
			return next
		}
		calls := route.calls(path)
		return func(w http.ResponseWriter, r *http.Request) error {
			if err := route.checkUser(exchangeOf(r.Context())); err != nil {
				return err
			}
			needed := calls[servedAs(r.Method)]
			if len(needed) == 0 || !route.serves(servedAs(r.Method), r) || exchangeOf(r.Context()).principal.Permissions.HasAny(needed...) {
				return next(w, r)
			}
			f.challenge(w, r, errorScope)
			return route.Access.refusal(needed)
		}
	}
}

// checkUser restricts tokens that carry a user to the paths for such tokens. OPTIONS is
// answered before the caller is known.
func (route Route) checkUser(x *exchange) error {
	switch carries := x.principal.User != uuid.Nil; {
	case !x.known() || carries == route.Self:
		return nil
	case carries:
		return scim.Forbidden("the access token is for one user and good for /Me alone; another one of its client is needed, made without a user")
	default:
		return scim.NotImplemented("this endpoint is not offered to an access token that carries no user; " +
			"one that does is made with \"purescim token create --user\"")
	}
}

// Check returns the refusal of a call, such as "PUT /Users/{id}", unless one of
// the permissions allows it. One that is not in the door's list is refused to all.
func (a Access) Check(call string, p oauth.Permissions) error {
	needed, decided := a.AnyOf[call]
	if decided && (len(needed) == 0 || p.HasAny(needed...)) {
		return nil
	}
	return a.refusal(needed)
}

func (a Access) refusal(needed []string) error {
	list := strings.Join(needed, ", ")
	return &coded{
		err: scim.Forbidden("the client has none of the permissions that allow this: %s; the role %q carries them: "+
			"give it to the client, or use a client that has it", list, a.Role),
		body: platformError{
			Code:    "missing.any.permissions",
			Message: "Unable to perform the requested action. You must have at least one of the following permissions assigned: [" + list + "]",
		},
	}
}
