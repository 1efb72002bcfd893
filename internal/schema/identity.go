package schema

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/purescim/purescim/internal/scim"
)

// What tells one value of a multi-valued attribute from another is its identity: the
// sub-attributes that the declaration names (Attribute.Identity), such as the name of a
// skill, else `value`, `type` and what is required (RFC 7643 section 2.4). No two values of
// an attribute have the same. Values without any identity, such as addresses, are one only
// where they are equal, whatever their `primary`.

// identify finds the identity of an attribute that declares none.
func (a *Attribute) identify() {
	if !a.MultiValued || a.Kind != Complex || a.Identity != nil || a.sub.find("value") == nil {
		return
	}
	for _, sub := range a.Sub {
		if sub.Required || sub.Name == "value" || sub.Name == "type" {
			a.Identity = append(a.Identity, sub.Name)
		}
	}
}

// IsSame reports whether two values of a multi-valued attribute have the same identity.
func (a *Attribute) IsSame(v, w any) bool {
	x, isObject := v.(map[string]any)
	y, both := w.(map[string]any)
	if !isObject || !both {
		return a.EqualSimple(v, w)
	}
	if !a.identified(x) {
		return a.equalElements(x, y)
	}
	for _, name := range a.Identity {
		if !a.sub[name].EqualSimple(x[name], y[name]) {
			return false
		}
	}
	return true
}

// identified reports whether an element has an identity: more than a type.
func (a *Attribute) identified(element map[string]any) bool {
	return slices.ContainsFunc(a.Identity, func(name string) bool { return name != "type" && element[name] != nil })
}

// equalElements compares all sub-attributes but primary.
func (a *Attribute) equalElements(x, y map[string]any) bool {
	for _, sub := range a.Sub {
		if sub.Name != "primary" && !sub.EqualSimple(x[sub.Name], y[sub.Name]) {
			return false
		}
	}
	return true
}

// EqualSimple compares two simple values of the attribute, texts as its case rule says.
func (a *Attribute) EqualSimple(v, w any) bool {
	s, ok := v.(string)
	t, both := w.(string)
	if ok && both {
		return s == t || a.Fold(s) == a.Fold(t)
	}
	return v == w
}

// Unite makes one value of those that have the same identity: the first, with what only
// the others say; it is primary if one of them is. Two that say different things are
// invalidValue, which shows both. It may change the list and its elements.
func (a *Attribute) Unite(list []any) ([]any, error) { return a.unite(list, a.conflict) }

// UniteStored is Unite for values that were stored by a release that knew no identities:
// of two that say different things the first is kept.
func (a *Attribute) UniteStored(list []any) []any {
	list, _ = a.unite(list, func(_, _ map[string]any) error { return nil })
	return list
}

func (a *Attribute) unite(list []any, conflict func(x, y map[string]any) error) ([]any, error) {
	kept := list[:0]
	find := a.finder(len(list))
	for _, v := range list {
		i := find(kept, v)
		if i < 0 {
			kept = append(kept, v)
			continue
		}
		x, ok := kept[i].(map[string]any)
		if !ok {
			continue
		}
		y, _ := v.(map[string]any)
		if !a.complete(x, y) {
			if err := conflict(x, y); err != nil {
				return nil, err
			}
		}
	}
	clear(list[len(kept):])
	return kept, nil
}

// finder gives a function that finds a value among those that are kept so far, or -1. Few
// are compared with each other, many by a text of their own, so that a list may be as long
// as a body.
func (a *Attribute) finder(n int) func(kept []any, v any) int {
	const few = 8
	if n <= few {
		return func(kept []any, v any) int {
			return slices.IndexFunc(kept, func(w any) bool { return a.IsSame(v, w) })
		}
	}
	at := make(map[string]int, n)
	return func(kept []any, v any) int {
		key := a.identityOf(v)
		i, there := at[key]
		if !there {
			at[key] = len(kept)
			return -1
		}
		return i
	}
}

// identityOf gives a text that two values share exactly when IsSame holds.
func (a *Attribute) identityOf(v any) string {
	element, ok := v.(map[string]any)
	if !ok {
		return scim.ValueKey(a.folded(v))
	}
	byName := a.identified(element)
	parts := map[string]any{"": byName}
	for _, sub := range a.Sub {
		if byName && slices.Contains(a.Identity, sub.Name) || !byName && sub.Name != "primary" {
			parts[sub.Name] = sub.folded(element[sub.Name])
		}
	}
	return scim.ValueKey(parts)
}

func (a *Attribute) folded(v any) any {
	if text, ok := v.(string); ok {
		return a.Fold(text)
	}
	return v
}

// complete gives an element what only another of the same identity says; ok is false where
// both say different things.
func (a *Attribute) complete(x, y map[string]any) (ok bool) {
	for _, sub := range a.Sub {
		switch v, w := x[sub.Name], y[sub.Name]; {
		case w == nil:
		case sub.Name == "primary":
			if w == true {
				x[sub.Name] = true
			}
		case v == nil:
			x[sub.Name] = w
		case !sub.EqualSimple(v, w):
			return false
		}
	}
	return true
}

func (a *Attribute) conflict(x, y map[string]any) error {
	return scim.InvalidValue("%s: two values have the same %s and differ, %s and %s; each may be there once",
		a, strings.Join(a.Identity, " and "), a.shown(x), a.shown(y))
}

// shown gives an element as JSON, of the length that an error's text has room for.
func (a *Attribute) shown(element map[string]any) string {
	const most = 200
	text, _ := json.Marshal(element)
	if len(text) <= most {
		return string(text)
	}
	return strings.ToValidUTF8(string(text[:most]), "") + "..."
}
