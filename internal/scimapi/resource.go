package scimapi

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// operations are what the directory offers for one resource type. createNew is create
// where nothing that was deleted may come back: that is directory.ErrDeleted. Where
// lifecycle is not nil, create and remove are for the organisations that it says;
// refusal tells the administrator of another what to do instead.
type operations struct {
	create    func(ctx context.Context, o org.Org, body map[string]any) (directory.Record, error)
	createNew func(ctx context.Context, o org.Org, body map[string]any) (directory.Record, error)
	replace   func(ctx context.Context, o org.Org, id string, match scim.Condition, body map[string]any, p schema.Projection) (directory.Record, error)
	patch     func(ctx context.Context, o org.Org, id string, match scim.Condition, ops []scim.PatchOp, p schema.Projection) (directory.Record, error)
	remove    func(ctx context.Context, o org.Org, id string, match scim.Condition) error

	lifecycle func(s org.Settings) bool
	refusal   string
	bodyLimit int64
}

// offers reports whether an organisation with the settings has a method.
func (o operations) offers(method string, s org.Settings) bool {
	return o.lifecycle == nil || method != http.MethodPost && method != http.MethodDelete || o.lifecycle(s)
}

// groupsElsewhere is what BEHAVIOUR 70 has the administrator told.
const groupsElsewhere = "groups are made and deleted in the platform, with POST /api/v2/groups or the command " +
	"\"purescim group create\", and linked by their displayName. In Entra, clear Create and Delete among the target " +
	"object actions of the group mapping; in Okta, push with Link Group to the group that exists. \"purescim org set " +
	"--group-lifecycle\" lets SCIM make and delete groups"

func operationsOf(d *directory.Directory, t *schema.Type) operations {
	if t.Core.ID == scim.GroupURN {
		return operations{
			create: d.ProvisionGroup, createNew: d.ProvisionGroup,
			replace: d.ReplaceGroup, patch: d.PatchGroup, remove: d.DeleteGroup,
			lifecycle: func(s org.Settings) bool { return s.GroupLifecycle },
			refusal:   groupsElsewhere, bodyLimit: httpapi.GroupBodyLimit,
		}
	}
	return operations{
		create: d.CreateUser, createNew: d.CreateNewUser,
		replace: d.ReplaceUser, patch: d.PatchUser, remove: d.DeleteUser,
	}
}

// resources serves the resources of one type under one mount.
type resources struct {
	*door
	operations
	t       *schema.Type
	attempt *provisioning.Attempt // nil is none; else the request is a dry run
}

// mount puts the endpoints of the type on the router.
func (s resources) mount(r chi.Router) {
	for path, methods := range map[string]map[string]httpapi.Handler{
		s.t.Endpoint: {http.MethodGet: s.serve(listing(readQuery)), http.MethodPost: s.serve(triable(resources.post))},
		s.t.Endpoint + "/{id}": {
			http.MethodGet: s.serve(resources.get), http.MethodPut: s.serve(triable(resources.put)),
			http.MethodPatch: s.serve(triable(resources.change)), http.MethodDelete: s.serve(triable(resources.delete)),
		},
	} {
		s.frame.Handle(r, path, httpapi.Route{
			BodyLimit: s.bodyLimit, Methods: methods, Offered: s.offers, Access: access, Refusal: s.refusal,
		})
	}
	s.frame.Handle(r, s.t.Endpoint+searchEndpoint, httpapi.Route{
		Methods: map[string]httpapi.Handler{http.MethodPost: s.serve(listing(readSearch))}, Access: access,
	})
}

// serve handles a request with the type as the request's organisation has it.
func (s resources) serve(handle func(s resources, w http.ResponseWriter, r *http.Request) error) httpapi.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		o := httpapi.Principal(r.Context()).Org
		own, err := s.of(r.Context(), o)
		if err != nil {
			return err
		}
		if err := s.checkStrict(r, o.Settings); err != nil {
			return err
		}
		return handle(own, w, r)
	}
}

// of gives the resources of an organisation, of the type as it has it.
func (s resources) of(ctx context.Context, o org.Org) (resources, error) {
	types, err := s.directory.TypesOf(ctx, o)
	if err != nil {
		return s, err
	}
	if own := types.Of(s.t); own != nil {
		s.t = own
	}
	return s, nil
}

func (s resources) get(w http.ResponseWriter, r *http.Request) error {
	in, err := s.read(r)
	if err != nil {
		return err
	}
	if answered, err := s.getVersion(w, r, in); answered || err != nil {
		return err
	}
	record, err := s.directory.Get(r.Context(), in.org, s.t, in.id, in.projection)
	if err != nil {
		return err
	}
	return s.write(w, r, http.StatusOK, record, in.projection)
}

// getVersion answers those requests for which the version is enough.
func (s resources) getVersion(w http.ResponseWriter, r *http.Request, in input) (answered bool, err error) {
	condition := scim.ParseCondition(r.Header.Get("If-None-Match"))
	if r.Method != http.MethodHead && condition.IsZero() {
		return false, nil
	}
	version, err := s.directory.Version(r.Context(), in.org, s.t, in.id)
	if err != nil {
		return false, err
	}
	unchanged := !condition.IsZero() && condition.Matches(version)
	if !unchanged && r.Method != http.MethodHead {
		return false, nil
	}
	w.Header().Set("ETag", version.ETag())
	locate(w, s.t.Location(s.root(r), in.id))
	if unchanged {
		w.WriteHeader(http.StatusNotModified)
	} else {
		begin(w, http.StatusOK)
	}
	return true, nil
}

func (s resources) post(w http.ResponseWriter, r *http.Request) error {
	in, body, err := s.readObject(r)
	if err != nil {
		return err
	}
	record, err := s.create(r.Context(), in.org, body)
	if err != nil {
		return err
	}
	return s.write(w, r, http.StatusCreated, record, in.projection)
}

func (s resources) put(w http.ResponseWriter, r *http.Request) error {
	in, body, err := s.readObject(r)
	if err != nil {
		return err
	}
	record, err := s.replace(r.Context(), in.org, in.id, in.match, body, in.projection)
	if err != nil {
		return err
	}
	provisioning.Sending(r.Context(), replacing(body), record.Doc)
	return s.write(w, r, http.StatusOK, record, in.projection)
}

// replacing is a PUT as an operation.
func replacing(body map[string]any) []scim.PatchOp {
	return []scim.PatchOp{{Op: "replace", Value: body, HasValue: true}}
}

// change answers a PATCH. A group too large to list is not: its answer has no
// content, unless the members were left out anyway (BEHAVIOUR 73).
func (s resources) change(w http.ResponseWriter, r *http.Request) error {
	in, err := s.read(r)
	if err != nil {
		return err
	}
	body, err := httpapi.Body(r)
	if err != nil {
		return err
	}
	supposeSystem(r.Context(), body)
	ops, err := readOperations(body, in.org.Settings)
	if err != nil {
		return err
	}
	record, err := s.patch(r.Context(), in.org, in.id, in.match, ops, in.projection)
	if err != nil {
		return err
	}
	provisioning.Sending(r.Context(), ops, record.Doc)
	in.projection = s.sending(in.projection, ops)
	if record.MemberCount > directory.MaxAnswerMembers && in.projection.Wants(schema.Members) {
		w.Header().Set("ETag", record.Version.ETag())
		s.tellDifference(w)
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return s.write(w, r, http.StatusOK, record, in.projection)
}

func (s resources) delete(w http.ResponseWriter, r *http.Request) error {
	in, err := s.read(r)
	if err != nil {
		return err
	}
	if err := s.remove(r.Context(), in.org, in.id, in.match); err != nil {
		return err
	}
	s.tellDifference(w)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// input is what a request on one resource says beside its body.
type input struct {
	org        org.Org
	id         string
	match      scim.Condition
	projection schema.Projection
}

func (s resources) read(r *http.Request) (input, error) {
	q, err := readQuery(r)
	if err != nil {
		return input{}, err
	}
	in := input{
		org:   httpapi.Principal(r.Context()).Org,
		id:    pathParam(r, "id"),
		match: scim.ParseCondition(r.Header.Get("If-Match")).Unless(scim.ParseCondition(r.Header.Get("If-None-Match"))),
	}
	if err := q.checkStrict(in.org.Settings, s.t); err != nil {
		return input{}, err
	}
	in.projection, err = q.projection(s.t, in.org.Settings)
	return in, err
}

func (s resources) readObject(r *http.Request) (input, map[string]any, error) {
	in, err := s.read(r)
	if err != nil {
		return input{}, nil, err
	}
	body, err := httpapi.Body(r)
	if err != nil {
		return input{}, nil, err
	}
	object, err := scim.ParseObject(body)
	in.projection = s.t.Sending(in.projection, object)
	return in, object, err
}

// supposeSystem tells the log whose dialect the operations of a body are in: Entra alone
// writes their names with a capital.
func supposeSystem(ctx context.Context, body []byte) {
	_, rest, _ := bytes.Cut(body, []byte(`"op"`))
	if name := bytes.TrimLeft(rest, " \t\r\n:\""); len(name) > 0 && 'A' <= name[0] && name[0] <= 'Z' {
		provisioning.Suppose(ctx, provisioning.Entra)
	}
}

// sending is the projection for the answer to a PATCH.
func (s resources) sending(p schema.Projection, ops []scim.PatchOp) schema.Projection {
	for _, op := range ops {
		written, _ := op.Value.(map[string]any)
		if op.Path != "" {
			name, rest, _ := strings.Cut(op.Path, "[")
			written = map[string]any{name + rest[strings.LastIndex(rest, "]")+1:]: op.Value}
		}
		p = s.t.Sending(p, written)
	}
	return p
}

// pathParam gives a part of the path without its percent-encoding.
func pathParam(r *http.Request, name string) string {
	part := chi.URLParam(r, name)
	if r.URL.RawPath == "" { // the router matched the decoded path
		return part
	}
	plain, err := url.PathUnescape(part)
	if err != nil {
		return part
	}
	return plain
}
