package scimapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// discovery are the endpoints that tell what the server offers (RFC 7644
// section 4). They need no token (BEHAVIOUR 15); with one, they tell of the
// organisation's own extensions too.
func (d *door) discovery(r chi.Router) {
	for path, answer := range map[string]described{
		schema.ServiceProviderConfigEndpoint:     d.serviceProviderConfig,
		schema.ResourceTypesEndpoint:             d.resourceTypes,
		schema.ResourceTypesEndpoint + "/{name}": d.resourceType,
		schema.SchemasEndpoint:                   d.schemas,
		schema.SchemasEndpoint + "/{urn}":        d.schema,
	} {
		d.frame.Handle(r, path, httpapi.Route{
			Public:  true,
			Methods: map[string]httpapi.Handler{http.MethodGet: d.describing(answer)},
		})
	}
}

// described is what a request of discovery asks for, and where that is if it is one resource.
type described func(r *http.Request) (v any, location string, err error)

// describing writes an answer as JSON. Filters are refused, so that no client
// takes the whole for what its filter left (RFC 7644 section 4).
func (d *door) describing(answer described) httpapi.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		caller, err := d.frame.Caller(r)
		if err == nil && caller != nil {
			err = d.checkStrict(r, caller.Org.Settings)
		}
		if err != nil {
			return err
		}
		q, err := readQuery(r)
		if err != nil {
			return err
		}
		if q.isSet("filter") || q.checkFilter() != nil {
			return scim.Forbidden("this endpoint cannot be filtered; leave the parameter filter out")
		}
		v, location, err := answer(r)
		if err != nil {
			return err
		}
		body, err := json.Marshal(v)
		if err != nil {
			return err
		}
		if location != "" {
			locate(w, location)
		}
		httpapi.WriteJSON(w, http.StatusOK, scim.MediaType, body)
		return nil
	}
}

func (d *door) serviceProviderConfig(r *http.Request) (any, string, error) {
	service, err := d.serviceFor(r)
	document := service.Describe(d.root(r))
	return document, document.Meta.Location, err
}

// serviceFor is the ServiceProviderConfig for the caller. What RFC 7643 does not define is
// shown to clients of organisations only, as those have chosen.
func (d *door) serviceFor(r *http.Request) (schema.Service, error) {
	caller, err := d.frame.Caller(r)
	if err != nil || caller == nil {
		return d.service.Plain(), err
	}
	service := d.service
	service.Pagination = !caller.Org.Settings.HidePagination
	service.Roles = caller.Org.Settings.AnnounceRoles
	service.EventURIs, err = d.events.URIs(r.Context(), caller.Org.ID)
	return service, err
}

func (d *door) resourceTypes(r *http.Request) (any, string, error) {
	types, err := d.typesFor(r)
	return allOf(types.ResourceTypeDocuments(d.root(r))), "", err
}

// typesFor are the resource types for the caller.
func (d *door) typesFor(r *http.Request) (schema.Types, error) {
	caller, err := d.frame.Caller(r)
	if err != nil || caller == nil {
		return slices.Concat(d.directory.Types(), schema.Views), err
	}
	types, err := d.directory.TypesOf(r.Context(), caller.Org)
	return slices.Concat(types, schema.Views), err
}

func (d *door) resourceType(r *http.Request) (any, string, error) {
	name := pathParam(r, "name")
	types, err := d.typesFor(r)
	if err != nil {
		return nil, "", err
	}
	root := d.root(r)
	for _, document := range slices.Concat(types.ResourceTypeDocuments(root), schema.DiscoveryTypes(root)) {
		if strings.EqualFold(document.Name, name) {
			return document, document.Meta.Location, nil
		}
	}
	return nil, "", scim.NotFound("resource type %q does not exist; GET /ResourceTypes lists those that do", name)
}

func (d *door) schemas(r *http.Request) (any, string, error) {
	documents, err := d.schemaDocuments(r)
	return allOf(documents), "", err
}

func (d *door) schemaDocuments(r *http.Request) ([]schema.SchemaDocument, error) {
	types, err := d.typesFor(r)
	if err != nil {
		return nil, err
	}
	service, err := d.serviceFor(r)
	return types.SchemaDocuments(d.root(r), service), err
}

func (d *door) schema(r *http.Request) (any, string, error) {
	urn := pathParam(r, "urn")
	documents, err := d.schemaDocuments(r)
	if err != nil {
		return nil, "", err
	}
	for _, document := range documents {
		if strings.EqualFold(document.ID, urn) {
			return document, document.Meta.Location, nil
		}
	}
	return nil, "", scim.NotFound("schema %q does not exist; GET /Schemas lists those that do", urn)
}

// listResponse is a list of discovery, which is always whole.
type listResponse[Document any] struct {
	Schemas      []string   `json:"schemas"`
	TotalResults int        `json:"totalResults"`
	StartIndex   int        `json:"startIndex"`
	ItemsPerPage int        `json:"itemsPerPage"`
	Resources    []Document `json:"Resources"`
}

func allOf[Document any](documents []Document) listResponse[Document] {
	return listResponse[Document]{
		Schemas:      []string{scim.ListResponseURN},
		TotalResults: len(documents),
		StartIndex:   1,
		ItemsPerPage: len(documents),
		Resources:    documents,
	}
}
