package scim

import (
	"slices"
	"strconv"
	"strings"
)

// Version is the number of a resource's state. meta.version is the number
// alone, the ETag the number in quotes (BEHAVIOUR 92, RFC 7644 section 3.14).
type Version int64

// String is the spelling of meta.version.
func (v Version) String() string { return strconv.FormatInt(int64(v), 10) }

// ETag is the strong entity tag of the version.
func (v Version) ETag() string { return `"` + v.String() + `"` }

// Condition is the value of an If-Match or If-None-Match header. The zero
// Condition names nothing.
type Condition struct {
	any  bool
	tags []string
}

// ParseCondition reads a header value: `*`, or a list of entity tags, which may
// be weak or unquoted, as clients send them. Only a blank header names nothing;
// one that is garbled names a version that no resource has.
func ParseCondition(header string) Condition {
	var c Condition
	if strings.TrimSpace(header) == "" {
		return c
	}
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" {
			return Condition{any: true}
		}
		tag = strings.TrimPrefix(strings.TrimPrefix(tag, "W/"), "w/")
		c.tags = append(c.tags, strings.Trim(tag, `"`))
	}
	return c
}

// IsZero reports whether the condition names nothing, as when the header is missing.
func (c Condition) IsZero() bool { return !c.any && len(c.tags) == 0 }

// Matches reports whether the condition names the version. Opaque parts are
// compared: weakness and quotes do not matter.
func (c Condition) Matches(v Version) bool {
	return c.any || slices.Contains(c.tags, v.String())
}

// CheckMatch returns the 412 error unless the condition is empty or names v.
func (c Condition) CheckMatch(v Version) error {
	if c.IsZero() || c.Matches(v) {
		return nil
	}
	return InvalidVersion("If-Match names another version than the current one, %s: read the resource again and repeat the change", v.ETag())
}
