// Package server assembles the frame and the doors into one http.Handler, for the program
// and for tests.
//
// Making the parts is left to the callers.
package server

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/apidocs"
	"github.com/purescim/purescim/internal/console"
	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/platformapi"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/scimapi"
	"github.com/purescim/purescim/internal/transfer"
)

// Config are the parts of a server and what it may be told.
type Config struct {
	Directory *directory.Directory
	OAuth     *oauth.Service
	Events    *events.Service
	// Provisioning is the log of changes and refusals.
	Provisioning *provisioning.Log
	// Accounts may use the console, and Organisations are those that it shows.
	Accounts *accounts.Service
	// Uploads are the files that are imported in the console.
	Uploads       *transfer.Uploads
	Organisations console.Organisations
	// RateLimit is how many requests a minute a client may make with all of its tokens,
	// unless it or its organisation has a limit of its own; 0 is no limit.
	RateLimit int
	// PublicURL is the scheme and host that clients use; empty means those of
	// the request.
	PublicURL string
	// TrustProxy believes the X-Forwarded headers of the proxy in front.
	TrustProxy bool
	// Origins are those of pages whose scripts may use the server (httpapi.CORS).
	Origins []string
	// BodyMemory is how many bytes the bodies of all requests take at most; 0 is
	// httpapi.DefaultBodyMemory.
	BodyMemory int64
	// RequestTimeout bounds the work on a request; 0 is httpapi.RequestTimeout.
	RequestTimeout time.Duration
	// DryRunTime bounds the dry run of a bulk request; 0 is scimapi.DryRunTime.
	DryRunTime time.Duration
	// Observe, if not nil, is called for each request that was answered; see
	// httpapi.Options.
	Observe func(ctx context.Context, o httpapi.Observed)
	Log     *slog.Logger
}

// New makes the handler of every endpoint.
func New(c Config) http.Handler {
	frame := httpapi.New(httpapi.Options{
		Verify:         c.OAuth.Verify,
		Used:           c.OAuth.Used,
		RateLimit:      c.RateLimit,
		PublicURL:      c.PublicURL,
		TrustProxy:     c.TrustProxy,
		BodyMemory:     c.BodyMemory,
		Observe:        c.Observe,
		Recorder:       c.Provisioning,
		Log:            c.Log,
		RequestTimeout: c.RequestTimeout,
	})
	r := frame.Router(httpapi.Platform)
	scimapi.Mount(r, frame, c.Directory, c.Events, scimapi.Options{DryRunTime: c.DryRunTime})
	platformapi.Mount(r, frame, c.Directory)
	platformapi.MountOAuth(r, frame, c.OAuth)
	platformapi.MountEvents(r, frame, c.Events, c.Directory)
	platformapi.MountProvisioningLog(r, frame, c.Provisioning, c.Directory)
	platformapi.MountStatus(r, frame, c.Provisioning)
	platformapi.MountHolds(r, frame, c.Provisioning)
	platformapi.MountAccepted(r, frame, c.Directory, scimapi.Canceller(c.Directory, c.Log))
	apidocs.Mount(r, frame)
	console.Mount(r, frame, console.Parts{
		Accounts: c.Accounts, Organisations: c.Organisations, Directory: c.Directory, OAuth: c.OAuth, Events: c.Events,
		Provisioning: c.Provisioning, Uploads: c.Uploads, PublicURL: c.PublicURL, Log: c.Log,
	})
	mountFront(r, frame)
	mountOAuth(r, frame, oauth.Endpoints{
		Service: c.OAuth, BaseURL: frame.BaseURL, Address: frame.ClientAddress, Limit: frame.LimitOAuth,
	})
	return httpapi.CORS(c.Origins, r)
}

// mountOAuth serves OAuth's own endpoints, which need no token: clients
// authenticate there as clients.
func mountOAuth(r chi.Router, frame *httpapi.Frame, e oauth.Endpoints) {
	handle := func(method, path string, h httpapi.Handler) {
		frame.Handle(r, path, httpapi.Route{
			Protocol: httpapi.OAuth,
			Public:   true,
			Methods:  map[string]httpapi.Handler{method: h},
		})
	}
	handle(http.MethodPost, oauth.TokenPath, e.Token)
	handle(http.MethodPost, oauth.RevokePath, e.Revoke)
	handle(http.MethodPost, oauth.IntrospectPath, e.Introspect)
	handle(http.MethodGet, oauth.KeysPath, e.Keys)
	handle(http.MethodGet, oauth.MetadataPath, e.Metadata)
	handle(http.MethodGet, oauth.ResourceMetadataPath, e.ResourceMetadata)
}
