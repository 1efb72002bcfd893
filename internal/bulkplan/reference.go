package bulkplan

import (
	"regexp"
	"slices"
	"strings"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// ReferencePrefix begins a text that stands for the id of what another operation
// of the request creates (RFC 7644 section 3.7.2).
const ReferencePrefix = "bulkId:"

// quotedReference is a reference inside the filter of a PATCH path.
var quotedReference = regexp.MustCompile(`"` + ReferencePrefix + `[^"\\]+"`)

// FindNeeds sets Needs. created tells which operation is the POST that has a bulkId;
// a reference to none of them is invalidValue.
func (op *Operation) FindNeeds(created map[string]int) error {
	needs, unknown := make(map[int]bool), ""
	op.eachText(func(text string) {
		id, ok := strings.CutPrefix(text, ReferencePrefix)
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
		op.Needs = append(op.Needs, i)
	}
	slices.Sort(op.Needs)
	return nil
}

// eachText visits the texts in which references may be.
func (op *Operation) eachText(visit func(text string)) {
	visit(op.ID)
	eachText(op.Body, visit)
	for _, change := range op.Patch {
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

// References are the ids for which the references of an operation stand.
type References struct {
	IDs  map[string]string // by bulkId
	Late []string          // bulkIds of which there is no id yet: they are left out
}

// In replaces a text that is a reference. It is false for one that is left out.
func (r References) In(text string) (string, bool) {
	bulkID, ok := strings.CutPrefix(text, ReferencePrefix)
	if !ok {
		return text, true
	}
	return r.IDs[bulkID], !slices.Contains(r.Late, bulkID)
}

func (r References) none() bool { return len(r.IDs)+len(r.Late) == 0 }

// areIn reports whether a value holds one of the references.
func (r References) areIn(v any) (found bool) {
	eachText(v, func(text string) {
		if bulkID, ok := strings.CutPrefix(text, ReferencePrefix); ok {
			_, known := r.IDs[bulkID]
			found = found || known
		}
	})
	return found
}

// InObject replaces the references in a body, which stays as it is.
func (r References) InObject(body map[string]any) map[string]any {
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
func (r References) inValue(v any) (any, bool) {
	switch v := v.(type) {
	case string:
		return r.In(v)
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
			if !ok && (strings.EqualFold(name, "value") || strings.EqualFold(name, "$ref")) {
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

// InPatch replaces the references in values and in the filters of paths; the
// operations stay as they are.
func (r References) InPatch(changes []scim.PatchOp) []scim.PatchOp {
	if r.none() {
		return changes
	}
	changes = slices.Clone(changes)
	for i := range changes {
		changes[i].Value, _ = r.inValue(changes[i].Value)
		changes[i].Path = quotedReference.ReplaceAllStringFunc(changes[i].Path, func(quoted string) string {
			id, _ := r.In(strings.Trim(quoted, `"`))
			return `"` + id + `"`
		})
	}
	return changes
}

// Referring is the part of a body that holds references: whole attributes, those
// of extensions under their URN.
func (r References) Referring(t *schema.Type, body map[string]any) map[string]any {
	part := make(map[string]any)
	for name, value := range body {
		if !r.areIn(value) {
			continue
		}
		if extension, ok := value.(map[string]any); ok && t.Schema(name) != nil {
			value = r.Referring(t, extension)
		}
		part[name] = value
	}
	return part
}
