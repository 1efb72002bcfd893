package scimapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/scim"
)

const (
	dryRunHandling  = "dry-run"
	dryRunParameter = "dryRun"
	// dryRunURN is where the answer to a dry run holds the difference, and dryRunHeader
	// where one without a body does.
	dryRunURN    = "urn:purescim:params:scim:api:messages:2.0:DryRun"
	dryRunHeader = "Dry-Run-Difference"
	// maxDifferenceHeader is how many bytes the header may have; a longer difference is
	// only counted.
	maxDifferenceHeader = 4 << 10
)

// asksDryRun reports whether a request to write wants to see what it does, and nothing of
// it to stay. Whoever spells that wrongly must not be taken to want it done.
func asksDryRun(r *http.Request) (bool, error) {
	preferred := len(r.Header["Prefer"]) > 0 && readPreferences(r.Header).dryRun
	if r.URL.RawQuery == "" {
		return preferred, nil
	}
	q, err := readQuery(r)
	if err != nil || !q.has(dryRunParameter) {
		return preferred, err
	}
	switch value := q.first(dryRunParameter); strings.ToLower(value) {
	case "true":
		return true, nil
	case "false":
		return preferred, nil
	default:
		httpapi.DryRun(r.Context()) // meant to be one, so that its refusal is not told
		return false, scim.InvalidValue("%s is %q; true or false is expected", dryRunParameter, value)
	}
}

// triable is a handler of writes that may be dry runs.
func triable(handle func(s resources, w http.ResponseWriter, r *http.Request) error) func(s resources, w http.ResponseWriter, r *http.Request) error {
	return func(s resources, w http.ResponseWriter, r *http.Request) error {
		dry, err := asksDryRun(r)
		if err != nil {
			return err
		}
		if dry {
			tryOnly(w, r)
			s.attempt = &provisioning.Attempt{DryRun: true}
			r = r.WithContext(provisioning.WithAttempt(r.Context(), s.attempt))
		}
		return handle(s, w, r)
	}
}

// tryOnly notes that nothing of a request may stay, and says so in the answer.
func tryOnly(w http.ResponseWriter, r *http.Request) {
	httpapi.DryRun(r.Context())
	w.Header().Set("Preference-Applied", "handling="+dryRunHandling)
}

// difference is what a write would have changed. The first of the changes is that of the
// resource, as a rule; others are what it brings with it.
type difference struct {
	Total   int               `json:"total"`
	Changes []resourceChanges `json:"changes,omitempty"`
}

type resourceChanges struct {
	Operation  provisioning.Operation  `json:"operation"`
	Type       provisioning.TargetType `json:"resourceType"`
	ID         uuid.UUID               `json:"id"`
	Attributes []provisioning.Change   `json:"attributes,omitempty"`
	Added      []uuid.UUID             `json:"membersAdded,omitempty"`
	Removed    []uuid.UUID             `json:"membersRemoved,omitempty"`
	Warnings   []string                `json:"warnings,omitempty"`
}

func differenceOf(a *provisioning.Attempt) difference {
	d := difference{Total: a.Total}
	for _, e := range a.Entries {
		d.Changes = append(d.Changes, resourceChanges{
			Operation: e.Operation, Type: e.Target.Type, ID: e.Target.ID, Attributes: e.Changes,
			Added: e.Members.Added, Removed: e.Members.Removed, Warnings: e.Warnings,
		})
	}
	return d
}

// appendDifference adds the difference to an answer, which ends with its object.
func (s resources) appendDifference(text []byte) ([]byte, error) {
	if s.attempt == nil {
		return text, nil
	}
	value, err := json.Marshal(differenceOf(s.attempt))
	if err != nil {
		return text, err
	}
	text = append(bytes.TrimSuffix(text, []byte("}")), `,"`+dryRunURN+`":`...)
	return append(append(text, value...), '}'), nil
}

// tellDifference adds the difference to the header of an answer without a body.
func (s resources) tellDifference(w http.ResponseWriter) {
	if s.attempt == nil {
		return
	}
	value, err := json.Marshal(differenceOf(s.attempt))
	text := inASCII(value)
	if err != nil || len(text) > maxDifferenceHeader {
		value, _ = json.Marshal(difference{Total: s.attempt.Total}) // a number can always be written
		text = string(value)
	}
	w.Header().Set(dryRunHeader, text)
}

// inASCII writes JSON with escapes for what is not ASCII, as headers have it.
func inASCII(value []byte) string {
	text := make([]byte, 0, len(value))
	for _, r := range string(value) {
		if r < utf8.RuneSelf {
			text = append(text, byte(r))
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			text = fmt.Appendf(text, `\u%04x`, unit)
		}
	}
	return string(text)
}
