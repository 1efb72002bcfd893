package schema

import (
	"slices"
	"strings"
)

// A mirror is a value of type other that repeats another attribute: Genesys Cloud shows
// the userName as an e-mail address. It is part of answers and filters and never of
// writes (BEHAVIOUR 29). It is stored among the values, so that reads and filters need
// not make it, and taken out of them before a change is made.

const mirrorType = "other"

// IsMirror reports whether a value of the attribute repeats one of the texts as a
// mirror does, whatever else is said in it.
func (a *Attribute) IsMirror(value any, texts ...string) bool {
	element, _ := value.(map[string]any)
	return len(texts) > 0 && mayMirror(element) && a.repeats(element, texts)
}

func mayMirror(element map[string]any) bool {
	kind, _ := element["type"].(string)
	return strings.EqualFold(kind, mirrorType)
}

func (a *Attribute) repeats(element map[string]any, texts []string) bool {
	text, _ := element["value"].(string)
	return text != "" && slices.ContainsFunc(texts, func(of string) bool {
		return text == of || a.SubAttribute("value").Fold(text) == a.SubAttribute("value").Fold(of)
	})
}

// WithoutMirrors gives the values that are no mirrors of the texts. It does not change
// the list.
func (a *Attribute) WithoutMirrors(list []any, texts ...string) []any {
	isMirror := func(value any) bool { return a.IsMirror(value, texts...) }
	if !slices.ContainsFunc(list, isMirror) {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), isMirror)
}

// WithMirror gives values that are no mirrors with that of a text, if it is an address
// and none of the values has it. It is primary when there are no others. It does not
// change the list.
func (a *Attribute) WithMirror(list []any, of string) []any {
	there := func(value any) bool {
		element, _ := value.(map[string]any)
		return a.repeats(element, []string{of})
	}
	if !strings.Contains(of, "@") || slices.ContainsFunc(list, there) {
		return list
	}
	mirror := map[string]any{"value": of, "type": mirrorType}
	if len(list) == 0 {
		mirror["primary"] = true
	}
	return append(slices.Clip(list), mirror)
}
