package provisioning

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/purescim/purescim/internal/scim"
)

// Sent is what a request asked for and what was kept of the resource then.
type Sent struct {
	Operations []scim.PatchOp
	Kept       []byte // the document
}

// Sending notes what the request of the context asked for, in case it changes nothing and is
// one of a loop.
func Sending(ctx context.Context, operations []scim.PatchOp, kept []byte) {
	if o, ok := ctx.Value(originKey{}).(*Origin); ok && !o.Changed {
		o.Sent = Sent{operations, kept}
	}
}

const (
	// mostSpellings is of how many attributes a loop tells, and mostSpelled how long the
	// text of a value may be.
	mostSpellings, mostSpelled = 5, 100
	// mostLeaves is how many values of a request are looked at.
	mostLeaves = 200
)

// spellings tells which attributes were sent otherwise than they are kept; where all are
// the same, their names alone.
func spellings(s Sent) []Spelling {
	doc := map[string]any{}
	if json.Unmarshal(s.Kept, &doc) != nil {
		return nil
	}
	var sent, names []Spelling
	for _, op := range s.Operations {
		for attribute, value := range namedValues(op) {
			if IsSecret(attribute) || isKept(attribute) && attribute != "members" {
				continue
			}
			names = append(names, Spelling{Attribute: attribute})
			if attribute != "members" && !strings.HasPrefix(attribute, "members[") {
				sent = append(sent, differences(attribute, value, doc)...)
			}
		}
	}
	if len(sent) == 0 {
		sent = names
	}
	slices.SortStableFunc(sent, func(a, b Spelling) int { return strings.Compare(a.Attribute, b.Attribute) })
	sent = slices.Compact(sent)
	return sent[:min(len(sent), mostSpellings)]
}

// namedValues are the values of an operation by their attributes.
func namedValues(op scim.PatchOp) map[string]any {
	if op.Path != "" {
		return map[string]any{op.Path: op.Value}
	}
	object, _ := op.Value.(map[string]any)
	all := make(map[string]any, len(object))
	for name, value := range object {
		if inner, ok := value.(map[string]any); ok && strings.HasPrefix(strings.ToLower(name), "urn:") {
			for attribute, value := range inner {
				all[name+":"+attribute] = value
			}
			continue
		}
		all[name] = value
	}
	return all
}

// differences are the values of an attribute that were sent and are not kept as they are.
func differences(attribute string, value any, doc map[string]any) (all []Spelling) {
	kept := leavesOf("", keptOf(doc, attribute), nil)
	for _, one := range leavesOf("", value, nil) {
		if one.value == "" || IsSecret(one.name) || one.name == "$ref" || one.name == "type" || one.name == "primary" {
			continue
		}
		same := func(k leaf) bool { return k.value == one.value }
		if slices.ContainsFunc(kept, same) {
			continue
		}
		found := []string{}
		for _, k := range kept {
			if k.name == one.name || one.name == "" && k.name == "value" {
				found = append(found, k.value)
			}
		}
		named := attribute
		if one.name != "" && one.name != "value" {
			named += "." + one.name
		}
		all = append(all, Spelling{Attribute: named, Sent: cut(one.value), Kept: cut(strings.Join(found, ", "))})
	}
	return all
}

// keptOf is what a document holds of an attribute, which is spelled as a client does.
func keptOf(doc map[string]any, attribute string) any {
	object := doc
	if i := strings.LastIndexByte(attribute, ':'); i >= 0 && strings.HasPrefix(strings.ToLower(attribute), "urn:") {
		inner, _ := memberOf(doc, attribute[:i]).(map[string]any)
		if inner != nil {
			object = inner
		}
		attribute = attribute[i+1:]
	}
	head, rest, _ := strings.Cut(attribute, "[")
	head, below, _ := strings.Cut(head, ".")
	value := memberOf(object, head)
	if inner, ok := value.(map[string]any); ok && below != "" && rest == "" {
		return memberOf(inner, below)
	}
	return value
}

// memberOf is the member of an object with a name in any case.
func memberOf(object map[string]any, name string) any {
	for key, value := range object {
		if strings.EqualFold(key, name) {
			return value
		}
	}
	return nil
}

// leaf is a single value, and the name of the sub-attribute that it is of.
type leaf struct{ name, value string }

func leavesOf(name string, value any, all []leaf) []leaf {
	switch v := value.(type) {
	case nil:
	case map[string]any:
		for _, sub := range slices.Sorted(maps.Keys(v)) {
			all = leavesOf(sub, v[sub], all)
		}
	case []any:
		for _, element := range v {
			if len(all) < mostLeaves {
				all = leavesOf(name, element, all)
			}
		}
	default:
		all = append(all, leaf{name, textOf(v)})
	}
	return all
}

// textOf writes a value for people, without what may be a secret.
func textOf(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return cut(CleanText(v))
	case bool, float64, int64, json.Number:
		return fmt.Sprint(v)
	default:
		text, _ := json.Marshal(v) // values of documents can always be written
		return cut(CleanText(string(text)))
	}
}

func cut(text string) string {
	if runes := []rune(text); len(runes) > mostSpelled {
		return string(runes[:mostSpelled-1]) + "…"
	}
	return text
}
