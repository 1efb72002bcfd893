package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/servertest"
)

// A client cannot choose the host in what others are answered: of what comes through a proxy
// that is trusted the last value counts, which is the proxy's own, and of others none.
func TestProxy_ItsOwnHostCounts(t *testing.T) {
	t.Parallel()
	trusting := servertest.NewWith(t, servertest.Options{TrustProxy: true})
	alone := servertest.New(t)
	for _, c := range []struct {
		server          *servertest.Server
		forwarded, want string
	}{
		{trusting, "evil.example, scim.example.org", "http://scim.example.org"},
		{trusting, "scim.example.org:8443", "http://scim.example.org:8443"},
		{trusting, `evil.example, <script>`, trusting.URL},
		{trusting, "evil.example, ", trusting.URL},
		{alone, "evil.example", alone.URL},
	} {
		o := c.server.NewOrg(t)
		for _, path := range []string{"/Users/" + o.NewUser(t, "ada@example.org"), "/ServiceProviderConfig", "/.well-known/oauth-authorization-server"} {
			answer := o.Do(t, http.MethodGet, path, nil, "X-Forwarded-Host: "+c.forwarded).Want(t, http.StatusOK)
			if text := string(answer.Body); !strings.Contains(text, `"`+c.want+"/") || strings.Contains(text, "evil.example") {
				t.Errorf("%s with %q: %s", path, c.forwarded, text)
			}
		}
	}
}
