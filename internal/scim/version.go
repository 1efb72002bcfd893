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
	any    bool
	tags   []string
	unless *Condition // this one must not name the version
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

// Unless is the condition of a write that has both headers: c is its If-Match, none
// its If-None-Match (RFC 9110 section 13.2.2).
func (c Condition) Unless(none Condition) Condition {
	if !none.IsZero() {
		c.unless = &none
	}
	return c
}

// IsZero reports whether the condition names nothing, as when the headers are missing.
func (c Condition) IsZero() bool { return !c.any && len(c.tags) == 0 && c.unless == nil }

// Matches reports whether the condition names the version. Opaque parts are
// compared: weakness and quotes do not matter.
func (c Condition) Matches(v Version) bool {
	return c.any || slices.Contains(c.tags, v.String())
}

// CheckMatch returns the 412 error unless a write of the version v may be done.
func (c Condition) CheckMatch(v Version) error {
	switch {
	case c.unless != nil && c.unless.any:
		return InvalidVersion("If-None-Match is *, and the resource exists")
	case c.unless != nil && c.unless.Matches(v):
		return InvalidVersion("If-None-Match names the current version, %s", v.ETag())
	case !c.any && len(c.tags) == 0, c.Matches(v):
		return nil
	}
	return InvalidVersion("If-Match names another version than the current one, %s: read the resource again and repeat the change", v.ETag())
}
