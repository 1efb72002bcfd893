// Package postgres is the store of directory. It puts together the packages below it, which
// keep users, groups, the catalogue and all else in PostgreSQL; no other package of the
// server contains SQL. Open opens them all.
//
// It runs their background work, loads new resources by COPY, and encrypts sealed values
// again with a new key. Reading and writing is left to the packages below.
//
// Rules for every statement, which a test checks: each of its parts says
// org_id = $1; there are no triggers, no MERGE and no volatile functions; ids come
// from Go, and so do times, which are PostgreSQL's; see package clock.
package postgres

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/accountstore"
	"github.com/purescim/purescim/internal/postgres/authstore"
	"github.com/purescim/purescim/internal/postgres/catalogue"
	"github.com/purescim/purescim/internal/postgres/counts"
	"github.com/purescim/purescim/internal/postgres/eventstore"
	"github.com/purescim/purescim/internal/postgres/groups"
	"github.com/purescim/purescim/internal/postgres/importstore"
	"github.com/purescim/purescim/internal/postgres/jobstore"
	"github.com/purescim/purescim/internal/postgres/lists"
	"github.com/purescim/purescim/internal/postgres/logstore"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/postgres/records"
	"github.com/purescim/purescim/internal/postgres/search"
	"github.com/purescim/purescim/internal/postgres/standbys"
	"github.com/purescim/purescim/internal/postgres/users"
	"github.com/purescim/purescim/internal/postgres/writes"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/seal"
	"github.com/purescim/purescim/internal/transfer"
)

// Options are what a Store may be told.
type Options struct {
	// MaxConns bounds the connections. 0 takes pool_max_conns of the URL, or else
	// four a core, at least 16.
	MaxConns int32
	// StatementTimeout ends statements that run longer: a safety net, not a
	// limit that requests are meant to meet. 0 is 30 seconds.
	StatementTimeout time.Duration
	// Keys seal signing keys, the key of cursors, the credentials of streams, the secrets of
	// OpenID providers and files that are imported; nil leaves them in the clear.
	Keys *seal.Keys
	// Log is told what the background work cannot return; nil is silent.
	Log *slog.Logger
	// Correlation names the request that a context belongs to, for the events of
	// what it changes; empty is no request, as is nil.
	Correlation func(ctx context.Context) string
	// Scanned is told how long a request's scan took; nil is nobody.
	Scanned func(ctx context.Context, took time.Duration)
	// Clock is that of the machine; nil is time.Now.
	Clock func() time.Time
	// Tracer is told of each statement; nil is nobody.
	Tracer pgx.QueryTracer
	// ReadURLs are those of standbys that answer what is only read (Store.Reads).
	ReadURLs []string
}

// Store is a database. It is safe for concurrent use.
type Store struct {
	*pool.Pool
	listing *lists.Listing
	folding counts.Folding
	queues  *groups.Queues
	recent  records.Recent
	keys    *seal.Keys
	// standbys are nil without ReadURLs.
	standbys *standbys.Set

	registry authstore.Store
	events   *eventstore.Store
	jobs     *jobstore.Store
	writer   *writes.Writer
}

var _ directory.Store = (*Store)(nil)

// Open connects to the database of the URL, which must be migrated. A pooler in front of
// it is noticed; see pool.Pooling.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	connections := pool.Options{
		MaxConns: o.MaxConns, StatementTimeout: o.StatementTimeout, Log: o.Log, Scanned: o.Scanned, Clock: o.Clock, Tracer: o.Tracer,
	}
	opened, err := pool.Open(ctx, url, connections)
	if err != nil {
		return nil, err
	}
	others, err := standbys.Open(ctx, opened, o.ReadURLs, connections)
	if err != nil {
		opened.Close()
		return nil, err
	}
	correlation := o.Correlation
	if correlation == nil {
		correlation = func(context.Context) string { return "" }
	}
	s := &Store{
		Pool: opened, folding: counts.NewFolding(opened), standbys: others, queues: groups.NewQueues(), recent: records.NewRecent(), keys: o.Keys,
		registry: authstore.New(opened, o.Keys), events: eventstore.New(opened, o.Keys),
	}
	s.writer = writes.NewWriter(s.events, correlation)
	s.listing = lists.New(s.recent)
	s.jobs = jobstore.New(opened, s.events, s.registry)
	return s, nil
}

// Close closes the connections; see pool.Pool.
func (s *Store) Close() {
	s.standbys.Close()
	s.Pool.Close()
}

// Registry gives the organisations, clients and keys of the database.
func (s *Store) Registry() authstore.Store { return s.registry }

// Events gives the streams and events of the database.
func (s *Store) Events() *eventstore.Store { return s.events }

// Jobs implements directory.Store.
func (s *Store) Jobs() directory.Jobs { return s.jobs }

// ProvisioningLog gives the entries of all organisations.
func (s *Store) ProvisioningLog() provisioning.Store { return s.provisioningLog() }

func (s *Store) provisioningLog() *logstore.Store { return logstore.New(s.Pool, s.registry.ListOrgs) }

// Accounts gives who uses the console.
func (s *Store) Accounts() accounts.Store { return accountstore.New(s.Pool, s.keys, s.registry) }

// Imports gives the files that are imported in the console.
func (s *Store) Imports() transfer.Store { return importstore.New(s.Pool, s.keys, s.registry) }

// OrgsToFold implements directory.Store.
func (s *Store) OrgsToFold(ctx context.Context) ([]org.Org, error) { return s.registry.OrgsToFold(ctx) }

// OrgsWithoutDivision implements directory.Store.
func (s *Store) OrgsWithoutDivision(ctx context.Context) ([]org.Org, error) {
	return s.registry.OrgsWithoutDivision(ctx)
}

// Org gives the data of one organisation. Whether it exists is not checked: one
// that does not has no data.
func (s *Store) Org(id org.ID) directory.View { return s.view(id) }

// view is the data of one organisation, in the rooms that hold it.
type view struct {
	pool.Tenant
	records.Records
	lists.Lists
	users.Users
	groups.Groups
	catalogue.Catalogue
	logstore.History
}

func (s *Store) view(id org.ID) *view { return s.viewOf(s.Tenant(id)) }

// viewOf gives the view of what an organisation has of the primary, or of a standby.
func (s *Store) viewOf(t pool.Tenant) *view {
	v := &view{Tenant: t}
	v.Records, v.Lists, v.History = records.New(&v.Tenant, s.recent), s.listing.Of(&v.Tenant), logstore.History{Tenant: &v.Tenant}
	hand := s.writer.Of(&v.Tenant)
	v.Users, v.Groups, v.Catalogue = users.New(hand, s.recent), groups.New(hand, s.queues), catalogue.New(hand)
	return v
}

// Update implements directory.View.
//
// Users change often and alone: the change is computed without a lock and stored
// if the version is still the same. Groups change under a lock, since their
// members change with them.
func (v *view) Update(ctx context.Context, t *schema.Type, id uuid.UUID, c directory.Change) (r directory.Record, err error) {
	if search.TableOf(t) == search.Users {
		return v.UpdateUser(ctx, t, id, c)
	}
	return v.UpdateGroup(ctx, t, id, c)
}
