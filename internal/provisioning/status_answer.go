package provisioning

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// statusAnswer is a Status as programs read it.
type statusAnswer struct {
	State         State          `json:"state"`
	Sentence      string         `json:"sentence"`
	Time          string         `json:"time"`
	Clients       []clientAnswer `json:"clients"`
	Hours         []hourAnswer   `json:"hours"`
	EventsWaiting int            `json:"eventsWaiting"`
	EventsDead    int            `json:"eventsDead"`
}

type clientAnswer struct {
	ID          uuid.UUID      `json:"id"`
	Name        string         `json:"name"`
	Disabled    bool           `json:"disabled"`
	System      System         `json:"identitySystem,omitempty"`
	State       State          `json:"state"`
	LastSuccess string         `json:"lastSuccess,omitempty"`
	LastRefusal *refusalAnswer `json:"lastRefusal,omitempty"`
	LastHour    countsAnswer   `json:"lastHour"`
	LastDay     countsAnswer   `json:"lastDay"`
	Refused     refusedAnswer  `json:"refusedUsers"`
	Token       *tokenAnswer   `json:"token,omitempty"`
	Holds       int            `json:"holds"`
	Loops       []loopAnswer   `json:"loops"`
	Hours       []hourAnswer   `json:"hours"`
}

type countsAnswer struct {
	Requests int64 `json:"requests"`
	Counts
}

type hourAnswer struct {
	Hour string `json:"hour"`
	countsAnswer
}

type refusedAnswer struct {
	Total int             `json:"total"`
	Users []refusalAnswer `json:"users"`
}

type refusalAnswer struct {
	Entry  uuid.UUID    `json:"entry"`
	Time   string       `json:"time"`
	Result Result       `json:"result"`
	Target targetAnswer `json:"target"`
	Status int          `json:"status,omitempty"`
	Error  *Error       `json:"error,omitempty"`
}

type loopAnswer struct {
	Kind      LoopKind     `json:"kind"`
	Target    targetAnswer `json:"target"`
	Count     int64        `json:"count"`
	Last      string       `json:"dateLast"`
	Sentence  string       `json:"sentence"`
	Spellings []Spelling   `json:"spellings"`
}

type tokenAnswer struct {
	ID       uuid.UUID `json:"id"`
	Issued   string    `json:"dateIssued"`
	Expires  string    `json:"dateExpires"`
	Used     string    `json:"dateLastUsed,omitempty"`
	EndsSoon bool      `json:"endsSoon"`
}

// MarshalJSON writes the status for programs.
func (s Status) MarshalJSON() ([]byte, error) {
	a := statusAnswer{
		State: s.State, Sentence: s.Sentence, Time: timeText(s.At), Clients: []clientAnswer{}, Hours: answerHours(s.Hours),
		EventsWaiting: s.Waiting, EventsDead: s.Dead,
	}
	for _, c := range s.Clients {
		a.Clients = append(a.Clients, c.answer(s.At))
	}
	return json.Marshal(a)
}

func (c ClientStatus) answer(at time.Time) clientAnswer {
	a := clientAnswer{
		ID: c.ID, Name: c.Name, Disabled: c.Disabled, System: c.System, State: c.State, LastSuccess: someTime(c.Succeeded),
		LastHour: countsAnswer{c.Hour.Requests(), c.Hour}, LastDay: countsAnswer{c.Day.Requests(), c.Day},
		Refused: refusedAnswer{c.RefusedUsers, []refusalAnswer{}}, Holds: c.Holds, Loops: []loopAnswer{}, Hours: answerHours(c.Hours),
	}
	for _, l := range c.Loops {
		a.Loops = append(a.Loops, l.answer(c.name()))
	}
	if c.Refusal != nil {
		last := c.Refusal.answer()
		a.LastRefusal = &last
	}
	for _, r := range c.Refused {
		a.Refused.Users = append(a.Refused.Users, r.answer())
	}
	if t := c.Token; t != nil {
		a.Token = &tokenAnswer{t.ID, timeText(t.Issued), timeText(t.Expires), someTime(t.Used), t.EndsSoon(at)}
	}
	return a
}

func (r RefusedRequest) answer() refusalAnswer {
	a := refusalAnswer{
		Entry: r.Entry, Time: timeText(TimeOf(r.Entry)), Result: r.Result, Status: r.Status,
		Target: targetAnswer{r.Target.Type, idText(r.Target.ID), r.Target.Name},
	}
	if r.Error.Detail != "" {
		a.Error = &r.Error
	}
	return a
}

func (l Loop) answer(client string) loopAnswer {
	return loopAnswer{
		l.Kind,
		targetAnswer{l.Target.Type, idText(l.Target.ID), l.Target.Name},
		l.N, timeText(l.Last), client + " " + l.Sentence(),
		append([]Spelling{}, l.Spellings...),
	}
}

func answerHours(hours [24]HourCounts) []hourAnswer {
	answers := make([]hourAnswer, len(hours))
	for i, h := range hours {
		answers[i] = hourAnswer{timeText(h.Began), countsAnswer{h.Requests(), h.Counts}}
	}
	return answers
}

// someTime is a time, or nothing where there was none.
func someTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return timeText(t)
}
