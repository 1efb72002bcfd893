package scimtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
)

// Scenario is the recorded conversation of one client with a server: what it
// sends, step after step, and what it must be answered to go on. It starts in
// an organisation that has no users and no groups.
type Scenario struct {
	// File names the data file, such as "entra/01-test-connection.json".
	File string `json:"-"`

	Name       string `json:"name"`
	Client     string `json:"client"`
	Source     string `json:"source"`
	Confidence string `json:"confidence"` // sure, likely or guess
	Note       string `json:"note"`
	Setup      []Step `json:"setup"`
	Steps      []Step `json:"steps"`
}

// Step is one request with its expectations, or one of the five things that a
// scenario needs and SCIM may have no request for.
type Step struct {
	Name    string            `json:"name"`
	Note    string            `json:"note"`
	Request *Request          `json:"request"`
	Expect  Expect            `json:"expect"`
	Save    map[string]string `json:"save"` // variable to JSON path in the answer

	CreateGroup *CreateGroup `json:"createGroup"`
	CreateUsers *CreateUsers `json:"createUsers"`
	AddMembers  *AddMembers  `json:"addMembers"`
	EnsureRoles []string     `json:"ensureRoles"`

	EnsureDivisions []string `json:"ensureDivisions"`
}

// Request says what goes over the wire. At most one of Body, RawBody and
// RawBodyRepeat is set. {{variables}} stand for saved values in all of them
// but RawBodyRepeat.
type Request struct {
	Method        string            `json:"method"`
	Mount         *string           `json:"mount"` // DefaultMount when missing; "" is the server's root
	Path          string            `json:"path"`
	Query         map[string]string `json:"query"`    // not yet URL-encoded
	RawQuery      *string           `json:"rawQuery"` // literal; "" is a bare ?
	Headers       map[string]string `json:"headers"`
	Auth          Auth              `json:"auth"`
	Body          json.RawMessage   `json:"body"`
	RawBody       *string           `json:"rawBody"`
	RawBodyRepeat *Repeat           `json:"rawBodyRepeat"`
}

// Auth is how a request authenticates.
type Auth string

const (
	// AuthToken is the default: the valid bearer token, whatever Headers say.
	AuthToken Auth = ""
	// AuthNone adds nothing; an Authorization header of the step goes out.
	AuthNone Auth = "none"
	// AuthBad is a bearer token that no server has issued.
	AuthBad Auth = "bad"
	// AuthBasic is HTTP Basic with a made-up name and password.
	AuthBasic Auth = "basic"
)

// Repeat builds a long body: Prefix, Count times Unit, Suffix.
type Repeat struct {
	Prefix string `json:"prefix"`
	Unit   string `json:"unit"`
	Count  int    `json:"count"`
	Suffix string `json:"suffix"`
}

// Expect is what the answer must be. Body is keyed by JSON path and is not
// looked at when the status is 204.
type Expect struct {
	Status  Statuses                   `json:"status"`
	Headers map[string]string          `json:"headers"`
	Body    map[string]json.RawMessage `json:"body"`
}

// Statuses are the allowed status codes; in JSON a number or a list.
type Statuses []int

// UnmarshalJSON implements json.Unmarshaler.
func (s *Statuses) UnmarshalJSON(text []byte) error {
	var one int
	if err := json.Unmarshal(text, &one); err == nil {
		*s = Statuses{one}
		return nil
	}
	return json.Unmarshal(text, (*[]int)(s))
}

// CreateGroup makes an empty group and saves its id.
type CreateGroup struct {
	DisplayName string `json:"displayName"`
	SaveAs      string `json:"saveAs"` // "groupId" when empty
}

// CreateUsers makes Count active users whose userName, and e-mail address, is
// the template with {{n}} counting from 1, and saves the list of their ids.
type CreateUsers struct {
	Count            int    `json:"count"`
	UserNameTemplate string `json:"userNameTemplate"`
	SaveAs           string `json:"saveAs"`
}

// AddMembers adds users to a group by id. Users is a list of ids or the
// variable of a saved list, such as "{{bulk}}".
type AddMembers struct {
	Group string          `json:"group"`
	Users json.RawMessage `json:"users"`
}

// LoadScenarios returns all recorded scenarios, in the order of their file
// names.
func LoadScenarios(t testing.TB) []Scenario {
	t.Helper()
	names, err := fs.Glob(testdata, "testdata/fixtures/*/*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no scenarios found: %v", err)
	}
	scenarios := make([]Scenario, 0, len(names))
	for _, name := range names {
		name = strings.TrimPrefix(name, "testdata/")
		var scenario Scenario
		if err := decodeStrict(name, &scenario); err != nil {
			t.Fatal(err)
		}
		scenario.File = strings.TrimPrefix(name, "fixtures/")
		if err := scenario.check(); err != nil {
			t.Fatalf("%s: %v", scenario.File, err)
		}
		scenarios = append(scenarios, scenario)
	}
	return scenarios
}

// check refuses a scenario that would pass without proving anything.
func (s Scenario) check() error {
	if s.Name == "" || len(s.Steps) == 0 {
		return errors.New("a scenario needs a name and steps")
	}
	for _, step := range slices.Concat(s.Setup, s.Steps) {
		if step.Request == nil && !step.prepares() {
			return fmt.Errorf("step %q does nothing", step.Name)
		}
		if step.Request != nil && len(step.Expect.Status) == 0 {
			return fmt.Errorf("step %q expects no status", step.Name)
		}
	}
	if !slices.ContainsFunc(s.Steps, func(step Step) bool { return step.Request != nil }) {
		return errors.New("a scenario needs a request")
	}
	return nil
}

// prepares reports whether a step does what SCIM may have no request for.
func (s Step) prepares() bool {
	return s.CreateGroup != nil || s.CreateUsers != nil || s.AddMembers != nil || s.EnsureRoles != nil || s.EnsureDivisions != nil
}
