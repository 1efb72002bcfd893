// Package servertest runs the whole server on a fresh database, for tests that
// speak to it as its clients do.
//
// It owns the wiring of such a server and a plain HTTP client. Recorded traffic
// and cases of the standard are package scimtest's. Only tests may import it.
package servertest

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/server"
	"github.com/purescim/purescim/internal/testdb"
)

// Server is a running server with no organisations.
type Server struct {
	URL       string // scheme, host and port
	Handler   http.Handler
	Store     *postgres.Store
	OAuth     *oauth.Service
	Directory *directory.Directory
}

// Options are in what a server may differ from the program's.
type Options struct {
	Types     schema.Types // schema.DefaultTypes when nil
	RateLimit int          // requests a minute for each token; 0 is no limit
	Log       *slog.Logger // silent when nil
}

// New starts a server that ends with the test.
func New(t testing.TB) *Server {
	t.Helper()
	return NewWith(t, Options{})
}

// NewWith is New with options.
func NewWith(t testing.TB, o Options) *Server {
	t.Helper()
	if o.Types == nil {
		o.Types = schema.DefaultTypes
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	store := open(t, o.Log)
	s := &Server{
		Store:     store,
		OAuth:     oauth.New(store.Registry(), oauth.Options{Log: o.Log}),
		Directory: directory.New(store, o.Types, o.Log),
	}
	s.Handler = server.New(server.Config{
		Directory: s.Directory,
		OAuth:     s.OAuth,
		RateLimit: o.RateLimit,
		Log:       o.Log,
	})
	running := httptest.NewServer(s.Handler)
	t.Cleanup(running.Close)
	s.URL = running.URL
	return s
}

// open opens a store on a fresh database, with its background work.
func open(t testing.TB, log *slog.Logger) *postgres.Store {
	t.Helper()
	// The server of all tests has connections for many stores, not for large ones.
	store, err := postgres.Open(t.Context(), testdb.New(t), postgres.Options{MaxConns: 8, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var background sync.WaitGroup
	background.Go(func() { store.Run(ctx) })
	t.Cleanup(func() {
		stop()
		background.Wait()
		store.Close()
	})
	return store
}

// Org is an organisation that the test made, and a client that may do
// everything in it.
type Org struct {
	org.Org
	Token string // bearer

	server *Server
}

// NewOrg makes an organisation; changes are made to its default settings.
func (s *Server) NewOrg(t testing.TB, changes ...func(*org.Settings)) *Org {
	t.Helper()
	settings := org.DefaultSettings()
	for _, change := range changes {
		change(&settings)
	}
	o, err := directory.CreateOrganisation(t.Context(), s.Store.Registry(), t.Name()+" "+uuid.NewString(), settings)
	if err != nil {
		t.Fatal(err)
	}
	roles, err := s.OAuth.RolesNamed(t.Context(), o.ID, "admin")
	if err != nil {
		t.Fatal(err)
	}
	client, _, err := s.OAuth.CreateClient(t.Context(), o.ID, oauth.ClientSpec{Name: "test", Roles: roles})
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := s.OAuth.Issue(t.Context(), client, 0)
	if err != nil {
		t.Fatal(err)
	}
	return &Org{Org: o, Token: token, server: s}
}
