package api_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// refusals are the statuses that the frame of the server gives an operation, whatever
// its handler adds: those follow from where it stands and what it takes.
func refusals(path string, item *openapi3.PathItem, method string, operation *openapi3.Operation) []int {
	scim := len(item.Servers) > 0
	switch {
	case strings.HasPrefix(path, "/openapi."):
		return []int{412, 415}
	case strings.HasPrefix(path, "/.well-known/"):
		return []int{415}
	case strings.HasPrefix(path, "/oauth/"):
		return []int{400, 401, 413, 415, 429}
	}
	var all []int
	if needsToken(operation) {
		all = append(all, 400, 401, 429)
	}
	if operation.RequestBody != nil {
		all = append(all, 400, 408, 413)
	}
	if operation.RequestBody != nil || method == "POST" {
		all = append(all, 415)
	}
	for _, parameter := range slices.Concat(item.Parameters, operation.Parameters) {
		if parameter.Value.In == "path" {
			all = append(all, 404)
		}
	}
	if operation.Extensions["x-permissions"] != nil || needsToken(operation) && path != "/Me" {
		all = append(all, 403)
	}
	if scim {
		all = append(all, 406)
	}
	if scim && (method == "PUT" || method == "PATCH" || method == "DELETE") {
		all = append(all, 412)
	}
	return all
}

func needsToken(operation *openapi3.Operation) bool { return operation.Security == nil }

// TestRefusalsAreDescribed asks each operation for the refusals that it may give, one by
// one, and for those of a server that fails. What no rule tells, such as 409, the
// recorded traffic asks for: it meets no status that is not described.
func TestRefusalsAreDescribed(t *testing.T) {
	t.Parallel()
	for path, item := range load(t).Paths.Map() {
		for method, operation := range item.Operations() {
			statuses := operation.Responses.Map()
			if statuses["default"] != nil {
				t.Errorf("%s: default says nothing; describe 5XX, and each status below it", operation.OperationID)
			}
			for _, status := range refusals(path, item, method, operation) {
				if statuses[strconv.Itoa(status)] == nil {
					t.Errorf("%s: status %d is not described; there is a component for it", operation.OperationID, status)
				}
			}
			if operation.Description == "" || operation.Summary == "" {
				t.Errorf("%s has no summary or no description", operation.OperationID)
			}
		}
	}
}
