package server_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/servertest"
)

// The script of a page of an origin that is named may use each door, and reads what it
// needs of the answers, refusals too; no page may use the browser's credentials.
func TestCORS_LetsPagesOfItsOriginsIn(t *testing.T) {
	t.Parallel()
	const page = "https://admin.example.org"
	server := servertest.NewWith(t, servertest.Options{Origins: []string{page, "http://localhost:3000"}})
	o := server.NewOrg(t)
	for _, path := range []string{"/Users", "/Users/" + o.NewUser(t, "ada"), "/Bulk", "/api/v2/groups", "/api/v2/tokens/me", "/oauth/token", "/.well-known/jwks.json"} {
		asked := o.Do(t, "OPTIONS", path, nil, "Origin: "+page, "Authorization: ", "Access-Control-Request-Method: PATCH",
			"Access-Control-Request-Headers: authorization,content-type,if-match,purecloud-sdk").Want(t, http.StatusNoContent)
		want := []string{page, "PATCH", "Authorization, Content-Type, If-Match, Purecloud-Sdk", "600", ""}
		var got []string
		for _, name := range []string{"Origin", "Methods", "Headers", "Max-Age", "Credentials"} {
			got = append(got, asked.Header.Get(strings.Replace("Access-Control-Allow-"+name, "Allow-Max", "Max", 1)))
		}
		if diff := cmp.Diff(want, got); diff != "" || !slices.Contains(asked.Header.Values("Vary"), "Origin") || asked.Header.Get("ININ-Correlation-Id") == "" {
			t.Errorf("%s: %v\n%s", path, asked.Header, diff)
		}
		for _, line := range []string{"Origin: " + page, "Origin: http://localhost:3000"} {
			for _, answer := range []*servertest.Answer{o.Do(t, "GET", path, nil, line), o.Do(t, "GET", path, nil, line, "Authorization: "), o.Do(t, "DELETE", path+"/nothing", nil, line)} {
				h := answer.Header
				if "Origin: "+h.Get("Access-Control-Allow-Origin") != line || h.Get("Access-Control-Allow-Credentials") != "" || !slices.Contains(h.Values("Vary"), "Origin") {
					t.Errorf("%s: %d %v", path, answer.Status, h)
				}
				for _, name := range []string{"ETag", "Location", "Retry-After", "Inin-Correlation-Id"} {
					if !slices.ContainsFunc(strings.Split(h.Get("Access-Control-Expose-Headers"), ", "), func(exposed string) bool { return strings.EqualFold(exposed, name) }) {
						t.Errorf("%s: %s is not exposed: %v", path, name, h)
					}
				}
			}
		}
		for _, line := range []string{"Origin: https://evil.example", "Origin: http://admin.example.org", "Origin: https://admin.example.org.evil.example", "Origin: null"} {
			for _, answer := range []*servertest.Answer{o.Do(t, "GET", path, nil, line), o.Do(t, "OPTIONS", path, nil, line, "Access-Control-Request-Method: GET")} {
				if h := answer.Header; h.Get("Access-Control-Allow-Origin") != "" || !slices.Contains(h.Values("Vary"), "Origin") {
					t.Errorf("%s from %s: %v", path, line, h)
				}
			}
		}
	}
}

// Any origin is that, and none is what a server has that nobody told of one.
func TestCORS_IsAnyOriginOrNone(t *testing.T) {
	t.Parallel()
	open := servertest.NewWith(t, servertest.Options{Origins: []string{"*"}})
	answer := open.NewOrg(t).Do(t, "GET", "/Users", nil, "Origin: https://page.example").Want(t, 200)
	if h := answer.Header; h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("any: %v", h)
	}
	o := servertest.New(t).NewOrg(t)
	for _, answer := range []*servertest.Answer{
		o.Do(t, "GET", "/Users", nil, "Origin: https://page.example"),
		o.Do(t, "OPTIONS", "/Users", nil, "Origin: https://page.example", "Access-Control-Request-Method: GET"),
	} {
		if h := answer.Header; h.Get("Access-Control-Allow-Origin") != "" || h.Get("Vary") != "" {
			t.Errorf("none: %v", h)
		}
	}
}
