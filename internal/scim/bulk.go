package scim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Message URNs of bulk requests (RFC 7644 section 8.2).
const (
	BulkRequestURN  = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
	BulkResponseURN = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
)

// BulkRequest is the body of a bulk request (RFC 7644 section 3.7).
type BulkRequest struct {
	FailOnErrors int // how many failures end the request; 0 goes on after any number
	Operations   []BulkOperation
}

// BulkOperation is one operation of a bulk request.
type BulkOperation struct {
	Method  string // in upper case, if it is known
	BulkID  string // empty when there is none
	Path    string
	Version Condition
	Data    any // as ParseJSON gives it; nil when there is none
	// Fault tells why the operation cannot be read; the others can be carried out.
	Fault *Error
}

// BulkResponse is the answer to a bulk request, in the order of its operations.
type BulkResponse struct {
	Schemas    []string     `json:"schemas"`
	Operations []BulkResult `json:"Operations"`
}

// BulkResult is what became of one operation.
type BulkResult struct {
	Method   string          `json:"method"`
	BulkID   string          `json:"bulkId,omitempty"`
	Location string          `json:"location,omitempty"`
	Version  string          `json:"version,omitempty"` // an ETag
	Status   string          `json:"status"`
	Response json.RawMessage `json:"response,omitempty"` // the Error of a failure
	// Tried is what the operation would change, in the answer to a dry run.
	Tried any `json:"urn:purescim:params:scim:api:messages:2.0:DryRun,omitempty"`
}

// ParseBulk reads the body of a bulk request with at most maxOperations. Names are
// accepted in any case; unless it is strict, so are methods, numbers for texts and texts
// for numbers. What is wrong with one operation is its
// Fault; an error is what is wrong with the whole.
func ParseBulk(body []byte, maxOperations int, strict bool) (BulkRequest, error) {
	object, err := ParseObject(body)
	if err != nil {
		return BulkRequest{}, err
	}
	if err := checkMessage(object, BulkRequestURN); err != nil {
		return BulkRequest{}, err
	}
	var request BulkRequest
	if request.FailOnErrors, err = failOnErrors(object, strict); err != nil {
		return BulkRequest{}, err
	}
	value, _, err := member(object, "Operations")
	if err != nil {
		return BulkRequest{}, err
	}
	list, ok := value.([]any)
	if !ok {
		return BulkRequest{}, InvalidSyntax("Operations is %s; an array of operations is expected", kindOrMissing(value))
	}
	if len(list) > maxOperations {
		return BulkRequest{}, TooLarge("the bulk request has %d operations; at most %d (maxOperations) are allowed in one request", len(list), maxOperations)
	}
	request.Operations = make([]BulkOperation, len(list))
	seen := make(map[string]int, len(list))
	for i, v := range list {
		if request.Operations[i], err = parseBulkOperation(i+1, v, strict); err != nil {
			return BulkRequest{}, err
		}
		id := request.Operations[i].BulkID
		if first := seen[id]; first > 0 && id != "" {
			return BulkRequest{}, InvalidSyntax("operations %d and %d have the same bulkId %q; it must be unique within the request", first, i+1, id)
		}
		seen[id] = i + 1
	}
	return request, nil
}

// checkMessage refuses a message that says it is another. One that does not say
// what it is, is taken for what is asked for, as everywhere.
func checkMessage(object map[string]any, urn string) error {
	value, _, err := member(object, "schemas")
	if err != nil {
		return err
	}
	list, ok := value.([]any)
	if !ok && value != nil && value != "" {
		list = []any{value}
	}
	if len(list) == 0 {
		return nil
	}
	if !slices.ContainsFunc(list, func(v any) bool {
		text, ok := v.(string)
		return ok && strings.EqualFold(text, urn)
	}) {
		return InvalidSyntax("schemas does not name %s, which is what this endpoint takes", urn)
	}
	return nil
}

func failOnErrors(object map[string]any, strict bool) (int, error) {
	value, _, err := member(object, "failOnErrors")
	if err != nil || value == nil {
		return 0, err
	}
	number, _ := value.(json.Number)
	if text, ok := value.(string); ok && !strict {
		if text = strings.TrimSpace(text); text == "" {
			return 0, nil
		}
		number = json.Number(text)
	}
	n, err := strconv.Atoi(string(number))
	if err != nil || n < 0 {
		return 0, InvalidValue("failOnErrors is not allowed: a whole number from 1 is expected, or none or 0 to go on after errors")
	}
	return n, nil
}

// parseBulkOperation returns an error for what is no operation at all.
func parseBulkOperation(n int, v any, strict bool) (BulkOperation, error) {
	object, ok := v.(map[string]any)
	if !ok {
		return BulkOperation{}, InvalidSyntax("operation %d is %s; an object is expected", n, KindOf(v))
	}
	var op BulkOperation
	names := [...]string{"method", "bulkId", "path", "version", "data"}
	var values [len(names)]any
	for i, name := range names {
		var err error
		if values[i], _, err = member(object, name); err != nil {
			return op, err
		}
		if number, ok := values[i].(json.Number); ok && !strict && name != "data" {
			values[i] = string(number)
		}
	}
	method, _ := values[0].(string)
	op.Method = clip(method)
	if !strict {
		op.Method = strings.ToUpper(op.Method)
	}
	op.BulkID, _ = values[1].(string)
	op.Path, _ = values[2].(string)
	version, _ := values[3].(string)
	op.Version, op.Data = ParseCondition(version), values[4]
	op.Fault = op.fault(values[1], values[2], values[3])
	return op, nil
}

// fault checks what does not depend on what the server holds; the values are
// those of bulkId, path and version.
func (op BulkOperation) fault(bulkID, path, version any) *Error {
	switch op.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		return InvalidSyntax("method is %q; POST, PUT, PATCH or DELETE is expected", op.Method)
	}
	if _, ok := bulkID.(string); bulkID != nil && !ok {
		return InvalidSyntax("bulkId is %s; a string is expected", KindOf(bulkID))
	}
	if op.Method == http.MethodPost && op.BulkID == "" {
		return InvalidSyntax("bulkId is missing; POST needs one, so that its answer can be told from the others")
	}
	if op.Path == "" {
		return InvalidSyntax("path is %s; the path of a resource or of its collection is expected, such as /Users", kindOrMissing(path))
	}
	if _, ok := version.(string); version != nil && !ok {
		return InvalidSyntax("version is %s; the ETag of the resource is expected, a string", KindOf(version))
	}
	if op.Method == http.MethodDelete {
		if op.Data != nil {
			return InvalidSyntax("data is given; DELETE takes none")
		}
		return nil
	}
	if op.Data == nil {
		return InvalidSyntax("data is missing; %s needs what it would have as its body", op.Method)
	}
	_, isObject := op.Data.(map[string]any)
	_, isArray := op.Data.([]any)
	if !isObject && (op.Method != http.MethodPatch || !isArray) {
		return InvalidSyntax("data is %s; an object is expected, as in the body of a %s", KindOf(op.Data), op.Method)
	}
	return nil
}

func kindOrMissing(v any) string {
	switch v {
	case nil:
		return "missing"
	case "":
		return "empty"
	default:
		return KindOf(v)
	}
}
