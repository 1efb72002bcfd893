package httpapi

import (
	"cmp"
	"errors"
	"net/http"

	"github.com/purescim/purescim/internal/scim"
)

// kind is what the platform code of an error follows from.
type kind struct {
	status int
	reason scim.ErrorType
}

// The codes of a 401 that came with credentials.
const (
	codeBadCredentials = "bad.credentials"
	codeExpired        = "credentials.expired"
)

// codes are Genesys Cloud's where it has one. A kind with a reason falls back
// to the kind without.
var codes = map[kind]string{
	{http.StatusBadRequest, ""}:                    "bad.request",
	{http.StatusBadRequest, scim.TypeInvalidValue}: "invalid.value",
	{http.StatusUnauthorized, ""}:                  "authentication.required",
	{http.StatusForbidden, ""}:                     "not.authorized",
	{http.StatusNotFound, ""}:                      "not.found",
	{http.StatusMethodNotAllowed, ""}:              "method.not.allowed",
	{http.StatusNotAcceptable, ""}:                 "not.acceptable",
	{http.StatusRequestTimeout, ""}:                "client.timeout",
	{http.StatusConflict, ""}:                      "general.conflict",
	{http.StatusPreconditionFailed, ""}:            "precondition.failed",
	{http.StatusRequestEntityTooLarge, ""}:         "request.entity.too.large",
	{http.StatusUnsupportedMediaType, ""}:          "unsupported.media.type",
	{http.StatusTooManyRequests, ""}:               "too.many.requests.retry.after",
	{http.StatusInternalServerError, ""}:           "internal.server.error",
	{http.StatusNotImplemented, ""}:                "not.implemented",
	{http.StatusServiceUnavailable, ""}:            "service.unavailable",
}

// coded is an error whose kind does not tell all of its ErrorBody.
type coded struct {
	err  *scim.Error
	body platformError // what is empty follows from err
}

func (c *coded) Error() string { return c.err.Error() }
func (c *coded) Unwrap() error { return c.err }

// WithCode gives an error a platform code of its own, such as not.a.user. On
// SCIM routes the code is not shown.
func WithCode(code string, e *scim.Error) error {
	return &coded{err: e, body: platformError{Code: code}}
}

// codeOf is the platform code of an error that has no own.
func codeOf(e *scim.Error) string {
	if code, ok := codes[kind{e.Status, e.Type}]; ok {
		return code
	}
	if code, ok := codes[kind{status: e.Status}]; ok {
		return code
	}
	if e.Status < http.StatusInternalServerError {
		return codes[kind{status: http.StatusBadRequest}]
	}
	return codes[kind{status: http.StatusInternalServerError}]
}

// platformError is Genesys Cloud's ErrorBody.
type platformError struct {
	Message           string            `json:"message"`
	Code              string            `json:"code"`
	Status            int               `json:"status"`
	MessageWithParams string            `json:"messageWithParams,omitempty"`
	MessageParams     map[string]string `json:"messageParams,omitempty"`
	ContextID         string            `json:"contextId"`
	Details           []struct{}        `json:"details"`
	Errors            []struct{}        `json:"errors"`
	Limit             *platformLimit    `json:"limit,omitempty"`
}

// platformLimit is the limit that a request was beyond.
type platformLimit struct {
	Key       string `json:"key"`
	Namespace string `json:"namespace"`
	Value     int    `json:"value"`
}

// platformBody is the body for err, of which the client is told e.
func platformBody(e *scim.Error, err error, correlationID string) platformError {
	var body platformError
	if own := (*coded)(nil); errors.As(err, &own) {
		body = own.body
	}
	body.Message = cmp.Or(body.Message, e.Detail)
	body.Code = cmp.Or(body.Code, codeOf(e))
	body.Status, body.ContextID = e.Status, correlationID
	body.Details, body.Errors = []struct{}{}, []struct{}{}
	return body
}
