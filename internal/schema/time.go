package schema

import (
	"errors"
	"regexp"
	"time"
)

// TimeLayout is how a dateTime is stored and answered: UTC with milliseconds.
const TimeLayout = "2006-01-02T15:04:05.000Z"

// dateTimes is xsd:dateTime, for years of four digits.
var dateTimes = regexp.MustCompile(`^(\d{4}-\d\d-\d\dT)` +
	`(?:((?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d+)?)|24:00:00(?:\.0+)?)` +
	`(Z|[+-](?:0\d|1[0-3]):[0-5]\d|[+-]14:00)?$`)

var errDateTime = errors.New("a date with time is expected, such as 2026-01-31T08:30:00Z")

// ParseTime reads an xsd:dateTime; one without a zone is read as UTC, 24:00:00
// as the midnight that the day ends with (RFC 7643 section 2.3.5). The result is
// in UTC; what is stored of it are the milliseconds.
func ParseTime(s string) (time.Time, error) {
	parts := dateTimes.FindStringSubmatch(s)
	if parts == nil {
		return time.Time{}, errDateTime
	}
	day, clock, zone := parts[1], parts[2], parts[3]
	var later time.Duration
	if clock == "" {
		clock, later = "00:00:00", 24*time.Hour
	}
	if zone == "" {
		zone = "Z"
	}
	t, err := time.Parse(time.RFC3339Nano, day+clock+zone)
	t = t.Add(later).UTC()
	if err != nil || t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, errDateTime
	}
	return t, nil
}

// withoutColon matches an offset as ISO 8601's basic format has it, which programs in Java
// write that format a time by the letter Z.
var withoutColon = regexp.MustCompile(`^(.*T.*[+-]\d\d)(\d\d)$`)

// Time is ParseTime of what clients write. Unless options are strict, an offset may lack its
// colon.
func (o Options) Time(s string) (time.Time, error) {
	if parts := withoutColon.FindStringSubmatch(s); parts != nil && !o.Strict {
		s = parts[1] + ":" + parts[2]
	}
	return ParseTime(s)
}

// appendTime writes a time of the years to 9999 in TimeLayout, which package time would
// read anew for each of the hundreds of times in a list; RFC3339 it knows.
func appendTime(dst []byte, t time.Time) []byte {
	t = t.UTC()
	dst = t.AppendFormat(dst, time.RFC3339)
	millis := t.Nanosecond() / int(time.Millisecond)
	return append(dst[:len(dst)-1], '.', byte('0'+millis/100), byte('0'+millis/10%10), byte('0'+millis%10), 'Z')
}
