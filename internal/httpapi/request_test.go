package httpapi_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"weak"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/scim"
)

// checkError reports an error that is not a *scim.Error with the status and text.
func checkError(t *testing.T, err error, status int, text string) {
	t.Helper()
	told := (*scim.Error)(nil)
	if !errors.As(err, &told) || told.Status != status || !strings.Contains(told.Detail, text) {
		t.Errorf("got %v, want %d with %q", err, status, text)
	}
}

func TestQuery(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		query string
		want  url.Values
		err   string
	}{
		{query: "", want: url.Values{}},
		{query: "filter=a+eq+%22b%2Bc%22&", want: url.Values{"filter": {`a eq "b+c"`}}},
		{query: "attributes=a&attributes=b,c", want: url.Values{"attributes": {"a", "b,c"}}},
		{query: "filter=a%20eq%20%22b+c%22&sortBy=x+y", want: url.Values{"filter": {`a eq "b+c"`}, "sortBy": {"x+y"}}},
		{query: "from=2026-11-30T10:00:00+00:00&q=a+b", want: url.Values{"from": {"2026-11-30T10:00:00+00:00"}, "q": {"a b"}}},
		{query: "from=2026-11-30T10:00:00.000+0100&to=1+0100", want: url.Values{"from": {"2026-11-30T10:00:00.000+0100"}, "to": {"1 0100"}}},
		{query: "from=2026-11-30T10%3A00%3A00.5+05%3A30", want: url.Values{"from": {"2026-11-30T10:00:00.5+05:30"}}},
		{query: "filter=meta.created+gt+%222026-11-30T10:00+01:00%22+and+a+eq+%2210:00+11:00%22", want: url.Values{
			"filter": {`meta.created gt "2026-11-30T10:00+01:00" and a eq "10:00 11:00"`},
		}},
		{query: "unknown", want: url.Values{"unknown": {""}}},
		{query: "filter=a;b", err: "it holds a semicolon"},
		{query: "filter=100%", err: `the escape "%" is not valid`},
		{query: "filter=%zz", err: `the escape "%zz" is not valid`},
		{query: "filter=%ff", err: `parameter "filter" is not valid UTF-8`},
		{query: "%ff=1", err: "is not valid UTF-8"},
		{query: "filter=a%00b", err: `parameter "filter" holds a NUL character`},
	} {
		t.Run(test.query, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.URL.RawQuery = test.query
			got, err := httpapi.Query(r.URL.RawQuery)
			if test.err != "" {
				checkError(t, err, http.StatusBadRequest, test.err)
				return
			}
			if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestBodyMediaType(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, value string
		status      int
		text        string
	}{
		{"Content-Type", "", 0, ""},
		{"Content-Type", "application/scim+json", 0, ""},
		{"Content-Type", "application/json", 0, ""},
		{"Content-Type", "Application/SCIM+JSON; Charset=UTF-8", 0, ""},
		{"Content-Type", "application/json;charset=utf-8;", 0, ""},
		{"Content-Type", "application/json ; odata=x", 0, ""},
		{"Content-Type", "text/plain", 415, `Content-Type is "text/plain"; application/scim+json or application/json is expected`},
		{"Content-Type", "application/x-www-form-urlencoded", 415, "is expected"},
		{"Content-Type", "application/merge-patch+json", 415, "is expected"},
	} {
		t.Run(test.name+" "+test.value, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("{}"))
			r.Header.Set(test.name, test.value)
			body, err := httpapi.Body(r)
			if test.status != 0 {
				checkError(t, err, test.status, test.text)
			} else if err != nil || string(body) != "{}" {
				t.Errorf("got %q, %v", body, err)
			}
		})
	}
}

// The context of a request may be kept by what it has used; the body goes with its end.
func TestBody_EndsWithItsRequest(t *testing.T) {
	t.Parallel()
	var kept context.Context
	var body weak.Pointer[byte]
	route := guarded(httpapi.SCIM)
	route.Methods[http.MethodPost] = func(_ http.ResponseWriter, r *http.Request) error {
		text, err := httpapi.Body(r)
		kept, body = r.Context(), weak.Make(&text[0]) //nolint:fatcontext // it is kept on purpose
		return err
	}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`"`+strings.Repeat("x", 1<<19)+`"`))
	if w := serve(httpapi.Options{}, route, with(r, "Authorization: Bearer good-1")); w.Code != http.StatusOK {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	r.Body = nil
	for range 10 {
		if runtime.GC(); body.Value() == nil {
			break
		}
	}
	if body.Value() != nil {
		t.Error("the body is still there")
	}
	runtime.KeepAlive(kept)
}

func TestBodyThatIsCoded(t *testing.T) {
	t.Parallel()
	for coding, status := range map[string]int{"": 200, "Identity": 200, "gzip": 415, "identity, br": 415} {
		for _, protocol := range []httpapi.Protocol{httpapi.SCIM, httpapi.Platform, httpapi.OAuth} {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("{}"))
			w := serve(httpapi.Options{}, guarded(protocol), with(r, "Authorization: Bearer good-1", "Content-Encoding: "+coding))
			told := w.Header().Get("Accept-Encoding") == "identity" && strings.Contains(w.Body.String(), "Content-Encoding is")
			if w.Code != status || told != (status == 415) {
				t.Errorf("%q: %d, %v, %s", coding, w.Code, w.Header(), w.Body)
			}
		}
	}
}

func TestBodyThatDoesNotArrive(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err    error
		status int
		text   string
	}{
		{io.ErrUnexpectedEOF, 400, "ends before the length"},
		{os.ErrDeadlineExceeded, 408, "did not arrive in time"},
		{errLost, 400, "cannot be read"},
		{&http.MaxBytesError{Limit: 1 << 20}, 413, "1 MiB"},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", iotest.ErrReader(test.err))
		_, err := httpapi.Body(r)
		checkError(t, err, test.status, test.text)
	}
}

func TestAccept(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		accept []string
		status int
	}{
		{nil, 200},
		{[]string{""}, 200},
		{[]string{"application/scim+json"}, 200},
		{[]string{"application/json"}, 200},
		{[]string{"Application/JSON; charset=utf-8"}, 200},
		{[]string{"*/*"}, 200},
		{[]string{"application/*;q=0.2"}, 200},
		{[]string{"text/html, image/gif, *; q=.2, */*; q=.2"}, 200},
		{[]string{"text/html", "application/scim+json"}, 200},
		{[]string{"application/json;q=0, */*"}, 200},
		{[]string{"application/scim+json;q=0.001"}, 200},
		{[]string{"text/html"}, 406},
		{[]string{"application/xml, text/*"}, 406},
		{[]string{"*/*;q=0"}, 406},
		{[]string{"application/json; Q=0.0, application/scim+json;q=0, */*"}, 406},
	} {
		t.Run(strings.Join(test.accept, " | "), func(t *testing.T) {
			t.Parallel()
			for _, p := range []httpapi.Protocol{httpapi.SCIM, httpapi.Platform} {
				r := request()
				r.Header["Accept"] = test.accept
				want := test.status
				if p == httpapi.Platform {
					want = http.StatusOK
				}
				if w := serve(httpapi.Options{}, get(p, hello), r); w.Code != want {
					t.Errorf("protocol %d: got %d, want %d: %s", p, w.Code, want, w.Body)
				}
			}
		})
	}
}
