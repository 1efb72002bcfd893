package scimapi

import (
	"regexp"
	"slices"
	"strings"

	"github.com/purescim/purescim/internal/scim"
)

// referencePrefix begins a text that stands for the id of what another operation
// of the request creates (RFC 7644 section 3.7.2).
const referencePrefix = "bulkId:"

// quotedReference is a reference inside the filter of a PATCH path.
var quotedReference = regexp.MustCompile(`"` + referencePrefix + `[^"\\]+"`)

// findNeeds lists the operations that create what the operation refers to. A
// bulkId that no POST has is an error.
func (op *operation) findNeeds(created map[string]int) error {
	needs, unknown := make(map[int]bool), ""
	op.eachText(func(text string) {
		id, ok := strings.CutPrefix(text, referencePrefix)
		if !ok {
			return
		}
		if i, known := created[id]; known {
			needs[i] = true
		} else if unknown == "" || text < unknown {
			unknown = text // the first by name, whatever the order of a map
		}
	})
	if unknown != "" {
		return scim.InvalidValue("%q is not the bulkId of a POST in this request", unknown)
	}
	for i := range needs {
		op.needs = append(op.needs, i)
	}
	slices.Sort(op.needs)
	return nil
}

// eachText visits the texts in which references may be.
func (op *operation) eachText(visit func(text string)) {
	visit(op.id)
	eachText(op.body, visit)
	for _, change := range op.patch {
		for _, quoted := range quotedReference.FindAllString(change.Path, -1) {
			visit(strings.Trim(quoted, `"`))
		}
		eachText(change.Value, visit)
	}
}

func eachText(v any, visit func(text string)) {
	switch v := v.(type) {
	case string:
		visit(v)
	case []any:
		for _, element := range v {
			eachText(element, visit)
		}
	case map[string]any:
		for _, member := range v {
			eachText(member, visit)
		}
	}
}

// references are the ids for which the references of an operation stand.
type references struct {
	ids  map[string]string // by bulkId
	late []string          // bulkIds of which there is no id yet: they are left out
}

// in replaces a text that is a reference. It is false for one that is left out.
func (r references) in(text string) (string, bool) {
	bulkID, ok := strings.CutPrefix(text, referencePrefix)
	if !ok {
		return text, true
	}
	return r.ids[bulkID], !slices.Contains(r.late, bulkID)
}

func (r references) none() bool { return len(r.ids)+len(r.late) == 0 }

// areIn reports whether a value holds one of the references.
func (r references) areIn(v any) (found bool) {
	eachText(v, func(text string) {
		if bulkID, ok := strings.CutPrefix(text, referencePrefix); ok {
			_, known := r.ids[bulkID]
			found = found || known
		}
	})
	return found
}

func (r references) inObject(body map[string]any) map[string]any {
	if r.none() {
		return body
	}
	value, ok := r.inValue(body)
	if !ok {
		return map[string]any{}
	}
	return value.(map[string]any)
}

// inValue copies a value with ids in place of references. An element or object
// whose value is left out is left out as a whole.
func (r references) inValue(v any) (any, bool) {
	switch v := v.(type) {
	case string:
		return r.in(v)
	case []any:
		list := make([]any, 0, len(v))
		for _, element := range v {
			if element, ok := r.inValue(element); ok {
				list = append(list, element)
			}
		}
		return list, true
	case map[string]any:
		object := make(map[string]any, len(v))
		for name, member := range v {
			value, ok := r.inValue(member)
			if !ok && strings.EqualFold(name, "value") {
				return nil, false
			}
			if ok {
				object[name] = value
			}
		}
		return object, true
	default:
		return v, true
	}
}

func (r references) inPatch(changes []scim.PatchOp) []scim.PatchOp {
	if r.none() {
		return changes
	}
	changes = slices.Clone(changes)
	for i := range changes {
		changes[i].Value, _ = r.inValue(changes[i].Value)
		changes[i].Path = quotedReference.ReplaceAllStringFunc(changes[i].Path, func(quoted string) string {
			id, _ := r.in(strings.Trim(quoted, `"`))
			return `"` + id + `"`
		})
	}
	return changes
}
