package provisioning

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
)

// State is how provisioning goes, in a word.
type State string

// The states, the best first.
const (
	Working State = "working" // what was asked in the last hour was done
	Silent  State = "silent"  // nothing was asked in the last day
	Partly  State = "partly"  // somebody is refused at present
	Halted  State = "held"    // changes wait for somebody to release them
)

// Activity is what is stored of how provisioning goes in an organisation.
type Activity struct {
	At      time.Time
	Clients []ClientActivity // by name
	// Waiting is how many events wait for delivery, and Dead how many could not be
	// delivered; both are counted up to MostWaiting.
	Waiting, Dead int
}

// MostWaiting is the highest number of events that is counted.
const MostWaiting = 100_000

// ClientActivity is what is stored of one client.
type ClientActivity struct {
	ID       uuid.UUID
	Name     string
	Disabled bool
	// Spans are those of the last 24 hours, added up over all servers, the oldest first.
	Spans []SpanCounts
	// Succeeded is when something was done last; zero where that is not known any more.
	Succeeded time.Time
	// Refusal is the last request that was refused or held; nil where there is none.
	Refusal *RefusedRequest
	// Refused are users whose last request was refused, the latest first, at most
	// MostRefused, and RefusedUsers how many there are, at most MostCounted. HeldUsers are
	// those among Refused whose request was held: nothing of theirs has to be corrected.
	Refused                 []RefusedRequest
	RefusedUsers, HeldUsers int
	Token                   *TokenEnd
	Holds                   int
	// Loops are what the client does again and again, the most often first.
	Loops []Loop
}

// How many refused users are shown of a client, and up to which number they are counted.
const (
	MostRefused = 50
	MostCounted = 1000
)

// RefusedRequest is a request that was refused, and why.
type RefusedRequest struct {
	Entry  uuid.UUID
	Target Target
	Result Result
	Status int
	Error  Error
}

// TokenEnd is the access token that a client used last, of those that are good.
type TokenEnd struct {
	ID                    uuid.UUID
	Issued, Expires, Used time.Time // Used is zero where it never was
}

const (
	// tokenNotice is how long before its end a token is worth a word.
	tokenNotice = 30 * 24 * time.Hour
	// renewedByPrograms is the life up to which tokens are taken to be renewed by
	// programs, as package oauth does.
	renewedByPrograms = 48 * time.Hour
)

// EndsSoon reports whether the token must be renewed within 30 days.
func (t *TokenEnd) EndsSoon(at time.Time) bool {
	return t != nil && t.Expires.Sub(t.Issued) > renewedByPrograms && t.Expires.Sub(at) < tokenNotice
}

// Asked is when the client asked for something last, as far as is known; zero is never.
func (c ClientActivity) Asked() time.Time {
	last := c.Succeeded
	later := func(t time.Time) {
		if t.After(last) {
			last = t
		}
	}
	if n := len(c.Spans); n > 0 {
		later(c.Spans[n-1].Began)
	}
	if c.Refusal != nil {
		later(TimeOf(c.Refusal.Entry))
	}
	if c.Token != nil {
		later(c.Token.Used)
	}
	return last
}

// Status is how provisioning goes in an organisation.
type Status struct {
	Activity
	State    State
	Sentence string // that says it
	Clients  []ClientStatus
	// Hours are the requests of all clients in each of the last 24 hours, the oldest first.
	Hours [24]HourCounts
}

// ClientStatus is how it goes for one client.
type ClientStatus struct {
	ClientActivity
	State     State
	System    System
	Hour, Day Counts // the last
	Hours     [24]HourCounts
}

// HourCounts are the requests of an hour.
type HourCounts struct {
	Began time.Time
	Counts
}

// Status tells how provisioning goes in an organisation. Its figures are some seconds old
// at most, and spans of ten minutes count as a whole.
func (l *Log) Status(ctx context.Context, o org.ID) (Status, error) {
	return l.status(ctx, o, uuid.Nil)
}

// StatusOf is that of one client, which costs the same however many others there are. Of
// one that is not there nothing is known.
func (l *Log) StatusOf(ctx context.Context, o org.ID, client uuid.UUID) (ClientStatus, error) {
	s, err := l.status(ctx, o, client)
	if err != nil || len(s.Clients) == 0 {
		return ClientStatus{}, err
	}
	return s.Clients[0], nil
}

func (l *Log) status(ctx context.Context, o org.ID, client uuid.UUID) (Status, error) {
	a, err := l.store.Activity(ctx, o, client)
	if err != nil {
		return Status{}, fmt.Errorf("read activity: %w", err)
	}
	return Judge(a), nil
}

// Judge tells how provisioning goes by what is stored of it.
func Judge(a Activity) Status {
	s := Status{Activity: a, Hours: hoursUntil(a.At)}
	for _, c := range a.Clients {
		of := judge(c, a.At)
		for i := range s.Hours {
			s.Hours[i].Add(of.Hours[i].Counts)
		}
		s.Clients = append(s.Clients, of)
	}
	s.State = stateOf(s.Clients)
	s.Sentence = s.sentence()
	return s
}

// hoursUntil are the last 24 hours of the clock, the one that is not over among them.
func hoursUntil(at time.Time) (hours [24]HourCounts) {
	last := at.UTC().Truncate(time.Hour)
	for i := range hours {
		hours[i].Began = last.Add(time.Duration(i-len(hours)+1) * time.Hour)
	}
	return hours
}

func judge(c ClientActivity, at time.Time) ClientStatus {
	s := ClientStatus{ClientActivity: c, Hours: hoursUntil(at)}
	for _, span := range c.Spans {
		s.System = cmp.Or(span.System, s.System)
		s.Day.Add(span.Counts)
		if span.Began.Add(CountSpan).After(at.Add(-time.Hour)) {
			s.Hour.Add(span.Counts)
		}
		if i := int(span.Began.Sub(s.Hours[0].Began) / time.Hour); i >= 0 && i < len(s.Hours) && !span.Began.Before(s.Hours[0].Began) {
			s.Hours[i].Add(span.Counts)
		}
	}
	s.System = cmp.Or(s.System, GuessSystem("", c.Name))
	switch {
	case c.Holds > 0:
		s.State = Halted
	case c.RefusedUsers > 0 || s.Hour.Refused+s.Hour.Failed > 0:
		s.State = Partly
	case s.Day.Requests() == 0:
		s.State = Silent
	default:
		s.State = Working
	}
	return s
}

// stateOf is the state of an organisation: the worst of its clients. Silent clients count only
// when all are silent.
func stateOf(clients []ClientStatus) State {
	order := []State{Silent, Working, Partly, Halted}
	worst := 0
	for _, c := range clients {
		worst = max(worst, slices.Index(order, c.State))
	}
	return order[worst]
}

// sentence says how provisioning goes, and what an administrator must do.
func (s Status) sentence() string {
	parts := []string{s.Summary()}
	for _, c := range s.Clients {
		parts = append(parts, c.remarks(s.At)...)
	}
	if s.Dead > 0 {
		parts = append(parts, fmt.Sprintf("%s could not be delivered (purescim events dead).", number(s.Dead, "event")))
	}
	return strings.Join(parts, " ")
}

// Summary is the beginning of the sentence: how provisioning goes.
func (s Status) Summary() string {
	switch s.State {
	case Working:
		return "Provisioning works. " + s.changes()
	case Partly:
		return "Provisioning works in part. " + s.changes()
	case Halted:
		return "Provisioning is held. " + s.changes()
	default:
		return "No request has come in the last 24 hours."
	}
}

// changes tells what the clients have changed in the last hour, and what was refused or held.
func (s Status) changes() string {
	var made []string
	var hour Counts
	for _, c := range s.Clients {
		if hour.Add(c.Hour); c.Hour.Done > 0 {
			made = append(made, fmt.Sprintf("%s made %s", c.name(), number(int(c.Hour.Done), "change")))
		}
	}
	text := "Nothing was changed"
	if len(made) > 0 {
		text = strings.Join(made, ", ")
	}
	text += " in the last hour; "
	switch refused, held := hour.Refused, hour.Held; {
	case refused > 0 && held > 0:
		return fmt.Sprintf("%s%s %s refused, and %d held.", text, number(int(refused), "request"), was(refused), held)
	case held > 0:
		return text + number(int(held), "request") + " " + was(held) + " held."
	case refused > 0:
		return text + number(int(refused), "request") + " " + was(refused) + " refused."
	default:
		return text + "nobody was refused."
	}
}

// Wrong are users whose last request was refused and not merely held, so that something has
// to be corrected. Where they are many, not all are named; word then says that the others may
// have been either.
func (c ClientActivity) Wrong() (named []RefusedRequest, all int, word string) {
	for _, r := range c.Refused {
		if r.Result != Held {
			named = append(named, r)
		}
	}
	word = "refused"
	if c.HeldUsers > 0 && c.RefusedUsers > len(c.Refused) {
		word = "refused or held"
	}
	return named, c.RefusedUsers - c.HeldUsers, word
}

// remarks are what an administrator must know of a client.
func (c ClientStatus) remarks(at time.Time) (remarks []string) {
	if c.Holds > 0 {
		remarks = append(remarks, fmt.Sprintf("Removals by %s are held until somebody releases or rejects them (purescim hold list).", c.name()))
	}
	if wrong, n, word := c.Wrong(); n > 0 {
		text := fmt.Sprintf("%s of %s %s %s at present", atMost(n, MostCounted, "user"), c.name(), is(n), word)
		if len(wrong) > 0 && wrong[0].Error.Detail != "" {
			text += fmt.Sprintf(", the last: %s: %s", wrong[0].Target, wrong[0].Error.Detail)
		}
		remarks = append(remarks, strings.TrimSuffix(text, ".")+".")
	}
	if n := len(c.Loops); n > 0 {
		text := fmt.Sprintf("%s %s", c.name(), c.Loops[0].Sentence())
		if n > 1 {
			text += fmt.Sprintf(" So it goes with %s.", number(n-1, "other resource"))
		}
		remarks = append(remarks, text)
	}
	if c.Token.EndsSoon(at) && !c.Disabled {
		days := int(c.Token.Expires.Sub(at) / (24 * time.Hour))
		remarks = append(remarks, fmt.Sprintf("The token of %s ends in %s, on %s.",
			c.name(), number(days, "day"), c.Token.Expires.Format(time.DateOnly)))
	}
	return remarks
}

// name is what the client is called.
func (c ClientStatus) name() string { return cmp.Or(c.Name, c.ID.String()) }

func was(n int64) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

func is(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// number is a number of things.
func number(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}

// atMost is a number that was counted up to a bound.
func atMost(n, most int, of string) string {
	if n >= most {
		return fmt.Sprintf("%d or more %ss", most, of)
	}
	return number(n, of)
}
