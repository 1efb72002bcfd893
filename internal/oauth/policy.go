package oauth

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// RoleDetail is what a role permits, as the catalogue keeps it and the platform's
// API shows it.
type RoleDetail struct {
	Permissions []string `json:"permissions"`
	Policies    []Policy `json:"permissionPolicies"`
}

// Policy grants its actions on an entity of a domain: the platform's
// DomainPermissionPolicy.
type Policy struct {
	Domain          string   `json:"domain,omitzero"`
	EntityName      string   `json:"entityName,omitzero"`
	Name            string   `json:"policyName,omitzero"`
	Description     string   `json:"policyDescription,omitzero"`
	ActionSet       []string `json:"actionSet"`
	AllowConditions bool     `json:"allowConditions,omitzero"`
	// NamedResources and Condition limit the policy in ways that nothing here could
	// enforce. A policy that has one of them grants nothing.
	NamedResources []string       `json:"namedResources,omitzero"`
	Condition      map[string]any `json:"resourceConditionNode,omitzero"`
}

// policyKeys are the keys of a policy, in the one spelling that counts.
var policyKeys = []string{
	"domain", "entityName", "policyName", "policyDescription", "actionSet", "allowConditions", "namedResources", "resourceConditionNode",
}

// MisspeltPolicyKey gives the key of a policy that a name is another spelling of,
// such as one in another case. It is "" for a key of a policy and for any other name.
// Such a name could be taken for the key by another reader, so it is not ignored.
func MisspeltPolicyKey(name string) string {
	at := slices.IndexFunc(policyKeys, func(key string) bool { return strings.EqualFold(key, name) })
	if at < 0 || policyKeys[at] == name {
		return ""
	}
	return policyKeys[at]
}

// Text is the detail as the catalogue keeps it.
func (d RoleDetail) Text() []byte {
	text, _ := json.Marshal(d) // what was read from JSON, or is text
	return text
}

// ParseRoleDetail reads what Text has written. Keys count in their exact spelling.
// Of anything else only what is certain is read: a detail of the wrong shape
// permits nothing, and a policy that cannot be read is left out.
func ParseRoleDetail(text []byte) RoleDetail {
	var kept struct {
		Permissions []string         `json:"permissions"`
		Policies    []jsontext.Value `json:"permissionPolicies"`
	}
	d := RoleDetail{Permissions: []string{}, Policies: []Policy{}}
	if json.Unmarshal(text, &kept) != nil {
		return d
	}
	d.Permissions = append(d.Permissions, kept.Permissions...)
	for _, text := range kept.Policies {
		if p, ok := parsePolicy(text); ok {
			d.Policies = append(d.Policies, p)
		}
	}
	return d
}

func parsePolicy(text []byte) (p Policy, ok bool) {
	var members map[string]jsontext.Value
	if json.Unmarshal(text, &members) != nil {
		return p, false
	}
	for name := range members {
		if MisspeltPolicyKey(name) != "" {
			return p, false
		}
	}
	return p, json.Unmarshal(text, &p) == nil
}

// The limits of what a role may permit, written out: a policy of few letters permits each
// of its actions on the entity of its domain.
const (
	maxPermissions     = 2000
	maxPermissionBytes = 64 << 10
)

// Check returns an *InvalidError for a role that names a permission that there is not, or
// more than may be, written out. What the role of before named it may name again: it may
// be of a release that knew other permissions, or none.
func (d RoleDetail) Check(before RoleDetail) error {
	if err := d.checkKnown(before); err != nil {
		return err
	}
	names, bytes := d.size()
	namesBefore, bytesBefore := before.size()
	switch {
	case names > maxPermissions && names > namesBefore:
		return invalid("permissions", "and permissionPolicies name %d permissions together, a policy one for each of its actions, and at most %d are allowed", names, maxPermissions)
	case bytes > maxPermissionBytes && bytes > bytesBefore:
		return invalid("permissions", "and permissionPolicies name permissions of %d bytes together, each written as domain:entity:action, and at most %d are allowed", bytes, maxPermissionBytes)
	}
	return nil
}

// checkKnown refuses what would be granted though nothing asks for it: a permission that
// is misspelt would be missed when somebody needs it.
func (d RoleDetail) checkKnown(before RoleDetail) error {
	for _, name := range d.Permissions {
		if problem := unknownIn(name); problem != "" && !slices.Contains(before.Permissions, name) {
			return unknownPermission("permissions", name, problem)
		}
	}
	for _, p := range d.Policies {
		if slices.ContainsFunc(before.Policies, p.names) {
			continue
		}
		for _, action := range append([]string{""}, p.ActionSet...) {
			if problem := unknownPart(p.Domain, p.EntityName, action); problem != "" {
				return unknownPermission("permissionPolicies", p.Domain+":"+p.EntityName+":"+action, problem)
			}
		}
	}
	return nil
}

func unknownPermission(field, name, problem string) error {
	return invalid(field, "name %q, which is no permission: %s (GET /api/v2/authorization/permissions lists all)", strings.TrimSuffix(name, ":"), problem)
}

// names reports whether both policies name the same permissions.
func (p Policy) names(other Policy) bool {
	return p.Domain == other.Domain && p.EntityName == other.EntityName && slices.Equal(p.ActionSet, other.ActionSet)
}

// size tells how many permissions a role names and how many bytes those have, written out.
func (d RoleDetail) size() (names, bytes int) {
	for _, name := range d.Permissions {
		names, bytes = names+1, bytes+len(name)
	}
	for _, p := range d.Policies {
		for _, action := range p.ActionSet {
			names, bytes = names+1, bytes+len(p.Domain)+len(p.EntityName)+len(action)+len("::")
		}
	}
	return names, bytes
}

// granted are the names of the permissions.
func (d RoleDetail) granted() []string {
	names := slices.Clone(d.Permissions)
	for _, p := range d.Policies {
		names = append(names, p.granted()...)
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

func (p Policy) granted() (names []string) {
	if p.Domain == "" || p.EntityName == "" || p.Condition != nil || len(p.NamedResources) > 0 {
		return nil
	}
	for _, action := range p.ActionSet {
		if action != "" {
			names = append(names, p.Domain+":"+p.EntityName+":"+action)
		}
	}
	return names
}

// PermissionsOf is what roles grant, by their details as the catalogue keeps them.
func PermissionsOf(details ...[]byte) Permissions {
	var names []string
	for _, text := range details {
		names = append(names, ParseRoleDetail(text).granted()...)
	}
	return NewPermissions(names...)
}
