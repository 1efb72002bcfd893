package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/scim"
)

// correlationHeader carries the correlation id both ways. Genesys Cloud writes
// ININ-Correlation-Id; this is how net/http spells it, and case has no meaning.
const correlationHeader = "Inin-Correlation-Id"

// maxCorrelationID is how long an id that a client chooses may be.
const maxCorrelationID = 64

// exchange is one request and what becomes of it. It is at once the writer that
// handlers get and what their context carries.
type exchange struct {
	http.ResponseWriter
	writes    *writes             // of all exchanges
	id        string              // correlation id
	principal *oauth.Principal    // who makes it, or nobody
	origin    provisioning.Origin // of what the request changes
	limiter   *limiter            // that the request is counted by; nil is none
	limit     rate
	bucket    uuid.UUID            // of the limiter: the client's, or the person's
	dryRun    bool                 // it changes nothing
	about     *provisioning.Target // where the path does not tell; nil is that it does
	status    int                  // 0 until the answer begins
	refusal   *scim.Error          // what the client is told instead of what it asked for; nil is nothing
	bytes     int64

	memory    *bodyMemory // of which a request with a body takes shares
	guest     org.ID      // whose share that is where nobody is authenticated
	bodyLimit int64       // bytes
	shares    []share
	time      deadline
	body      *incoming // nil is none, or that HTTP/2 takes care of it
	sent      []byte    // the body, where it was read
	draining  bool      // of what is left of it, once the answer is written
}

// nobody is the principal of a request until it is authenticated.
var nobody = new(oauth.Principal)

// known reports whether the request is authenticated.
func (x *exchange) known() bool { return x.principal != nobody }

type exchangeKey struct{}

// exchangeContext is the context of an exchange. They are one piece of memory, since each
// request needs both.
type exchangeContext struct {
	context.Context
	exchange exchange
}

// Value implements context.Context.
func (c *exchangeContext) Value(key any) any {
	if key == (exchangeKey{}) {
		return &c.exchange
	}
	return c.Context.Value(key)
}

// begin starts an exchange: every later line of the log and every error carries
// its correlation id.
func (f *Frame) begin(w http.ResponseWriter, r *http.Request, limit time.Duration) (*exchange, *http.Request) {
	c := &exchangeContext{exchange: exchange{ResponseWriter: w, writes: f.writes, principal: nobody, id: r.Header.Get(correlationHeader)}}
	x := &c.exchange
	if !plainToken(x.id) {
		x.id = newCorrelationID()
	}
	w.Header()[correlationHeader] = []string{x.id}
	c.Context = f.deadlines.begin(r.Context(), &x.time, limit)
	if changes(r.Method) {
		x.startOrigin()
		c.Context = provisioning.WithOrigin(c.Context, &x.origin)
	}
	r = r.WithContext(c)
	if r.Body != nil && r.Body != http.NoBody {
		body := newIncoming(r, &x.time)
		if r.Body = body; r.ProtoMajor == 1 {
			x.body = body
		}
	}
	return x, r
}

// serve has the request answered. Its context ends with that, and so does what it holds of
// the body: contexts outlive their requests, since a connection to the database keeps those
// of its last statements.
func (x *exchange) serve(h Handler, r *http.Request) {
	defer x.time.end()
	_ = h(x, r) // answered already
	x.sent = nil
}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// Within is ctx for a part of a request, or for what a request left to be done:
// the log and the client know it under an id of its own.
func Within(ctx context.Context, id string) context.Context {
	part := exchange{id: id, principal: nobody, origin: provisioning.OriginOf(ctx)}
	if x := exchangeOf(ctx); x != nil {
		part.principal, part.origin = x.principal, x.origin
		part.limiter, part.limit, part.bucket, part.dryRun = x.limiter, x.limit, x.bucket, x.dryRun
	}
	part.origin.CorrelationID, part.origin.Changed, part.origin.Made = id, false, nil
	return provisioning.WithOrigin(context.WithValue(ctx, exchangeKey{}, &part), &part.origin)
}

// ActingFor is ctx for carrying out an earlier request, under its id. from has its address
// and identity system, as far as they are known.
func ActingFor(ctx context.Context, p oauth.Principal, id string, from provisioning.Origin) context.Context {
	return Within(context.WithValue(ctx, exchangeKey{}, &exchange{
		principal: &p,
		origin: provisioning.Origin{
			Actor: provisioning.Actor{Type: provisioning.Client, ID: p.Client, Name: p.ClientName}, SCIM: true,
			Address: from.Address, System: cmp.Or(from.System, provisioning.GuessSystem("", p.ClientName)),
			UserBrake: p.Org.Settings.UserBrake, MemberBrake: p.Org.Settings.MemberBrake,
		},
	}), id)
}

// CorrelationID is the id under which the log and the client know the request.
// It is empty outside of a Frame's routes.
func CorrelationID(ctx context.Context) string {
	if x := exchangeOf(ctx); x != nil {
		return x.id
	}
	return ""
}

// Principal returns the principal of the request. It panics on a public route, which has
// none: to go on with the zero organisation would be worse.
func Principal(ctx context.Context) oauth.Principal {
	x := exchangeOf(ctx)
	if x == nil || !x.known() {
		panic("httpapi: Principal was asked for on a route without authentication")
	}
	return *x.principal
}

// WriteHeader notes the status of the answer.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 && status >= http.StatusOK {
		x.status = status
		x.beginDrain()
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write notes the length of the answer. It fails when the client takes none of it for a
// while.
func (x *exchange) Write(b []byte) (int, error) {
	if x.status == 0 {
		x.WriteHeader(http.StatusOK)
	}
	x.time.stop()
	n, err := x.writes.write(x, b)
	x.time.goOn()
	x.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController flush a long answer.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// plainToken reports whether a client's correlation id can go into a header and
// a log as it is.
func plainToken(s string) bool {
	if s == "" || len(s) > maxCorrelationID {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

func newCorrelationID() string {
	id, err := uuid.NewV7()
	if err != nil {
		panic(err) // only when the system has no random numbers, which crypto/rand rules out
	}
	return id.String()
}
