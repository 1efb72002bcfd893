package scim

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"unicode/utf8"
)

// ErrorType is a scimType keyword (RFC 7644 table 9).
type ErrorType string

// The keywords of RFC 7644 section 3.12.
const (
	TypeInvalidFilter ErrorType = "invalidFilter"
	TypeTooMany       ErrorType = "tooMany"
	TypeUniqueness    ErrorType = "uniqueness"
	TypeMutability    ErrorType = "mutability"
	TypeInvalidSyntax ErrorType = "invalidSyntax"
	TypeInvalidPath   ErrorType = "invalidPath"
	TypeNoTarget      ErrorType = "noTarget"
	TypeInvalidValue  ErrorType = "invalidValue"
	TypeInvalidVers   ErrorType = "invalidVers"
)

// The keywords of RFC 9865 section 2.1.
const (
	TypeInvalidCursor ErrorType = "invalidCursor"
	TypeExpiredCursor ErrorType = "expiredCursor"
	TypeInvalidCount  ErrorType = "invalidCount"
)

// ErrLost is in the cause of an Error when a connection broke before anything was stored:
// what only reads may be done again at once, on another connection.
var ErrLost = errors.New("the connection was lost")

// ErrUncertain is in the cause of an Error when it is not known whether a write was carried
// out. Nothing is done again then: what comes of that would tell nothing of the first time.
var ErrUncertain = errors.New("it was carried out or not")

// Error is a failure that the client is told about. Detail is written for the
// administrator who reads it in Entra or Okta: which attribute, what is wrong,
// what is allowed. It never carries a secret. The cause is logged, never sent.
type Error struct {
	Status int       // HTTP status
	Type   ErrorType // scimType; empty when the status says it all
	Detail string

	cause error
}

// Error implements error with the text that the client sees.
func (e *Error) Error() string {
	if e.Type == "" {
		return e.Detail
	}
	return string(e.Type) + ": " + e.Detail
}

// Unwrap gives the cause, for logs.
func (e *Error) Unwrap() error { return e.cause }

// Because returns a copy of e that carries cause for the log.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

func fail(status int, t ErrorType, format string, args ...any) *Error {
	for i, arg := range args {
		switch arg := arg.(type) {
		case string:
			args[i] = clip(arg)
		case json.Number:
			args[i] = clip(string(arg))
		case error:
			args[i] = clip(arg.Error())
		}
	}
	return &Error{Status: status, Type: t, Detail: fmt.Sprintf(format, args...)}
}

// clip shortens what a client sent to what an administrator reads.
func clip(text string) string {
	const shown = 1000
	if len(text) <= shown {
		return text
	}
	end := shown
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// InvalidFilter answers a filter that cannot be parsed, names an unknown attribute or
// compares a value of the wrong type (RFC 7644 sections 3.4.2.2, 3.12).
func InvalidFilter(format string, args ...any) *Error {
	return fail(http.StatusBadRequest, TypeInvalidFilter, format, args...)
}

// InvalidSyntax answers a body that is not the JSON the request asks for (RFC 7644 section 3.12).
func InvalidSyntax(format string, args ...any) *Error {
	return fail(http.StatusBadRequest, TypeInvalidSyntax, format, args...)
}

// InvalidPath answers a PATCH path that is malformed or names no attribute (RFC 7644 section 3.5.2).
func InvalidPath(format string, args ...any) *Error {
	return fail(http.StatusBadRequest, TypeInvalidPath, format, args...)
}

// NoTarget answers a PATCH path that yields nothing to operate on (RFC 7644 section 3.5.2).
func NoTarget(format string, args ...any) *Error {
	return fail(http.StatusBadRequest, TypeNoTarget, format, args...)
}

// InvalidValue answers a value that is missing, of the wrong type or not allowed (RFC 7644 section 3.12).
func InvalidValue(format string, args ...any) *Error {
	return fail(http.StatusBadRequest, TypeInvalidValue, format, args...)
}

// Mutability answers a change of a readOnly, immutable or required attribute (RFC 7644 section 3.5.2).
func Mutability(format string, args ...any) *Error {
	return fail(http.StatusBadRequest, TypeMutability, format, args...)
}

// TooMany answers more than the server is willing to do in one request (RFC 7644 section 3.12).
func TooMany(format string, args ...any) *Error {
	return fail(http.StatusBadRequest, TypeTooMany, format, args...)
}

// InvalidCursor answers a cursor that the server did not give for this list (RFC 9865 section 2.1).
func InvalidCursor(format string, args ...any) *Error {
	return fail(http.StatusBadRequest, TypeInvalidCursor, format, args...)
}

// ExpiredCursor answers a cursor that was given too long ago (RFC 9865 section 2.1).
func ExpiredCursor(format string, args ...any) *Error {
	return fail(http.StatusBadRequest, TypeExpiredCursor, format, args...)
}

// InvalidCount answers a count that is not that of the cursor (RFC 9865 section 2.1).
func InvalidCount(format string, args ...any) *Error {
	return fail(http.StatusBadRequest, TypeInvalidCount, format, args...)
}

// Uniqueness answers a value that another resource has already (RFC 7644 section 3.3).
func Uniqueness(format string, args ...any) *Error {
	return fail(http.StatusConflict, TypeUniqueness, format, args...)
}

// Conflict answers a change that the state of the resource forbids (RFC 7644 section 3.12).
func Conflict(format string, args ...any) *Error {
	return fail(http.StatusConflict, "", format, args...)
}

// InvalidVersion answers an If-Match that names another version than the current one (RFC 7644 section 3.14).
func InvalidVersion(format string, args ...any) *Error {
	return fail(http.StatusPreconditionFailed, TypeInvalidVers, format, args...)
}

// BadRequest answers a request that is wrong outside of its body, such as its query.
func BadRequest(format string, args ...any) *Error {
	return fail(http.StatusBadRequest, TypeInvalidValue, format, args...)
}

// Unauthorized answers a request without credentials that are accepted (RFC 6750 section 3).
func Unauthorized(format string, args ...any) *Error {
	return fail(http.StatusUnauthorized, "", format, args...)
}

// Forbidden answers what the client may not do (RFC 7644 section 3.12).
func Forbidden(format string, args ...any) *Error {
	return fail(http.StatusForbidden, "", format, args...)
}

// NotFound answers the address of no resource and no endpoint (RFC 7644 section 3.12).
func NotFound(format string, args ...any) *Error {
	return fail(http.StatusNotFound, "", format, args...)
}

// MethodNotAllowed answers a method that the endpoint does not have (RFC 9110 section 15.5.6).
func MethodNotAllowed(format string, args ...any) *Error {
	return fail(http.StatusMethodNotAllowed, "", format, args...)
}

// NotAcceptable answers a client that accepts no JSON (RFC 9110 section 15.5.7).
func NotAcceptable(format string, args ...any) *Error {
	return fail(http.StatusNotAcceptable, "", format, args...)
}

// TooLarge answers a body beyond the limit, which the detail names (RFC 7644 section 3.7.4).
func TooLarge(format string, args ...any) *Error {
	return fail(http.StatusRequestEntityTooLarge, "", format, args...)
}

// UnsupportedMediaType answers a body that is not JSON (RFC 9110 section 15.5.16).
func UnsupportedMediaType(format string, args ...any) *Error {
	return fail(http.StatusUnsupportedMediaType, "", format, args...)
}

// TooManyRequests answers a request beyond the rate limit (RFC 6585 section 4).
func TooManyRequests(format string, args ...any) *Error {
	return fail(http.StatusTooManyRequests, "", format, args...)
}

// NotImplemented answers a part of the protocol that this server does not offer (RFC 7644 section 3.12).
func NotImplemented(format string, args ...any) *Error {
	return fail(http.StatusNotImplemented, "", format, args...)
}

// Unavailable answers a request while the server, or what it needs, is down or overloaded (RFC 9110 section 15.6.4).
func Unavailable(format string, args ...any) *Error {
	return fail(http.StatusServiceUnavailable, "", format, args...)
}
