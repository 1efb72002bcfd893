// Package scimapi is the SCIM door: it reads requests on /Users, /Groups and the
// discovery endpoints, calls package directory, and writes what it answers
// (RFC 7644 section 3), the same under both mounts. Many operations in one request
// are planned and carried out here too, at once or later.
//
// What a resource may be is left to directory; authentication, limits and the
// writing of errors to the frame, package httpapi.
package scimapi

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/fairshare"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// mounts are the roots under which the same is served (BEHAVIOUR 1). The longer
// one comes first, so that it is no endpoint of the shorter.
var mounts = []string{"/api/v2/scim/v2", "/api/v2/scim"}

// Options are what the door may be told.
type Options struct {
	// DryRunTime bounds the dry run of a bulk request; 0 is [DryRunTime].
	DryRunTime time.Duration
}

// Mount serves SCIM below r. e knows which events organisations receive.
func Mount(r chi.Router, frame *httpapi.Frame, d *directory.Directory, e *events.Service, o Options) {
	slots := newSlots()
	dryRunTime := cmp.Or(o.DryRunTime, DryRunTime)
	rehearsals := fairshare.New[org.ID](fairshare.Options{Slots: rehearsalsAtOnce, Share: rehearsalsOfOne, Queue: mostRehearsals, MaxWait: dryRunTime})
	var served *door
	for _, path := range mounts {
		served = &door{
			frame: frame, directory: d, events: e, service: schema.DefaultService, path: path, slots: slots,
			rehearsals: rehearsals, dryRunTime: dryRunTime, routes: frame.Router(httpapi.SCIM),
		}
		served.mount(r)
	}
	frame.NotFound(r, httpapi.Platform, served.rightPath)
}

// door is everything under one mount.
type door struct {
	frame     *httpapi.Frame
	directory *directory.Directory
	events    *events.Service
	service   schema.Service
	path      string
	routes    chi.Router              // below the mount
	slots     *fairshare.Gate[org.ID] // one for each operation of bulk requests that is under way

	rehearsals *fairshare.Gate[org.ID] // dry runs of bulk requests
	dryRunTime time.Duration           // of each
}

func (d *door) mount(r chi.Router) {
	inner := d.routes
	d.frame.NotFound(inner, httpapi.SCIM, d.rightPath)
	inner.Use(httpapi.AnyCase(d.endpoints()...))
	d.discovery(inner)
	var types []resources
	for _, t := range d.directory.Types() {
		s := resources{door: d, operations: operationsOf(d.directory, t), t: t}
		s.mount(inner)
		if t.Core.ID == scim.UserURN {
			s.mountMe(inner)
		}
		types = append(types, s)
	}
	for _, t := range schema.Views {
		resources{door: d, t: t}.mountView(inner)
	}
	bulk{door: d, types: types}.mount(inner)
	d.mountSearch(inner)
	r.Mount(d.path, inner)
}

// endpoints are those whose names are known, the longer ones first.
func (d *door) endpoints() (paths []string) {
	for _, t := range slices.Concat(d.directory.Types(), schema.Views) {
		paths = append(paths, t.Endpoint+searchEndpoint, t.Endpoint)
	}
	return append(paths,
		schema.ServiceProviderConfigEndpoint, schema.ResourceTypesEndpoint, schema.SchemasEndpoint,
		bulkEndpoint, meEndpoint, searchEndpoint)
}

// root is the absolute URL of the mount that the request came through.
func (d *door) root(r *http.Request) string { return d.frame.BaseURL(r) + d.path }
