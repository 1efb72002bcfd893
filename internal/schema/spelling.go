package schema

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// The functions of this file are the spellings of single values that clients
// use beside the schema's own, one function a case.

// workEmail reads a bare address, as Saviynt sends it, as the work address.
func workEmail(value any) any {
	if s, ok := value.(string); ok {
		return map[string]any{"value": s, "type": "work"}
	}
	return value
}

// roleName reads a bare role name, and Entra's JSON document in a string, which
// stands where the name or where the whole role is expected.
func roleName(value any) any {
	switch v := value.(type) {
	case string:
		return map[string]any{"value": roleInString(v)}
	case map[string]any:
		if s, ok := v["value"].(string); ok {
			v["value"] = roleInString(s)
		}
	}
	return value
}

func roleInString(s string) string {
	if !strings.HasPrefix(strings.TrimSpace(s), "{") {
		return s
	}
	var role struct {
		Value       string `json:"value"`
		DisplayName string `json:"displayName"`
	}
	if json.Unmarshal([]byte(s), &role) != nil || role.Value == "" {
		return s
	}
	return role.Value
}

// managerID reads the manager's id as a bare string and in an array of one, as
// Entra sends it.
func managerID(value any) any {
	if list, ok := value.([]any); ok && len(list) == 1 {
		value = list[0]
	}
	if s, ok := value.(string); ok {
		return map[string]any{"value": s}
	}
	return value
}

// skillName reads a bare name of a skill or language.
func skillName(value any) any {
	if s, ok := value.(string); ok {
		return map[string]any{"name": s}
	}
	return value
}

// date accepts any ISO 8601 date or date with time and keeps the date.
func date(value string, _ Options) (string, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "20060102"} {
		if t, err := time.Parse(layout, value); err == nil {
			return t.Format(time.DateOnly), nil
		}
	}
	return "", fmt.Errorf("%q is not a date; YYYY-MM-DD is expected", value)
}
