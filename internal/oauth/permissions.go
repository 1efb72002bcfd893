package oauth

import (
	"maps"
	"slices"
	"strings"
)

// everything is the permission that holds all others, and in a part of a
// permission the word for any.
const everything = "*"

// Permissions is a set of what a client may do, such as "directory:user:add".
// It is never changed; the zero value is empty.
//
// A granted permission may hold wildcards: "*" alone is everything, a part that
// is "*" any word, and a last "*" all that could follow: "directory:group:*".
type Permissions struct{ granted *grants }

type grants struct {
	names     map[string]struct{}
	wildcards []string // those of the names that hold one
}

// NewPermissions makes a set.
func NewPermissions(names ...string) Permissions {
	if len(names) == 0 {
		return Permissions{}
	}
	g := &grants{names: make(map[string]struct{}, len(names))}
	for _, name := range names {
		if _, known := g.names[name]; !known && strings.Contains(name, everything) {
			g.wildcards = append(g.wildcards, name)
		}
		g.names[name] = struct{}{}
	}
	return Permissions{g}
}

// Has reports whether the permission is granted.
func (p Permissions) Has(permission string) bool {
	if p.granted == nil {
		return false
	}
	if _, ok := p.granted.names[permission]; ok {
		return true
	}
	return slices.ContainsFunc(p.granted.wildcards, func(pattern string) bool { return covers(pattern, permission) })
}

// HasAny reports whether one of the permissions is granted. Of none, none is.
func (p Permissions) HasAny(permissions ...string) bool {
	return slices.ContainsFunc(permissions, p.Has)
}

// Covers reports whether everything that q grants is granted by p too.
func (p Permissions) Covers(q Permissions) bool {
	return q.granted == nil || !slices.ContainsFunc(q.Names(), func(name string) bool { return !p.Has(name) })
}

// Names are the permissions as they were granted, sorted.
func (p Permissions) Names() []string {
	if p.granted == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(p.granted.names))
}

// Equal reports whether both sets were granted the same.
func (p Permissions) Equal(q Permissions) bool { return slices.Equal(p.Names(), q.Names()) }

// covers matches part by part. A wildcard in the permission is a word like any other.
func covers(pattern, permission string) bool {
	for {
		want, moreWanted, longer := strings.Cut(pattern, ":")
		got, moreGot, more := strings.Cut(permission, ":")
		switch {
		case want == everything && !longer:
			return true
		case want != everything && want != got:
			return false
		case !longer || !more:
			return longer == more
		}
		pattern, permission = moreWanted, moreGot
	}
}
