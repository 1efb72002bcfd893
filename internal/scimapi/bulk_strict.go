package scimapi

import (
	"net/http"
	"strings"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/scim"
)

// readBulk reads the body of a bulk request.
func readBulk(body []byte, maxOperations int, s org.Settings) (scim.BulkRequest, error) {
	if s.Strict {
		object, err := scim.ParseObject(body)
		if err == nil {
			err = scim.CheckBulk(object)
		}
		if err != nil {
			return scim.BulkRequest{}, err
		}
	}
	return scim.ParseBulk(body, maxOperations, s.Strict)
}

// checkStrict refuses, for strict organisations, what the standard does not know
// around the data of an operation.
func (op *operation) checkStrict() error {
	if op.Path != op.on.t.Endpoint && !strings.HasPrefix(op.Path, op.on.t.Endpoint+"/") {
		return scim.InvalidValue("path: %q is not known; %s is", op.Path, op.on.t.Endpoint)
	}
	if op.Method != http.MethodPatch {
		return nil
	}
	object, ok := op.Data.(map[string]any)
	if !ok {
		return scim.InvalidSyntax("data is %s; an object is expected, as in the body of a PATCH", scim.KindOf(op.Data))
	}
	return scim.CheckPatch(object)
}
