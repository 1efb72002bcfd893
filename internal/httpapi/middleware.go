package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/scim"
)

// observe tells the log and the observer of each request, once it is answered.
func (f *Frame) observe(next Handler) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		logged := f.log.Enabled(r.Context(), slog.LevelInfo)
		if !logged && f.options.Observe == nil {
			return next(w, r)
		}
		start := time.Now()
		// Deferred, since a broken-off answer leaves as a panic.
		defer func() {
			took := time.Since(start)
			if f.options.Observe != nil {
				f.options.Observe(r.Context(), f.observed(r, took))
			}
			if logged {
				f.logAccess(r, took)
			}
		}()
		return next(w, r)
	}
}

func (f *Frame) observed(r *http.Request, took time.Duration) Observed {
	x := exchangeOf(r.Context())
	o := Observed{Route: r.Pattern, Method: r.Method, Status: x.status, Took: took}
	if x.known() {
		o.Org, o.Client, o.System = x.principal.Org.ID, x.principal.Client, x.origin.System
		if o.System == "" {
			o.System = provisioning.GuessSystem(r.UserAgent(), x.principal.ClientName)
		}
	}
	return o
}

// longestReason is how many bytes of a refusal's reason are logged.
const longestReason = 500

// logAccess writes one line a request. It holds no query, no body and no token:
// filters name people (RFC 7644 section 7.5.2). Of what was refused it tells the reason
// that the client was told.
func (f *Frame) logAccess(r *http.Request, took time.Duration) {
	ctx := r.Context()
	x := exchangeOf(ctx)
	attrs := make([]slog.Attr, 0, 11)
	attrs = append(attrs,
		slog.String("method", r.Method),
		slog.String("route", r.Pattern),
		slog.Int("status", x.status),
		slog.Int64("bytes", x.bytes),
		slog.Duration("duration", took),
		slog.String("correlation", x.id),
	)
	if x.known() {
		attrs = append(attrs,
			slog.String("org", x.principal.Org.ID.String()),
			slog.String("client", x.principal.Client.String()),
		)
	}
	if target := x.target(r); target != "" {
		attrs = append(attrs, slog.String("target", target))
	}
	if x.refusal != nil {
		if x.refusal.Type != "" {
			attrs = append(attrs, slog.String("scim_type", string(x.refusal.Type)))
		}
		reason := x.refusal.Detail
		attrs = append(attrs, slog.String("reason", strings.ToValidUTF8(reason[:min(len(reason), longestReason)], "")))
	}
	f.log.LogAttrs(ctx, slog.LevelInfo, "request", attrs...)
}

// target is the id of the resource that a request is about: that of its path, or of what
// it has made.
func (x *exchange) target(r *http.Request) string {
	id := idOf(x, r, "")
	if location := x.Header().Get("Location"); id == "" && x.status == http.StatusCreated {
		id = location[strings.LastIndexByte(location, '/')+1:]
	}
	if !plainToken(id) {
		return ""
	}
	return id
}

// panicked is the error that a panic becomes.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// catchPanic makes a panic an error like any other.
func catchPanic(next Handler) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		return Caught(func() error { return next(w, r) })
	}
}

// Caught does work and returns its panic as an error. A handler needs it for what
// it does in other goroutines than its own.
func Caught(work func() error) (err error) {
	defer func() {
		switch value := recover(); value {
		case nil:
		case http.ErrAbortHandler:
			panic(value)
		default:
			err = &panicked{value: value, stack: debug.Stack()}
		}
	}()
	return work()
}

// The values of headers that never change are made once. Nobody writes to
// these slices: Header.Set and Header.Add make new ones.
var (
	noStore       = []string{"no-store"}
	noSniff       = []string{"nosniff"}
	noReferrer    = []string{"no-referrer"}
	noContent     = []string{"default-src 'none'; frame-ancestors 'none'"}
	onlyEncrypted = []string{"max-age=31536000"}
)

// setHeaders sets what every answer carries.
func (f *Frame) setHeaders(next Handler) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		h := w.Header()
		h["Cache-Control"] = noStore
		h["X-Content-Type-Options"] = noSniff
		h["Referrer-Policy"] = noReferrer
		h["Content-Security-Policy"] = noContent
		if f.encrypted(r) {
			h["Strict-Transport-Security"] = onlyEncrypted
		}
		f.limiter.announceUnused(h)
		return next(w, r)
	}
}

// limitBody makes reading more than limit bytes fail, and refuses a body that
// is announced to be longer without reading it. What the request takes of the memory
// for bodies it gives back when it is answered.
func (f *Frame) limitBody(limit int64) wrapper {
	if limit == 0 {
		limit = DefaultBodyLimit
	}
	return func(next Handler) Handler {
		return func(w http.ResponseWriter, r *http.Request) error {
			if r.ContentLength > limit {
				return tooLarge(limit)
			}
			if r.Body != http.NoBody {
				x := exchangeOf(r.Context())
				x.memory, x.bodyLimit = f.memory, limit
				defer x.giveShares()
				// The server's own writer, not ours, lets the reader close the
				// connection instead of waiting for the rest.
				r.Body = http.MaxBytesReader(x.ResponseWriter, r.Body, limit)
			}
			return next(w, r)
		}
	}
}

func tooLarge(limit int64) *scim.Error {
	if limit >= 1<<20 && limit%(1<<20) == 0 {
		return scim.TooLarge("the body is larger than the %d MiB (%d bytes) allowed here", limit>>20, limit)
	}
	return scim.TooLarge("the body is larger than the %d bytes allowed here", limit)
}

// negotiate refuses SCIM requests that accept no JSON. On platform paths, where
// clients are less exact, JSON is the answer whatever was asked for.
func negotiate(route Route) wrapper {
	return func(next Handler) Handler {
		if route.Protocol != SCIM {
			return next
		}
		return func(w http.ResponseWriter, r *http.Request) error {
			if ignored := route.IgnoresAccept; ignored == nil || !ignored(r) {
				if err := acceptable(r); err != nil {
					return err
				}
			}
			return next(w, r)
		}
	}
}

// repeatReads does a read once more whose connection to the database was lost before
// its answer began: after a restart of the database all old connections are lost.
func repeatReads(next Handler) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if servedAs(r.Method) != http.MethodGet {
			return next(w, r)
		}
		err := next(w, r)
		if worthRepeating(r.Context(), err) {
			err = next(w, r)
		}
		return err
	}
}

// RepeatRead reads, and once more if the connection to the database was lost meanwhile.
// It is for reads that are not of GET, which are repeated anyway.
func RepeatRead(ctx context.Context, read func() error) error {
	err := read()
	if worthRepeating(ctx, err) {
		err = read()
	}
	return err
}

// worthRepeating reports whether a read failed that may be made again: nothing of its
// answer is on its way.
func worthRepeating(ctx context.Context, err error) bool {
	return err != nil && errors.Is(err, scim.ErrLost) && ctx.Err() == nil && exchangeOf(ctx).status == 0
}
