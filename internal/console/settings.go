package console

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/phone"
	"github.com/purescim/purescim/internal/scim"
)

// settings are those of an organisation.
type settings struct {
	org.Settings
	Tolerable []tolerable
	Problem   string
	Issuers   int
	Stream    streamState
	Tenant    string
	Brakes    []brake
	TokenURL  string
}

// brake is a bound of what a connection may remove within an hour, as a form has it.
type brake struct {
	Name, Words, All string
	*org.Brake
}

func brakesOf(s *org.Settings) []brake {
	return []brake{
		{"users", "People that a connection may deactivate or delete", "of the active people", &s.UserBrake},
		{"members", "Members that a connection may remove from a group", "of its members", &s.MemberBrake},
	}
}

type tolerable struct {
	Name string
	On   bool
}

func showSettings(v *visit) error { return v.showSettings(http.StatusOK, v.org.Settings, "") }

func (v *visit) showSettings(status int, s org.Settings, problem string) error {
	shown := settings{Settings: s, Problem: problem, Tenant: v.base() + "/api/v2/scim/v2", TokenURL: v.base() + "/oauth/token"}
	shown.Brakes = brakesOf(&shown.Settings)
	for _, name := range directory.TolerableAttributes() {
		shown.Tolerable = append(shown.Tolerable, tolerable{name, slices.Contains(s.Tolerate, name)})
	}
	issuers, err := v.OAuth.Issuers(v.r.Context(), v.org.ID)
	if err != nil {
		return err
	}
	shown.Issuers = len(issuers)
	if shown.Stream, err = v.readStream(); err != nil {
		return err
	}
	return v.showStatus(status, "settings", "settings", "Settings", shown)
}

// askSettings asks about what is deleted because it is kept for fewer days.
func askSettings(v *visit) (q question, err error) {
	now, next := v.org.Settings, v.org.Settings
	if v.readSettings(&next) != nil {
		return q, nil //nolint:nilerr // changeSettings tells
	}
	for _, kept := range []struct {
		now, next int
		what      string
	}{
		{now.ChangeLogDays, next.ChangeLogDays, "changes in the log, which can then no longer be taken back,"},
		{now.RefusalLogDays, next.RefusalLogDays, "refusals in the log"},
		{now.DeletedUserDays, next.DeletedUserDays, "deleted people, who can then no longer come back,"},
	} {
		if kept.next < kept.now {
			q.Text = append(q.Text, "All "+kept.what+" older than "+plural(kept.next, "day")+" are removed, for good.")
		}
	}
	if len(q.Text) > 0 {
		q.Heading, q.Yes, q.Danger, q.Place, q.Back = "Keep less?", "Keep less", true, "settings", v.home("/settings")
	}
	return q, nil
}

func changeSettings(v *visit) error {
	o := v.org
	err := v.readSettings(&o.Settings)
	if detail, status, told := statusOf(err); told {
		return v.showSettings(status, o.Settings, detail+" Nothing was changed.")
	}
	if err == nil {
		err = v.Organisations.SetOrg(v.r.Context(), o)
	}
	if err != nil {
		return err
	}
	return v.to(v.home("/settings?done=settings"))
}

// The bounds of what a form may ask for.
const (
	maxLogDays = 3660 // ten years
	maxNumber  = 1_000_000
)

// number is a setting that a form has as one, with its bounds.
type number struct {
	to          *int
	name, words string
	least, most int
}

func (v *visit) readNumber(n number) error {
	value, err := strconv.Atoi(v.field(n.name))
	if err != nil || value < n.least || value > n.most {
		return scim.InvalidValue("%q is not a number of %s; one from %d to %d is expected", v.field(n.name), n.words, n.least, n.most)
	}
	*n.to = value
	return nil
}

// readSettings takes the settings out of the form. A box that is not ticked is not sent.
func (v *visit) readSettings(s *org.Settings) error {
	if s.DefaultRegion = v.field("region"); !phone.ValidRegion(s.DefaultRegion) {
		return scim.InvalidValue("the region %q is not a country; two capital letters such as US or DE are expected", s.DefaultRegion)
	}
	numbers := []number{
		{&s.RemovalLimit, "removal", "members that one request may remove", 1, maxNumber},
		{&s.RateLimit, "rate", "requests a minute", 0, maxNumber},
		{&s.ChangeLogDays, "changes", "days that changes are kept", 1, maxLogDays},
		{&s.RefusalLogDays, "refusals", "days that refusals are kept", 1, maxLogDays},
		{&s.LoopLimit, "loops", "times a day that a loop is told from", 0, org.MaxLoopLimit},
		{&s.DeletedUserDays, "deleted", "days that deleted people may come back", 1, maxLogDays},
	}
	for _, b := range brakesOf(s) {
		numbers = append(numbers,
			number{&b.Percent, b.Name + "-percent", "percent " + b.All, 0, 100},
			number{&b.Least, b.Name + "-least", "what may be removed in any case", 0, maxNumber})
	}
	for _, n := range numbers {
		if err := v.readNumber(n); err != nil {
			return err
		}
	}
	s.Strict, s.GroupLifecycle = v.field("strict") == "on", v.field("lifecycle") == "on"
	s.AnnounceRoles, s.HidePagination = v.field("roles") == "on", v.field("pagination") != "on"
	s.Tolerate = []string{}
	for _, name := range directory.TolerableAttributes() {
		if slices.Contains(v.r.PostForm["tolerate"], name) {
			s.Tolerate = append(s.Tolerate, name)
		}
	}
	slices.Sort(s.Tolerate)
	return nil
}
