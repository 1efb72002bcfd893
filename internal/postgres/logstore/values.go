package logstore

import (
	"slices"
	"strconv"
	"strings"

	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
)

// How what has no document has changed: clients, tokens, streams and settings. Of secrets
// it is told that they are others, and never what they are.

// Values are attributes with their values, of which the log tells those that differ.
type Values map[string]any

// Since tells by what values differ from those of before.
func (v Values) Since(before Values) (changes []provisioning.Change) {
	for name, value := range v {
		if before[name] == value || before[name] == nil && isUnset(value) {
			continue
		}
		changes = append(changes, provisioning.Change{Attribute: name, Before: known(before[name]), After: known(value)})
	}
	slices.SortFunc(changes, func(a, b provisioning.Change) int {
		return strings.Compare(a.Attribute, b.Attribute)
	})
	return changes
}

// Gone tells the values of what is there no more.
func (v Values) Gone() []provisioning.Change {
	changes := v.Since(nil)
	for i, c := range changes {
		changes[i].Before, changes[i].After = c.After, nil
	}
	return slices.DeleteFunc(changes, func(c provisioning.Change) bool { return c.Before == nil })
}

// isUnset reports whether a value is as good as none.
func isUnset(value any) bool { return value == "" || value == Secret("") }

// known is a value, or nil where it is unset or a secret.
func known(value any) any {
	if _, hidden := value.(Secret); hidden || isUnset(value) {
		return nil
	}
	return value
}

// Secret is what may be compared and not be told.
type Secret string

// Number tells how many there are.
func Number(attribute string, n int) []provisioning.Change {
	return []provisioning.Change{{Attribute: attribute, After: strconv.Itoa(n)}}
}

// OperationOf names an update by the most of what it changes.
func OperationOf(what string, changes []provisioning.Change) provisioning.Operation {
	name := "name"
	switch what {
	case schema.User.Name:
		name = schema.UserName.Name
	case schema.Group.Name:
		name = schema.GroupName.Name
	}
	operation := provisioning.Update
	for _, c := range changes {
		switch {
		case c.Attribute == schema.Active.Name && c.After == true:
			return provisioning.Activate
		case c.Attribute == schema.Active.Name:
			return provisioning.Deactivate
		case c.Attribute == name:
			operation = provisioning.Rename
		}
	}
	return operation
}
