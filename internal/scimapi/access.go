package scimapi

import (
	"slices"

	"github.com/purescim/purescim/internal/httpapi"
)

// access is the permissions of each call, as in Genesys Cloud. Discovery is public. The
// permission to read groups without writing them is our own (BEHAVIOUR 77), and so are those
// to create and delete them (BEHAVIOUR 78).
var access = httpapi.Access{
	Role: "SCIM Integration",
	AnyOf: map[string][]string{
		"POST " + bulkEndpoint:  writing,           // before it is read; each operation asks for itself
		"GET " + statusEndpoint: httpapi.TokenOnly, // and finds what the client itself has asked for

		"GET " + rootEndpoint:    readingGroups,
		"POST " + searchEndpoint: readingGroups,

		"POST /Users" + searchEndpoint:  httpapi.TokenOnly,
		"POST /Groups" + searchEndpoint: readingGroups,

		"GET /Users":         httpapi.TokenOnly,
		"POST /Users":        creatingUsers,
		"GET /Users/{id}":    httpapi.TokenOnly,
		"PUT /Users/{id}":    changingUsers,
		"PATCH /Users/{id}":  changingUsers,
		"DELETE /Users/{id}": {"directory:user:delete"},

		"GET " + meEndpoint:    httpapi.TokenOnly,
		"PUT " + meEndpoint:    changingUsers,
		"PATCH " + meEndpoint:  changingUsers,
		"DELETE " + meEndpoint: {"directory:user:delete"},

		"GET /Groups":         readingGroups,
		"POST /Groups":        {"directory:group:add", "directory:group:edit"},
		"GET /Groups/{id}":    readingGroups,
		"PUT /Groups/{id}":    {"directory:group:edit"},
		"PATCH /Groups/{id}":  {"directory:group:edit"},
		"DELETE /Groups/{id}": {"directory:group:delete", "directory:group:edit"},

		"GET /Roles":                          httpapi.TokenOnly,
		"GET /Roles/{id}":                     httpapi.TokenOnly,
		"POST /Roles" + searchEndpoint:        httpapi.TokenOnly,
		"GET /GroupMembers":                   readingGroups,
		"GET /GroupMembers/{id}":              readingGroups,
		"POST /GroupMembers" + searchEndpoint: readingGroups,
	},
}

// writing are all permissions that an operation of a bulk request may need. A client with
// none of them cannot send one.
var writing = slices.Compact(slices.Sorted(slices.Values(slices.Concat(creatingUsers, changingUsers, []string{
	"directory:user:delete", "directory:group:add", "directory:group:edit", "directory:group:delete",
}))))

var (
	readingGroups = []string{"directory:group:edit", "directory:group:view"}
	creatingUsers = []string{
		"directory:user:add",
		"authorization:grant:add", "authorization:grant:delete",
		"routing:skill:assign", "routing:language:assign", "telephony:extension:assign",
	}
	changingUsers = []string{
		"directory:user:edit", "directory:user:setPassword",
		"authorization:grant:add", "authorization:grant:delete",
		"routing:skill:assign", "routing:language:assign", "telephony:extension:assign",
	}
)
