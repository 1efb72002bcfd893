package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
)

// originate notes where a request that may change something comes from, for what is kept
// of the change.
func (f *Frame) originate(x *exchange, r *http.Request) {
	x.origin.Actor = provisioning.Actor{Type: provisioning.Client, ID: x.principal.Client, Name: x.principal.ClientName}
	x.origin.Token = x.principal.Token
	x.origin.Address = f.ClientAddress(r)
	if x.origin.SCIM {
		x.origin.UserBrake, x.origin.MemberBrake = x.principal.Org.Settings.UserBrake, x.principal.Org.Settings.MemberBrake
	}
	x.origin.System = provisioning.GuessSystem(r.UserAgent(), x.principal.ClientName)
}

// changes reports whether a method may change something.
func changes(method string) bool {
	switch method {
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return true
	default:
		return false
	}
}

// Recorder records the outcome of requests. It must not block.
type Recorder interface {
	// Refuse records a request to change something that was refused, and gives the id of
	// the entry.
	Refuse(o org.ID, e provisioning.Entry) uuid.UUID
	// Count counts a SCIM request, or an operation of a bulk request.
	Count(o org.ID, out provisioning.Outcome)
}

// asked is what requests of a path ask for by their method.
type asked struct {
	operation provisioning.Operation
	target    provisioning.TargetType // empty where nothing is changed
}

// askedOf are those of the methods that may change something.
func askedOf(path string) map[string]asked {
	all := make(map[string]asked)
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		operation, target := provisioning.Asked(method, path)
		all[method] = asked{operation, target}
	}
	return all
}

// record tells what becomes of requests: counts those of SCIM, and tells of each to change
// something that is refused, with what it sent. Who is not known has no organisation to be
// told.
func (f *Frame) record(path string, route Route) wrapper {
	methods := askedOf(path)
	return func(next Handler) Handler {
		if route.Public {
			return next
		}
		return func(w http.ResponseWriter, r *http.Request) error {
			x := exchangeOf(r.Context())
			x.origin.SCIM = route.Protocol == SCIM
			err := next(w, r)
			what, id := x.askedFor(r, methods[r.Method])
			switch {
			case !x.known() || f.options.Recorder == nil:
			case x.dryRun: // whatever it would have changed
				f.succeed(r.Context(), x, "", "", err)
			case err == nil && what.target == provisioning.Requests: // its operations are counted
			case err == nil, what.target == "":
				f.succeed(r.Context(), x, what.target, id, err)
			case x.status == 0:
				if x.sent == nil {
					x.sent = unread(r)
				}
				f.Refuse(r.Context(), Refusal{
					Operation: what.operation, Type: what.target, ID: id, Body: x.sent, Err: err,
				})
			}
			return err
		}
	}
}

// Succeed counts an operation of a bulk request that was done to the resource with the id.
func (f *Frame) Succeed(ctx context.Context, t provisioning.TargetType, id string) {
	if x := exchangeOf(ctx); x != nil && x.known() && !x.dryRun && f.options.Recorder != nil {
		f.succeed(ctx, x, t, id, nil)
	}
}

// succeed counts a request that was done, or one that reads, whatever came of it.
func (f *Frame) succeed(ctx context.Context, x *exchange, t provisioning.TargetType, id string, err error) {
	out := provisioning.Outcome{Kind: provisioning.Unchanged, Target: provisioning.Target{Type: t}}
	switch {
	case err != nil && isFault(explain(ctx, err).Status):
		out.Kind = provisioning.Failed
	case t == "":
		out.Kind = provisioning.Read
	case x.origin.Changed:
		out.Kind = provisioning.Changed
	}
	out.Target.ID, _ = uuid.Parse(id) // zero of one that was created
	if out.Kind == provisioning.Unchanged && t == provisioning.Group {
		out.Request = provisioning.Digest(x.sent) // others may add others
	}
	f.count(x, out)
}

// count counts an outcome, if it is one of SCIM.
func (f *Frame) count(x *exchange, out provisioning.Outcome) {
	if !x.origin.SCIM {
		return
	}
	out.Client, out.System = x.principal.Client, x.origin.System
	out.Made, out.Sent = x.origin.Made, x.origin.Sent
	f.options.Recorder.Count(x.principal.Org.ID, out)
	x.origin.Made, x.origin.Sent = nil, provisioning.Sent{} // contexts outlive their requests
}

// isFault reports whether a request with the status may be sent again as it is: the server
// failed, or there was too much to do.
func isFault(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	default:
		return status >= http.StatusInternalServerError
	}
}

// DryRun notes that the request of the context changes nothing whatever it asks for, so
// that its refusal is not told.
func DryRun(ctx context.Context) {
	if x := exchangeOf(ctx); x != nil {
		x.dryRun = true
	}
}

// About tells what a request is about whose path does not tell, for the entry of its refusal.
func About(ctx context.Context, target provisioning.Target) {
	if x := exchangeOf(ctx); x != nil && target.Type != "" {
		x.about = &target
	}
}

// askedFor adds the id, and what the handler has told.
func (x *exchange) askedFor(r *http.Request, what asked) (_ asked, id string) {
	if x.about != nil {
		what.target = x.about.Type
		return what, x.about.ID.String()
	}
	return what, idOf(x, r, what.target)
}

// unread is the body of a request that was refused before anybody read it, if it is small:
// it would be read away anyway.
func unread(r *http.Request) []byte {
	if r.ContentLength <= 0 || r.ContentLength > smallBody || r.Header.Get("Expect") != "" {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil
	}
	return body
}

// idOf is the id in the path of a request of what it is about.
func idOf(x *exchange, r *http.Request, t provisioning.TargetType) string {
	if t == provisioning.Token {
		return chi.URLParam(r, "token") // the other id is that of whose tokens they are
	}
	if id := chi.URLParam(r, "id"); id != "" {
		return id
	}
	if x.principal.User != uuid.Nil {
		return x.principal.User.String() // of /Me
	}
	return ""
}

// Refusal is a request, or an operation of one, that was refused.
type Refusal struct {
	Operation provisioning.Operation
	Type      provisioning.TargetType
	ID        string // as the path has it
	Body      []byte
	Err       error
}

// Refuse tells of what was refused because of its error. Failures of the server, and what
// is to be sent again as it is, are no refusals and are only counted.
func (f *Frame) Refuse(ctx context.Context, refused Refusal) {
	x := exchangeOf(ctx)
	if f.options.Recorder == nil || x == nil || !x.known() || x.dryRun {
		return
	}
	told := explain(ctx, refused.Err)
	switch {
	case isFault(told.Status):
		f.count(x, provisioning.Outcome{Kind: provisioning.Failed})
		return
	case told.Status < http.StatusBadRequest, told.Status == http.StatusUnauthorized, told.Status == statusGone:
		return
	}
	e := x.origin.Entry(uuid.Nil)
	e.CorrelationID = x.id
	e.Operation, e.Result, e.Status = refused.Operation, provisioning.Refused, told.Status
	e.Error = &provisioning.Error{Type: string(told.Type), Detail: provisioning.CleanText(told.Detail)}
	e.Target = provisioning.Target{Type: refused.Type}
	if id, err := uuid.Parse(refused.ID); err == nil {
		e.Target.ID = id
	} else if e.Target.Name = provisioning.NameIn(refused.Body, refused.Type); e.Target.Name == "" {
		e.Target.Name = provisioning.CleanName(refused.ID)
	}
	e.Body = provisioning.Clean(refused.Body)
	kind := provisioning.WasRefused
	if held := (*provisioning.HeldError)(nil); errors.As(refused.Err, &held) {
		kind, e.Result, e.Operation = provisioning.WasHeld, provisioning.Held, held.Instead(e.Operation)
	}
	e.ID = f.options.Recorder.Refuse(x.principal.Org.ID, e)
	f.count(x, provisioning.Outcome{Kind: kind, Target: e.Target, Refusal: e.ID})
}

// startOrigin begins the origin of a request, of which more is known when its sender is.
func (x *exchange) startOrigin() { x.origin.CorrelationID, x.origin.Began = x.id, time.Now() }
