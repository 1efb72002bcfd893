package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"

	"github.com/purescim/purescim/internal/scim"
)

const (
	// statusGone is logged when the client left before the answer. It is nginx's number and
	// is never sent.
	statusGone = 499
	// retryAfter is how many seconds a client should wait when the database is away,
	// or when there is too much of what it asks for.
	retryAfter = "5"
)

// answerErrors writes the error of a handler: once, here, and nowhere else.
func (f *Frame) answerErrors(route Route) wrapper {
	return func(next Handler) Handler {
		return func(w http.ResponseWriter, r *http.Request) error {
			err := next(w, r)
			if err == nil {
				return nil
			}
			x := exchangeOf(r.Context())
			told := f.Explain(r.Context(), err)
			x.refusal = told
			if x.status != 0 {
				panic(http.ErrAbortHandler) // part of an answer is no answer
			}
			if told.Status == statusGone {
				w.WriteHeader(statusGone)
				return nil
			}
			if route.WriteError != nil {
				setRetryAfter(x.Header(), told.Status)
				route.WriteError(w, r, told)
				return nil
			}
			x.writeError(route.Protocol, told, err)
			return nil
		}
	}
}

// Explain returns the error that the client gets, and logs the rest.
func (f *Frame) Explain(ctx context.Context, err error) *scim.Error {
	told := explain(ctx, err)
	f.logError(ctx, told, err)
	return told
}

func explain(ctx context.Context, err error) *scim.Error {
	if told := (*scim.Error)(nil); errors.As(err, &told) {
		return told
	}
	if limit := (*http.MaxBytesError)(nil); errors.As(err, &limit) {
		return tooLarge(limit.Limit)
	}
	unreachable := (*net.OpError)(nil)
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(context.Cause(ctx), context.DeadlineExceeded), errors.As(err, &unreachable):
		return scim.Unavailable("the server cannot answer at the moment; try again in %s seconds (correlation id %s)", retryAfter, CorrelationID(ctx))
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return &scim.Error{Status: statusGone, Detail: "the client has gone"}
	default:
		return &scim.Error{
			Status: http.StatusInternalServerError,
			Detail: "internal error; give your administrator the correlation id " + CorrelationID(ctx),
		}
	}
}

// logError keeps what the client is not told.
func (f *Frame) logError(ctx context.Context, told *scim.Error, err error) {
	level := slog.LevelDebug
	switch told.Status {
	case http.StatusUnauthorized:
		level = slog.LevelInfo
	case http.StatusInternalServerError, http.StatusServiceUnavailable:
		// Else there is too much to do, and nothing wrong.
		if err != error(told) || told.Unwrap() != nil { //nolint:errorlint // that which wraps it has more to say
			level = slog.LevelError
		}
	}
	if !f.log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("correlation", CorrelationID(ctx)),
		slog.Int("status", told.Status),
		slog.String("error", err.Error()),
	}
	if told := (*scim.Error)(nil); errors.As(err, &told) && told.Unwrap() != nil {
		attrs = append(attrs, slog.String("cause", told.Unwrap().Error()))
	}
	if p := (*panicked)(nil); errors.As(err, &p) {
		attrs = append(attrs, slog.String("stack", string(p.stack)))
	}
	f.log.LogAttrs(ctx, level, "request failed", attrs...)
}

// writeError writes the error that the client gets for err, and the headers that the status
// requires unless the handler has set them.
func (x *exchange) writeError(p Protocol, e *scim.Error, err error) {
	h := x.Header()
	// What the handler meant for the answer that it could not give.
	h.Del("Etag")
	h.Del("Location")
	h.Del("Content-Location")
	if e.Status == http.StatusUnauthorized {
		setDefault(h, "Www-Authenticate", `Bearer realm="purescim"`)
	}
	setRetryAfter(h, e.Status)
	switch {
	case p == OAuth && e.Status >= http.StatusInternalServerError:
		WriteJSON(x, e.Status, "application/json", marshal(newOAuthError(e)))
	case p != SCIM:
		WriteJSON(x, e.Status, "application/json", marshal(platformBody(e, err, x.id)))
	default:
		WriteJSON(x, e.Status, scim.MediaType, ErrorBody(e))
	}
}

// setRetryAfter tells the client when to try again.
func setRetryAfter(h http.Header, status int) {
	if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		setDefault(h, "Retry-After", retryAfter)
	}
}

// oauthError is the body of RFC 6749 section 5.2 in the spelling of Genesys Cloud, which
// gives the text twice.
type oauthError struct {
	Code        string `json:"error"`
	Text        string `json:"description"`
	Description string `json:"error_description"`
}

func newOAuthError(e *scim.Error) oauthError {
	code := "server_error"
	if e.Status == http.StatusServiceUnavailable {
		code = "temporarily_unavailable"
	}
	return oauthError{Code: code, Text: e.Detail, Description: e.Detail}
}

// ErrorBody is the body of an error for SCIM clients (RFC 7644 section 3.12).
func ErrorBody(e *scim.Error) []byte {
	return marshal(scimError{
		Schemas: []string{scim.ErrorURN},
		Status:  strconv.Itoa(e.Status),
		Type:    e.Type,
		Detail:  e.Detail,
	})
}

type scimError struct {
	Schemas []string       `json:"schemas"`
	Status  string         `json:"status"`
	Type    scim.ErrorType `json:"scimType,omitempty"`
	Detail  string         `json:"detail"`
}

func setDefault(h http.Header, key, value string) {
	if h.Get(key) == "" {
		h.Set(key, value)
	}
}

// marshal writes <, > and & as they are: details quote operators and values.
func marshal(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // error bodies are structs of strings
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
