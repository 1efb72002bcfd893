package scimapi

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/purescim/purescim/internal/bulkplan"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/scim"
)

// operation is one operation of a bulk request and the endpoint that it is on.
type operation struct {
	*bulkplan.Operation
	on resources // zero where the path names none
}

// operations reads the operations of a request of somebody. What is wrong with
// one is its fault.
func (b bulk) operations(ctx context.Context, who oauth.Principal, request scim.BulkRequest) ([]operation, error) {
	types := make([]resources, len(b.types))
	for i, s := range b.types {
		var err error
		if types[i], err = s.of(ctx, who.Org); err != nil {
			return nil, err
		}
	}
	created := make(map[string]int, len(request.Operations))
	for i, op := range request.Operations {
		if op.Method == http.MethodPost && op.BulkID != "" {
			created[op.BulkID] = i
		}
	}
	operations := make([]operation, len(request.Operations))
	for i, op := range request.Operations {
		operations[i].Operation = &bulkplan.Operation{BulkOperation: op}
		if err := operations[i].read(types, who, created); err != nil {
			operations[i].Fault, operations[i].Needs = err, nil
		}
	}
	return operations, nil
}

// read finds out what an operation is to do, as far as that does not depend on
// what is stored. created tells which operations have which bulkId.
func (op *operation) read(types []resources, who oauth.Principal, created map[string]int) error {
	if op.BulkOperation.Fault != nil {
		return op.BulkOperation.Fault
	}
	if err := op.target(types); err != nil {
		return err
	}
	if err := op.allowed(who); err != nil {
		return err
	}
	if who.Org.Settings.Strict {
		if err := op.checkStrict(); err != nil {
			return err
		}
	}
	switch data := op.Data.(type) {
	case []any:
		// The example of RFC 7644 section 3.7.3 has the list alone.
		return op.readPatch(map[string]any{"Operations": data}, created)
	case map[string]any:
		if op.Method == http.MethodPatch {
			return op.readPatch(data, created)
		}
		op.Body = data
	}
	return op.FindNeeds(created)
}

func (op *operation) readPatch(body map[string]any, created map[string]int) (err error) {
	if op.Patch, err = scim.ReadPatch(body); err != nil {
		return err
	}
	return op.FindNeeds(created)
}

// target reads the path.
func (op *operation) target(types []resources) error {
	endpoint, id, _ := strings.Cut(strings.TrimPrefix(httpapi.SkipEmpty(op.Path), "/"), "/")
	i := slices.IndexFunc(types, func(s resources) bool { return strings.EqualFold(s.t.Endpoint, "/"+endpoint) })
	if i < 0 || strings.HasPrefix(id, ".") {
		return scim.InvalidValue("path: %q is not the path of a resource or of a collection of resources, such as %s and %s/{id}; "+
			"nothing else can be part of a bulk request", op.Path, types[0].t.Endpoint, types[0].t.Endpoint)
	}
	op.on, op.Type, op.ID = types[i], types[i].t, id
	switch {
	case op.Method == http.MethodPost && id != "":
		return scim.InvalidValue("path: POST creates in a collection; %s is expected", op.on.t.Endpoint)
	case op.Method != http.MethodPost && id == "":
		return scim.InvalidValue("path: %s is for one resource; %s/{id} is expected", op.Method, op.on.t.Endpoint)
	}
	return nil
}

// allowed asks what the operation would be asked as a request of its own.
func (op *operation) allowed(who oauth.Principal) error {
	if !op.on.offers(op.Method, who.Org.Settings) {
		return scim.MethodNotAllowed("%s is not allowed here: %s", op.Method, op.on.refusal)
	}
	call := op.Method + " " + op.on.t.Endpoint
	if op.Method != http.MethodPost {
		call += "/{id}"
	}
	return access.Check(call, who.Permissions)
}
