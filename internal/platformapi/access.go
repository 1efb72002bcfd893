package platformapi

import "github.com/purescim/purescim/internal/httpapi"

// access is the permissions of each call, as in Genesys Cloud. Only a group's members
// are changed by everyone there; here that takes what it takes through SCIM.
var access = httpapi.Access{Role: "admin", AnyOf: map[string][]string{
	"GET " + organisationPath: httpapi.TokenOnly,

	"GET " + usersPath:           httpapi.TokenOnly,
	"GET " + usersPath + "/me":   httpapi.TokenOnly,
	"GET " + usersPath + "/{id}": httpapi.TokenOnly,

	"GET " + groupsPath:                       httpapi.TokenOnly,
	"POST " + groupsPath:                      {"directory:group:add"},
	"GET " + groupsPath + "/{id}":             httpapi.TokenOnly,
	"PUT " + groupsPath + "/{id}":             {"directory:group:edit"},
	"DELETE " + groupsPath + "/{id}":          {"directory:group:delete"},
	"GET " + groupsPath + "/{id}/members":     httpapi.TokenOnly,
	"GET " + groupsPath + "/{id}/individuals": httpapi.TokenOnly,
	"POST " + groupsPath + "/{id}/members":    {"directory:group:edit"},
	"DELETE " + groupsPath + "/{id}/members":  {"directory:group:edit"},

	"GET " + rolesPath:              {"authorization:role:view"},
	"POST " + rolesPath:             {"authorization:role:add"},
	"GET " + rolesPath + "/{id}":    {"authorization:role:view"},
	"PUT " + rolesPath + "/{id}":    {"authorization:role:edit"},
	"PATCH " + rolesPath + "/{id}":  {"authorization:role:edit"},
	"DELETE " + rolesPath + "/{id}": {"authorization:role:delete"},

	"GET " + permissionsPath: httpapi.TokenOnly,
	"GET " + productsPath:    httpapi.TokenOnly,

	"GET " + divisionsPath:              httpapi.TokenOnly,
	"POST " + divisionsPath:             {"authorization:division:add", "authorization:grant:add"},
	"GET " + divisionsPath + "/home":    httpapi.TokenOnly,
	"GET " + divisionsPath + "/{id}":    httpapi.TokenOnly,
	"PUT " + divisionsPath + "/{id}":    {"authorization:division:edit"},
	"DELETE " + divisionsPath + "/{id}": {"authorization:division:delete"},

	"GET " + skillsPath:              {"routing:skill:view", "routing:skill:manage"},
	"POST " + skillsPath:             {"routing:skill:manage", "routing:skill:create"},
	"GET " + skillsPath + "/{id}":    httpapi.TokenOnly,
	"PUT " + skillsPath + "/{id}":    {"routing:skill:manage", "routing:skill:edit"},
	"DELETE " + skillsPath + "/{id}": {"routing:skill:manage", "routing:skill:delete"},

	"GET " + languagesPath:              httpapi.TokenOnly,
	"POST " + languagesPath:             {"routing:skill:manage"},
	"GET " + languagesPath + "/{id}":    httpapi.TokenOnly,
	"PUT " + languagesPath + "/{id}":    {"routing:skill:manage"},
	"DELETE " + languagesPath + "/{id}": {"routing:skill:manage"},

	"GET " + schemasPath:              httpapi.TokenOnly,
	"POST " + schemasPath:             {"directory:schema:add"},
	"GET " + schemasPath + "/{id}":    httpapi.TokenOnly,
	"PUT " + schemasPath + "/{id}":    {"directory:schema:edit"},
	"DELETE " + schemasPath + "/{id}": {"directory:schema:delete"},

	"GET " + clientsPath:                             {"oauth:client:view"},
	"POST " + clientsPath:                            {"oauth:client:add"},
	"GET " + clientsPath + "/{id}":                   {"oauth:client:view"},
	"PUT " + clientsPath + "/{id}":                   {"oauth:client:edit"},
	"DELETE " + clientsPath + "/{id}":                {"oauth:client:delete"},
	"POST " + clientsPath + "/{id}/secret":           {"oauth:client:edit"},
	"GET " + clientsPath + "/{id}/tokens":            {"oauth:client:view"},
	"DELETE " + clientsPath + "/{id}/tokens":         {"oauth:token:delete"},
	"DELETE " + clientsPath + "/{id}/tokens/{token}": {"oauth:token:delete"},

	"GET " + streamPath:      {"scim:events:view"},
	"PUT " + streamPath:      {"scim:events:edit"},
	"DELETE " + streamPath:   {"scim:events:edit"},
	"POST " + pollPath:       {"scim:events:poll"},
	"GET " + deadLettersPath: {"scim:events:view"},
	"POST " + requeuePath:    {"scim:events:edit"},

	"GET " + logPath:           {"scim:log:view"},
	"GET " + logPath + "/{id}": {"scim:log:view"},
	"GET " + statusPath:        {"scim:log:view"},

	"POST " + logPath + "/undo":            {"scim:log:undo"},
	"POST " + logPath + "/{id}/undo":       {"scim:log:undo"},
	"POST " + groupsPath + "/{id}/restore": {"scim:log:undo"},
	"POST " + usersPath + "/{id}/restore":  {"scim:log:undo"},
	"POST " + usersPath + "/{id}/erase":    {"directory:user:erase"},

	"GET " + holdsPath:                    {"scim:log:view"},
	"POST " + holdsPath + "/{id}/release": {"scim:holds:edit"},
	"POST " + holdsPath + "/{id}/reject":  {"scim:holds:edit"},

	"GET " + acceptedPath:              {"scim:async:view"},
	"GET " + acceptedPath + "/{id}":    {"scim:async:view"},
	"DELETE " + acceptedPath + "/{id}": {"scim:async:edit"},

	"DELETE " + tokensPath + "/{id}": {"oauth:token:delete"},

	"GET " + myTokenPath:    httpapi.TokenOnly,
	"DELETE " + myTokenPath: httpapi.TokenOnly,
}}
