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
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scimapi"
	"github.com/purescim/purescim/internal/seal"
	"github.com/purescim/purescim/internal/server"
	"github.com/purescim/purescim/internal/testdb"
	"github.com/purescim/purescim/internal/transfer"
)

// Server is a running server with no organisations.
type Server struct {
	URL       string // scheme, host and port
	Database  string // its URL
	Handler   http.Handler
	Store     *postgres.Store
	OAuth     *oauth.Service
	Events    *events.Service
	Directory *directory.Directory
	Log       *provisioning.Log // of provisioning
	Accounts  *accounts.Service // of the console
}

// Options are in what a server may differ from the program's.
type Options struct {
	Types      schema.Types // schema.DefaultTypes when nil
	RateLimit  int          // requests a minute for each client; 0 is no limit
	MaxTokens  int          // good tokens of a client; 0 is any number
	Log        *slog.Logger // silent when nil
	Origins    []string     // of pages whose scripts may use the server
	TrustProxy bool         // believes X-Forwarded-For
	// Database is the URL of that of another server, which this one serves too.
	Database string
	// ReadURLs are those of standbys that answer what is only read.
	ReadURLs []string
	// RequestTimeout bounds the work on a request; 0 is that of the program.
	RequestTimeout time.Duration
	// DryRunTime bounds the dry run of a bulk request; 0 is that of the program.
	DryRunTime time.Duration
	// Clock is that of the machine; nil is time.Now.
	Clock func() time.Time
	// Tracer is told of each statement; nil is nobody.
	Tracer pgx.QueryTracer
	// LeaveAccepted leaves requests that were accepted to be done later, and files that are
	// imported, to other servers of the database.
	LeaveAccepted bool
	// HTTPClient fetches the keys of other issuers, asks OpenID providers and pushes events; nil reaches
	// nobody on this machine.
	HTTPClient *http.Client
	// Keys seal what the database keeps; nil is none.
	Keys *seal.Keys
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
	if o.Database == "" {
		o.Database = testdb.New(t)
	}
	store := open(t, o)
	s := &Server{
		Database:  o.Database,
		Store:     store,
		OAuth:     oauth.New(store.Registry(), oauth.Options{Log: o.Log, MaxTokens: o.MaxTokens, HTTPClient: o.HTTPClient}),
		Directory: directory.New(store, o.Types, httpapi.RequestLog(o.Log)),
	}
	s.Events = events.New(store.Events(), s.OAuth, events.Options{Log: o.Log, HTTPClient: o.HTTPClient, Pause: time.Millisecond})
	s.Log = provisioning.New(store.ProvisioningLog(), o.Log)
	s.Accounts = accounts.New(store.Accounts(), accounts.Options{Log: o.Log, HTTPClient: o.HTTPClient, Ended: s.OAuth.Hear})
	uploads := transfer.NewUploads(s.Directory, s.Log, store.Imports(), o.Log)
	s.Handler = server.New(server.Config{
		Directory:      s.Directory,
		OAuth:          s.OAuth,
		Events:         s.Events,
		Provisioning:   s.Log,
		Accounts:       s.Accounts,
		Uploads:        uploads,
		Organisations:  store.Registry(),
		RateLimit:      o.RateLimit,
		TrustProxy:     o.TrustProxy,
		Origins:        o.Origins,
		RequestTimeout: o.RequestTimeout,
		DryRunTime:     o.DryRunTime,
		Log:            o.Log,
	})
	background(t, s.OAuth.Run)
	background(t, s.Events.Run)
	background(t, s.Log.Run)
	if !o.LeaveAccepted {
		background(t, uploads.Run)
		background(t, func(ctx context.Context) { scimapi.Work(ctx, s.Directory, s.Log, o.Log) })
	}
	running := httptest.NewServer(s.Handler)
	t.Cleanup(running.Close)
	s.URL = running.URL
	return s
}

// open opens a store with its background work.
func open(t testing.TB, o Options) *postgres.Store {
	t.Helper()
	// The server of all tests has connections for many stores, not for large ones.
	store, err := postgres.Open(t.Context(), o.Database, postgres.Options{MaxConns: 8, Log: o.Log, Correlation: httpapi.CorrelationID, Scanned: httpapi.Charge, Clock: o.Clock, ReadURLs: o.ReadURLs, Keys: o.Keys, Tracer: o.Tracer})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	background(t, store.Run)
	return store
}

// background does work until the test ends.
func background(t testing.TB, run func(ctx context.Context)) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { run(ctx) })
	t.Cleanup(func() {
		stop()
		work.Wait()
	})
}

// Org is an organisation that the test made, and a client of it.
type Org struct {
	org.Org
	Token string // bearer

	server *Server
}

// NewOrg makes an organisation with a client that may do everything in it;
// changes are made to its default settings.
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
	made := &Org{Org: o, server: s}
	made.Token, _ = made.NewToken(t, "admin")
	return made
}

// Unbraked lets clients remove as much as they like within an hour.
func Unbraked(s *org.Settings) { s.UserBrake.Percent, s.MemberBrake.Percent = 0, 0 }

// As is the same organisation through a new client that carries just the roles.
func (o *Org) As(t testing.TB, roles ...string) *Org {
	t.Helper()
	as := *o
	as.Token, _ = o.NewToken(t, roles...)
	return &as
}

// At is the same organisation and client at another server of the database.
func (o *Org) At(s *Server) *Org {
	at := *o
	at.server = s
	return &at
}

// Server is where the organisation is asked.
func (o *Org) Server() *Server { return o.server }

// AsUser is the same organisation with a token for one of its users, through a new
// client that carries just the roles.
func (o *Org) AsUser(t testing.TB, user string, roles ...string) *Org {
	t.Helper()
	client, _ := o.NewClient(t, roles...)
	as := *o
	var err error
	if as.Token, _, err = o.server.OAuth.IssueFor(t.Context(), client, uuid.MustParse(user), 0); err != nil {
		t.Fatal(err)
	}
	return &as
}

// Strictly makes the organisation strict. It is the same through a new client,
// whose requests nobody has forgiven yet.
func (o *Org) Strictly(t testing.TB) *Org {
	t.Helper()
	strict := o.Org
	strict.Settings.Strict = true
	if err := o.server.Store.Registry().SetOrg(t.Context(), strict); err != nil {
		t.Fatal(err)
	}
	return o.As(t, "admin")
}

// NewToken makes a client that carries the roles, and a token for it.
func (o *Org) NewToken(t testing.TB, roles ...string) (token string, client oauth.Client) {
	t.Helper()
	client, _ = o.NewClient(t, roles...)
	token, _, err := o.server.OAuth.Issue(t.Context(), client, 0)
	if err != nil {
		t.Fatal(err)
	}
	return token, client
}

// NewClient makes a client that carries the roles.
func (o *Org) NewClient(t testing.TB, roles ...string) (client oauth.Client, secret string) {
	t.Helper()
	grants, err := o.server.OAuth.RolesNamed(t.Context(), o.ID, roles...)
	if err != nil {
		t.Fatal(err)
	}
	client, secret, err = o.server.OAuth.CreateClient(t.Context(), o.ID, oauth.ClientSpec{Name: "test", Roles: grants})
	if err != nil {
		t.Fatal(err)
	}
	return client, secret
}
