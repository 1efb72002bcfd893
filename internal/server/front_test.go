package server_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/servertest"
)

// Who finds the server without knowing it learns where to go, without a token.
func TestFront(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	o.Token = ""
	tenant := server.URL + "/api/v2/scim/v2"
	told := o.Do(t, http.MethodGet, server.URL+"/", nil, "Authorization: ").Want(t, http.StatusOK).Object(t)
	if told["tenant_url"] != tenant || told["token_url"] != server.URL+"/oauth/token" {
		t.Errorf("%v", told)
	}
	page := o.Do(t, http.MethodGet, server.URL+"/", nil, "Authorization: ", "Accept: text/html,*/*;q=0.8").Want(t, http.StatusOK)
	if !strings.HasPrefix(page.Header.Get("Content-Type"), "text/html") || !strings.Contains(string(page.Body), "<code>"+tenant+"</code>") {
		t.Errorf("%s: %s", page.Header.Get("Content-Type"), page.Body)
	}
	// The policy allows the page's own style and nothing else.
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindSubmatch(page.Body)
	sum := sha256.Sum256(style[1])
	policy := page.Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"';") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	o.Do(t, http.MethodPost, server.URL+"/", "{}", "Authorization: ").Want(t, http.StatusMethodNotAllowed)
}
