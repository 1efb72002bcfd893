package httpapi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/scim"
)

const internal = "internal error; give your administrator the correlation id id-1"

func TestErrorBodies(t *testing.T) {
	t.Parallel()
	const later = "the server cannot answer at the moment; try again in 5 seconds (correlation id id-1)"
	for _, test := range []struct {
		err    error
		status int
		reason string // scimType
		code   string
		detail string
	}{
		{scim.InvalidFilter("at <1>"), 400, "invalidFilter", "bad.request", "at <1>"},
		{scim.InvalidSyntax("x"), 400, "invalidSyntax", "bad.request", "x"},
		{scim.InvalidPath("x"), 400, "invalidPath", "bad.request", "x"},
		{scim.NoTarget("x"), 400, "noTarget", "bad.request", "x"},
		{scim.InvalidValue(`say "x"`), 400, "invalidValue", "invalid.value", `say \"x\"`},
		{scim.BadRequest("x"), 400, "invalidValue", "invalid.value", "x"},
		{scim.Mutability("x"), 400, "mutability", "bad.request", "x"},
		{scim.TooMany("x"), 400, "tooMany", "bad.request", "x"},
		{scim.Unauthorized("x"), 401, "", "authentication.required", "x"},
		{scim.Forbidden("x"), 403, "", "not.authorized", "x"},
		{scim.NotFound("x"), 404, "", "not.found", "x"},
		{scim.MethodNotAllowed("x"), 405, "", "method.not.allowed", "x"},
		{scim.NotAcceptable("x"), 406, "", "not.acceptable", "x"},
		{scim.Uniqueness("x"), 409, "uniqueness", "general.conflict", "x"},
		{scim.Conflict("x"), 409, "", "general.conflict", "x"},
		{scim.InvalidVersion("x"), 412, "invalidVers", "precondition.failed", "x"},
		{scim.TooLarge("x"), 413, "", "request.entity.too.large", "x"},
		{&http.MaxBytesError{Limit: 1000}, 413, "", "request.entity.too.large", "the body is larger than the 1000 bytes allowed here"},
		{scim.UnsupportedMediaType("x"), 415, "", "unsupported.media.type", "x"},
		{scim.TooManyRequests("x"), 429, "", "too.many.requests.retry.after", "x"},
		{scim.NotImplemented("x"), 501, "", "not.implemented", "x"},
		{scim.Unavailable("x"), 503, "", "service.unavailable", "x"},
		{&scim.Error{Status: 422, Detail: "x"}, 422, "", "bad.request", "x"},
		{&scim.Error{Status: 508, Detail: "x"}, 508, "", "internal.server.error", "x"},
		{httpapi.WithCode("not.a.user", scim.BadRequest("x")), 400, "invalidValue", "not.a.user", "x"},
		{fmt.Errorf("update user: %w", scim.NotFound("x")), 404, "", "not.found", "x"},
		{fmt.Errorf("query: %w", context.DeadlineExceeded), 503, "", "service.unavailable", later},
		{fmt.Errorf("query: %w", &net.OpError{Op: "dial", Err: errLost}), 503, "", "service.unavailable", later},
		{fmt.Errorf("query: %w", context.Canceled), 500, "", "internal.server.error", internal},
		{errLost, 500, "", "internal.server.error", internal},
	} {
		t.Run(fmt.Sprint(test.status, " ", test.err), func(t *testing.T) {
			t.Parallel()
			reason := ""
			if test.reason != "" {
				reason = `"scimType":"` + test.reason + `",`
			}
			wantSCIM := fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"%d",%s"detail":"%s"}`, test.status, reason, test.detail)
			wantPlatform := fmt.Sprintf(`{"message":"%s","code":"%s","status":%d,"contextId":"id-1","details":[],"errors":[]}`, test.detail, test.code, test.status)
			checkAnswer(t, serve(httpapi.Options{}, get(httpapi.SCIM, fails(test.err)), request()), test.status, "application/scim+json", wantSCIM)
			checkAnswer(t, serve(httpapi.Options{}, get(httpapi.Platform, fails(test.err)), request()), test.status, "application/json", wantPlatform)
		})
	}
}

func checkAnswer(t *testing.T, w *httptest.ResponseRecorder, status int, contentType, body string) {
	t.Helper()
	if diff := cmp.Diff(body, w.Body.String()); diff != "" || w.Code != status || w.Header().Get("Content-Type") != contentType {
		t.Errorf("status %d, want %d; type %q, want %q; body (-want +got):\n%s", w.Code, status, w.Header().Get("Content-Type"), contentType, diff)
	}
}

func TestErrorHeaders(t *testing.T) {
	t.Parallel()
	w := serve(httpapi.Options{}, get(httpapi.SCIM, func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("ETag", `"7"`)
		w.Header().Set("Location", "/users/1")
		return scim.Unavailable("x")
	}), request())
	if h := w.Header(); h.Get("ETag") != "" || h.Get("Location") != "" || h.Get("Retry-After") != "5" {
		t.Errorf("headers %v", h)
	}
	w = serve(httpapi.Options{}, get(httpapi.SCIM, fails(scim.Unauthorized("x"))), request())
	if got := w.Header().Get("WWW-Authenticate"); got != `Bearer realm="purescim"` {
		t.Errorf("WWW-Authenticate %q", got)
	}
}

func TestCauseIsLoggedAndNotSent(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		h      httpapi.Handler
		status int
		level  string
		field  string
		text   string
	}{
		{"failure", fails(errLost), 500, "ERROR", "error", "10.1.2.3"},
		{"panic", func(http.ResponseWriter, *http.Request) error { panic("index 10.1.2.3") }, 500, "ERROR", "error", "panic: index 10.1.2.3"},
		{"stack of a panic", func(http.ResponseWriter, *http.Request) error { panic("index 10.1.2.3") }, 500, "ERROR", "stack", "error_test.go"},
		{"refusal", fails(scim.InvalidValue("no").Because(errLost)), 400, "DEBUG", "cause", "10.1.2.3"},
		{"deadline", fails(errors.Join(context.DeadlineExceeded, errLost)), 503, "ERROR", "error", "10.1.2.3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			w := serve(httpapi.Options{Log: logTo(&log)}, get(httpapi.SCIM, test.h), request())
			if w.Code != test.status || strings.Contains(w.Body.String(), "10.1.2.3") {
				t.Errorf("answer %d %s", w.Code, w.Body)
			}
			records := lines(t, &log, "request failed")
			if len(records) != 1 {
				t.Fatalf("log: %s", &log)
			}
			text, _ := records[0][test.field].(string)
			if !strings.Contains(text, test.text) || records[0]["level"] != test.level || records[0]["correlation"] != "id-1" {
				t.Errorf("log: %v", records[0])
			}
			if access := lines(t, &log, "request"); len(access) != 1 || access[0]["status"] != float64(test.status) {
				t.Errorf("access log: %v", access)
			}
		})
	}
}

func TestClientThatLeft(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	h := func(_ http.ResponseWriter, r *http.Request) error {
		cancel()
		return fmt.Errorf("query: %w", r.Context().Err())
	}
	w := serve(httpapi.Options{Log: logTo(&log)}, get(httpapi.SCIM, h), request().WithContext(ctx))
	if records := lines(t, &log, "request failed"); w.Code != 499 || len(records) != 1 || records[0]["level"] != "DEBUG" {
		t.Errorf("status %d, log: %s", w.Code, &log)
	}
}

// A client must not take the part of an answer that came before a failure for all of it.
func TestBrokenAnswerEndsTheConnection(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	f := httpapi.New(httpapi.Options{Verify: verify, Log: logTo(&log)})
	router := f.Router(httpapi.SCIM)
	f.Handle(router, "/", get(httpapi.SCIM, func(w http.ResponseWriter, _ *http.Request) error {
		_, _ = io.WriteString(w, `{"members":[`)
		_ = http.NewResponseController(w).Flush()
		return errLost
	}))
	server := httptest.NewServer(router)
	r := request()
	r.RequestURI = ""
	r.URL.Scheme, r.URL.Host = "http", strings.TrimPrefix(server.URL, "http://")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(answer.Body); err == nil {
		t.Errorf("the client read %q without an error", body)
	}
	_ = answer.Body.Close()
	server.Close() // waits for the handler, so that the log is complete
	if len(lines(t, &log, "request failed")) != 1 || len(lines(t, &log, "request")) != 1 {
		t.Errorf("log: %s", &log)
	}
}

// A handler may end the connection itself, as net/http lets it.
func TestAbortIsNoFailure(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	defer func() {
		if value := recover(); value != http.ErrAbortHandler || len(lines(t, &log, "request failed")) != 0 {
			t.Errorf("panic %v, log: %s", value, &log)
		}
	}()
	serve(httpapi.Options{Log: logTo(&log)}, get(httpapi.SCIM, func(http.ResponseWriter, *http.Request) error { panic(http.ErrAbortHandler) }), request())
}
