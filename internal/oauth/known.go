package oauth

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
)

// Domain is a domain of permissions with its entities, by name.
type Domain struct {
	Name     string
	Entities []Entity
}

// Entity is what permissions of a domain are about, and what may be done with it.
type Entity struct {
	Name    string
	Actions []string
}

//go:embed permissions.txt
var permissionsText string

// Domains are all permissions that there are, by name. They are shared and must not be
// changed.
var Domains = sync.OnceValue(func() (domains []Domain) {
	for line := range strings.Lines(permissionsText) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		domain, entity, _ := strings.Cut(words[0], ":")
		if n := len(domains); n == 0 || domains[n-1].Name != domain {
			domains = append(domains, Domain{Name: domain})
		}
		last := &domains[len(domains)-1]
		last.Entities = append(last.Entities, Entity{entity, words[1:]})
	}
	return domains
})

// unknownIn says what is wrong with a name that a role has among its permissions: "" when
// it names a permission that there is, or with wildcards some. A word without a colon is
// one of the platform's old permissions, which nothing here asks for.
func unknownIn(name string) string {
	if !strings.Contains(name, ":") {
		return ""
	}
	domain, rest, _ := strings.Cut(name, ":")
	entity, action, deeper := strings.Cut(rest, ":")
	switch {
	case domain == "", entity == "", !deeper && entity != everything, deeper && action == "":
		return "a permission is written as domain:entity:action"
	case !deeper:
		action = everything
	}
	return unknownPart(domain, entity, action)
}

// unknownPart says which part of a permission there is not. A part that is "*" is any, and
// one that is empty is not looked at, nor is what follows it.
func unknownPart(domain, entity, action string) string {
	entities := matching(Domains(), domain, func(d Domain) (string, []Entity) { return d.Name, d.Entities })
	switch {
	case domain == "":
		return ""
	case entities == nil:
		return "there is no domain " + domain
	case entity == "":
		return ""
	}
	actions := matching(entities, entity, func(e Entity) (string, []string) { return e.Name, e.Actions })
	switch {
	case actions == nil:
		return "the domain " + domain + " has no entity " + entity
	case action == "" || action == everything || slices.Contains(actions, action):
		return ""
	}
	slices.Sort(actions)
	return domain + ":" + entity + " has no action " + action + ", only " + strings.Join(slices.Compact(actions), ", ")
}

// matching gathers what those of the list hold that a part of a permission names.
func matching[T, U any](list []T, part string, of func(T) (string, []U)) (found []U) {
	for _, one := range list {
		if name, holds := of(one); part == everything || part == name {
			found = append(found, holds...)
		}
	}
	return found
}
