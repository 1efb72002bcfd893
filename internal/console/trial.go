package console

import (
	"context"
	"net/http"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// trial is a PATCH request about a person or a group, and what the API would answer to it.
type trial struct {
	Path   string // of the request
	Back   string
	Body   string
	Status int    // of the answer; zero before it is tried
	Word   string // for the status
	Answer string
	difference
}

// tried is what may be tried: a page of what stands in the path of the console as kind.
type tried struct {
	kind, example string
	t             *schema.Type
	target        provisioning.TargetType
}

var (
	triedPerson = tried{"people", `{"Operations": [{"op": "replace", "path": "active", "value": false}]}`, schema.User, provisioning.User}
	triedGroup  = tried{"groups", `{"Operations": [{"op": "replace", "path": "displayName", "value": "New name"}]}`, schema.Group, provisioning.Group}
)

// showTrial asks for a request.
func showTrial(what tried) func(v *visit) error {
	return func(v *visit) error { return v.showTrial(what, trial{Body: what.example}) }
}

func (v *visit) showTrial(what tried, p trial) error {
	id, err := v.id()
	if err != nil {
		return err
	}
	p.Path, p.Back = what.t.Endpoint+"/"+id.String(), v.home("/", what.kind, "/", id.String())
	p.Word = http.StatusText(p.Status)
	return v.show("trial", what.kind, "Try a request", p)
}

// try carries a request out as the API would, takes it back, and tells its answer.
func try(what tried) func(v *visit) error {
	return func(v *visit) error {
		id, err := v.id()
		if err != nil {
			return err
		}
		p := trial{Body: v.field("body"), Status: http.StatusOK}
		p.difference, err = v.try(what.target, id, func(ctx context.Context) error {
			ops, err := scim.ParsePatch([]byte(p.Body))
			if err == nil {
				p.Answer, err = v.patch(ctx, what.t, id.String(), ops)
			}
			return err
		})
		if told := mendable(err); told != nil {
			p.Status, p.Answer, err = told.Status, indented(string(httpapi.ErrorBody(told))), nil
		}
		if err != nil {
			return err
		}
		return v.showTrial(what, p)
	}
}

// patch gives the answer to a PATCH request. Of a group it leaves the members out, who may be
// many.
func (v *visit) patch(ctx context.Context, t *schema.Type, id string, ops []scim.PatchOp) (string, error) {
	var r directory.Record
	var err error
	projection := t.Project(nil, nil)
	if t == schema.User {
		r, err = v.Directory.PatchUser(ctx, v.org, id, scim.Condition{}, ops, projection)
	} else {
		projection = t.Project(nil, []string{schema.Members.Name})
		r, err = v.Directory.PatchGroup(ctx, v.org, id, scim.Condition{}, ops, projection)
	}
	if err != nil {
		return "", err
	}
	types, err := v.Directory.TypesOf(ctx, v.org)
	if err != nil {
		return "", err
	}
	by := types.Of(t).Renderer(v.base()+"/api/v2/scim/v2", projection)
	return indented(string(by.Append(nil, schema.Answer{ID: r.ID, Version: r.Version, Created: r.Created, Modified: r.Modified, Doc: r.Doc, Links: r.Links}))), nil
}
