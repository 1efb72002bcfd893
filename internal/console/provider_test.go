package console_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/console"
	"github.com/purescim/purescim/internal/openidtest"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/servertest"
)

// reach is a client that reaches providers, all of which share the certificate of one.
func reach(p *openidtest.Provider) *http.Client { return p.Client() }

// provide adds a provider to an organisation, or to all.
func provide(t *testing.T, s *servertest.Server, p *openidtest.Provider, o org.ID, name string) accounts.Provider {
	t.Helper()
	added, err := s.Accounts.AddProvider(t.Context(), accounts.Provider{Org: o, Name: name, Issuer: p.URL, ClientID: openidtest.ClientID, Secret: openidtest.ClientSecret, By: "test"}, false)
	if err != nil {
		t.Fatal(err)
	}
	return added
}

// provided is a server, of which an organisation has a provider of its own.
func provided(t *testing.T) (*openidtest.Provider, *servertest.Server, *servertest.Org, accounts.Provider) {
	t.Helper()
	p := openidtest.New(t)
	s := servertest.NewWith(t, servertest.Options{HTTPClient: reach(p)})
	o := s.NewOrg(t)
	return p, s, o, provide(t, s, p, o.ID, "Acme Okta")
}

// way is where somebody sets out to a provider.
func way(p accounts.Provider) string { return console.SetOutURL("", p) }

// signOn is a browser that goes to a provider and comes back.
func signOn(t *testing.T, s *servertest.Server, p *openidtest.Provider, added accounts.Provider) *browser {
	t.Helper()
	b := visitor(t, s, p)
	return b.get(way(added))
}

// visitor is a browser that knows the certificates of providers.
func visitor(t *testing.T, s *servertest.Server, p *openidtest.Provider) *browser {
	t.Helper()
	b := newBrowser(t, s)
	b.client.Transport = p.Client().Transport
	return b
}

// halfway is what a provider was asked for a browser, which is stopped on its way there.
func (b *browser) halfway(added accounts.Provider) url.Values {
	b.t.Helper()
	location := b.stopped(way(added))
	asked, err := url.Parse(location)
	if err != nil || asked.Query().Get("state") == "" {
		b.t.Fatalf("led to %q", location)
	}
	return asked.Query()
}

// stopped asks for a page that leads somewhere, and gives where.
func (b *browser) stopped(path string) string {
	b.t.Helper()
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	defer func() { b.client.CheckRedirect = nil }()
	return b.get(path).header.Get("Location")
}

// isIn reports whether somebody is signed in.
func (b *browser) isIn() bool {
	b.t.Helper()
	after := *b
	return after.get("/console/account").path == "/console/account"
}

// identities are whom providers know as the accounts of an organisation.
func identities(t *testing.T, s *servertest.Server, o org.ID) (subjects []string) {
	t.Helper()
	all, err := s.Accounts.Accounts(t.Context(), o)
	for _, a := range all {
		known, failed := s.Accounts.Identities(t.Context(), a)
		if failed != nil {
			t.Fatal(failed)
		}
		for _, i := range known {
			subjects = append(subjects, a.Login+" is "+i.Subject)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(subjects)
	return subjects
}
