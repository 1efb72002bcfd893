package provisioning

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// entryAnswer is an entry as programs read it.
type entryAnswer struct {
	ID            string         `json:"id"`
	Time          string         `json:"time"`
	Actor         actorAnswer    `json:"actor"`
	Address       string         `json:"address,omitempty"`
	System        System         `json:"identitySystem,omitempty"`
	CorrelationID string         `json:"correlationId,omitempty"`
	Operation     Operation      `json:"operation"`
	Target        targetAnswer   `json:"target"`
	Result        Result         `json:"result"`
	Status        int            `json:"status,omitempty"`
	Error         *Error         `json:"error,omitempty"`
	Changes       []Change       `json:"changes"`
	Members       *membersAnswer `json:"members,omitempty"`
	Warnings      []string       `json:"warnings"`
	Erased        bool           `json:"erased,omitempty"`
	Undoes        string         `json:"undoes,omitempty"`
	RestoredTo    string         `json:"restoredTo,omitempty"`
	Advice        *adviceAnswer  `json:"advice,omitempty"`
	Body          string         `json:"body,omitempty"`
	DurationMs    float64        `json:"durationMs"`
}

type actorAnswer struct {
	Type ActorType `json:"type"`
	ID   string    `json:"id,omitempty"`
	Name string    `json:"name,omitempty"`
}

type targetAnswer struct {
	Type TargetType `json:"type"`
	ID   string     `json:"id,omitempty"`
	Name string     `json:"name,omitempty"`
}

type membersAnswer struct {
	Added   []uuid.UUID `json:"added"`
	Removed []uuid.UUID `json:"removed"`
}

type adviceAnswer struct {
	Text  string `json:"text"`
	Guide string `json:"guide,omitempty"`
}

// MarshalJSON writes the entry for programs, with the advice on what was refused.
func (e Entry) MarshalJSON() ([]byte, error) {
	a := entryAnswer{
		ID: e.ID.String(), Time: timeText(e.Time()), Address: e.Address, System: e.System, CorrelationID: e.CorrelationID,
		Operation: e.Operation, Result: e.Result, Status: e.Status, Error: e.Error, Changes: e.Changes, Warnings: e.Warnings,
		Body: e.Body, DurationMs: float64(e.Duration.Microseconds()) / 1000,
		Actor:  actorAnswer{e.Actor.Type, idText(e.Actor.ID), e.Actor.Name},
		Target: targetAnswer{e.Target.Type, idText(e.Target.ID), e.Target.Name},
		Undoes: idText(e.Undoes), Erased: e.Erased,
	}
	if !e.RestoredTo.IsZero() {
		a.RestoredTo = timeText(e.RestoredTo)
	}
	if a.Changes == nil {
		a.Changes = []Change{}
	}
	if a.Warnings == nil {
		a.Warnings = []string{}
	}
	if !e.Members.IsZero() {
		a.Members = &membersAnswer{Added: listOf(e.Members.Added), Removed: listOf(e.Members.Removed)}
	}
	if advice, ok := e.Advice(); ok {
		a.Advice = &adviceAnswer{advice.Text(), advice.Guide}
	}
	return json.Marshal(a)
}

func listOf(ids []uuid.UUID) []uuid.UUID {
	if ids == nil {
		return []uuid.UUID{}
	}
	return ids
}

func timeText(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// idText is an id, or nothing for the zero id.
func idText(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return id.String()
}

// Columns are the names of what Row gives.
var Columns = []string{
	"time", "result", "operation", "target_type", "target_name", "target_id", "actor_type", "actor_name", "actor_id", "identity_system",
	"status", "scim_type", "error", "advice", "changes", "members_added", "members_removed", "warnings", "correlation_id", "address", "duration_ms", "id",
}

// Row is the entry as a line of a table (RFC 4180) for a spreadsheet, which must not take
// a cell for a formula.
func (e Entry) Row() ([]string, error) {
	changes, err := json.Marshal(e.Changes)
	if err != nil {
		return nil, err
	}
	if len(e.Changes) == 0 {
		changes = nil
	}
	problem, advice := Error{}, ""
	if e.Error != nil {
		problem = *e.Error
	}
	if a, ok := e.Advice(); ok {
		advice = a.Text()
	}
	status := ""
	if e.Status != 0 {
		status = strconv.Itoa(e.Status)
	}
	cells := []string{
		timeText(e.Time()), string(e.Result), string(e.Operation), string(e.Target.Type), e.Target.Name, idText(e.Target.ID),
		string(e.Actor.Type), e.Actor.Name, idText(e.Actor.ID), string(e.System),
		status, problem.Type, problem.Detail, advice, string(changes), joinIDs(e.Members.Added), joinIDs(e.Members.Removed),
		strings.Join(e.Warnings, "; "), e.CorrelationID, e.Address, strconv.FormatFloat(float64(e.Duration.Microseconds())/1000, 'f', 3, 64), e.ID.String(),
	}
	for i, cell := range cells {
		if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
			cells[i] = "'" + cell
		}
	}
	return cells, nil
}

func joinIDs(ids []uuid.UUID) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.String()
	}
	return strings.Join(texts, " ")
}
