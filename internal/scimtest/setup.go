package scimtest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

const (
	userSchema  = "urn:ietf:params:scim:schemas:core:2.0:User"
	patchSchema = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
)

// setUp does what a scenario takes for granted. Groups and roles are not made
// through SCIM, so they come from the platform API, with the same token.
func (p *player) setUp(ctx context.Context, step Step) error {
	switch {
	case step.CreateGroup != nil:
		return p.createGroup(ctx, *step.CreateGroup)
	case step.CreateUsers != nil:
		return p.createUsers(ctx, *step.CreateUsers)
	case step.AddMembers != nil:
		return p.addMembers(ctx, *step.AddMembers)
	}
	for _, name := range step.EnsureRoles {
		if err := p.ensure(ctx, rolesPath, name); err != nil {
			return err
		}
	}
	for _, name := range step.EnsureDivisions {
		if err := p.ensure(ctx, divisionsPath, name); err != nil {
			return err
		}
	}
	return nil
}

func (p *player) createGroup(ctx context.Context, group CreateGroup) error {
	made, err := p.post(ctx, "/api/v2/groups", map[string]any{
		"name": group.DisplayName, "type": "official", "visibility": "public", "rulesVisible": true,
	}, http.StatusOK)
	if err != nil {
		return err
	}
	saveAs := group.SaveAs
	if saveAs == "" {
		saveAs = "groupId"
	}
	if err := p.save(saveAs, "$.id", made); err != nil {
		return p.describe(err, made)
	}
	return nil
}

func (p *player) createUsers(ctx context.Context, users CreateUsers) error {
	ids := make([]string, 0, users.Count)
	for n := range users.Count {
		name := strings.ReplaceAll(users.UserNameTemplate, "{{n}}", fmt.Sprint(n+1))
		made, err := p.post(ctx, DefaultMount+"/Users", map[string]any{
			"schemas":  []string{userSchema},
			"userName": name, "displayName": name, "active": true,
			"emails": []any{map[string]any{"value": name, "type": "work", "primary": true}},
		}, http.StatusCreated)
		if err != nil {
			return err
		}
		const id = "id of the user just made"
		if err := p.save(id, "$.id", made); err != nil {
			return p.describe(err, made)
		}
		ids = append(ids, p.vars[id].(string))
	}
	p.vars[users.SaveAs] = ids
	return nil
}

func (p *player) addMembers(ctx context.Context, add AddMembers) error {
	group, err := p.vars.expand(add.Group)
	if err != nil {
		return err
	}
	users, err := p.vars.list(add.Users)
	if err != nil {
		return err
	}
	members := make([]map[string]string, len(users))
	for i, id := range users {
		members[i] = map[string]string{"value": id}
	}
	_, err = p.call(ctx, http.MethodPatch, DefaultMount+"/Groups/"+group, map[string]any{
		"schemas":    []string{patchSchema},
		"Operations": []any{map[string]any{"op": "add", "path": "members", "value": members}},
	}, http.StatusOK, http.StatusNoContent)
	return err
}

// ensure makes the named entry at a platform path unless it is there.
func (p *player) ensure(ctx context.Context, path, name string) error {
	entry := map[string]any{"name": name}
	if path == divisionsPath {
		entry["description"] = "named by a scenario"
	}
	_, err := p.post(ctx, path, entry, http.StatusOK, http.StatusCreated, http.StatusConflict)
	return err
}

func (p *player) post(ctx context.Context, path string, body any, allowed ...int) (*answer, error) {
	return p.call(ctx, http.MethodPost, path, body, allowed...)
}

// call sends a request of the set-up's own; path begins at the server's root.
func (p *player) call(ctx context.Context, method, path string, body any, allowed ...int) (*answer, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, method, p.target.BaseURL+path, strings.NewReader(string(text)))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+p.target.Token)
	got, err := p.exchange(request, text)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(allowed, got.status) {
		return nil, p.describe(fmt.Errorf("status %d, want %v", got.status, allowed), got)
	}
	return got, nil
}
