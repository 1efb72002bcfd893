package console

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/egress"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/schema"
)

// streamState is the stream of an organisation's events as it is, and how far its delivery is.
type streamState struct {
	events.Stream        // without its credential
	Has           bool   // there is one
	HasCredential bool   // pushes carry a secret, which nobody sees
	Sum           string // all of it in a sentence
	State         badge
	Reason        string // why that is not the status that was set
	Progress      events.Progress
}

// streamPage is the page of the stream, with a form that changes it.
type streamPage struct {
	streamState
	Fault string // of the last attempt, in words
	// GroupName is that of the group to which the stream is narrowed, and GroupLink its page.
	GroupName, GroupLink string
	Dead                 []deadRow
	turn
	// Edited is what the form holds, and EditedGroup its group as somebody types it.
	Edited      events.Stream
	EditedGroup string
	Problem     string
	// What the receiver is told.
	Issuer, KeysURL, PollURL string
}

// kindChoice is a kind of events, and whether the stream tells of it.
type kindChoice struct {
	events.Kind
	Words string
	On    bool
}

// deadRow is an event that could not be delivered.
type deadRow struct {
	events.Event
	What, Why     string
	Of, Link      string    // the name of the resource, or its path, and its page
	Person, Group uuid.UUID // which one that is
}

// kindWords are the kinds of events as people say them.
var kindWords = map[events.Kind]string{
	events.Added: "joined the group", events.Removed: "left the group", events.Created: "created", events.Patched: "changed", events.Replaced: "replaced",
	events.Deleted: "deleted", events.Activated: "activated", events.Deactivated: "deactivated", events.Answered: "answered later",
}

// streamStates are the statuses of a stream as pages show them.
var streamStates = map[events.Status]badge{
	events.Enabled: {"green", "check", "enabled"}, events.Paused: {"amber", "minus", "paused"}, events.Disabled: {"", "minus", "disabled"},
}

func showStream(v *visit) error { return v.showStream(http.StatusOK, streamPage{}) }

// showStream shows the stream. A page with a problem has what the form held.
func (v *visit) showStream(status int, p streamPage) (err error) {
	if p.streamState, err = v.readStream(); err != nil {
		return err
	}
	p.Fault = faultText(p.Progress.Fault)
	if err := v.readGroup(&p); err != nil {
		return err
	}
	if err := v.readDead(&p); err != nil {
		return err
	}
	if p.Problem == "" {
		p.Edited, p.EditedGroup = p.Stream, p.GroupName
		if p.GroupLink == "" && p.Group != uuid.Nil {
			p.EditedGroup = p.Group.String()
		}
		p.Edited.Method, p.Edited.Form = cmp.Or(p.Method, events.Push), cmp.Or(p.Form, events.Notice)
	}
	p.Issuer, p.KeysURL, p.PollURL = v.Events.Issuer(), v.base()+"/.well-known/jwks.json", v.base()+"/api/v2/events/poll"
	return v.showStatus(status, "events", "settings", "Events", p)
}

// readStream reads the stream, if there is one, and how far its delivery is.
func (v *visit) readStream() (s streamState, err error) {
	s.Stream, err = v.Events.Stream(v.r.Context(), v.org.ID)
	switch {
	case errors.Is(err, events.ErrNotFound):
		s.Sum = s.sum()
		return s, nil
	case err != nil:
		return s, err
	}
	if s.Progress, err = v.Events.Progress(v.r.Context(), v.org.ID); err != nil {
		return s, err
	}
	s.Has, s.HasCredential, s.Credential = true, s.Credential != "", ""
	shown, reason := s.Shown()
	s.State, s.Reason, s.Sum = streamStates[shown], reason, s.sum()
	return s, nil
}

// sum tells in a sentence whether changes are told, and to whom.
func (s streamState) sum() string {
	status, full := s.Shown()
	receiver := hostOf(s.Endpoint)
	if s.Method == events.Poll {
		receiver = s.Audience
	}
	switch {
	case !s.Has:
		return "Nobody is told of changes"
	case full != "":
		return "Too much waits for " + receiver + ", and changes are told no more"
	case status == events.Paused:
		return "Changes wait until the stream goes on"
	case status == events.Disabled:
		return "The stream is switched off, and changes are told to nobody"
	case s.Method == events.Poll:
		return "Changes wait to be fetched by " + receiver
	case s.Progress.Failures > 0:
		return "Changes do not reach " + receiver
	default:
		return "Changes are pushed to " + receiver
	}
}

// soonTaken is how long an event waits, as a rule.
const soonTaken = time.Hour

// late tells that events wait for longer than they should, in a word and in a sentence; empty
// is that they do not.
func (s streamState) late(at time.Time) (word, text string) {
	waiting := plural(s.Progress.Pending, "event") + " " + waits(s.Progress.Pending) + ", the first since " + ago(s.Progress.Oldest, at) + "."
	switch {
	case s.Reason != "":
		return "full", s.Sum + "."
	case !s.Has || s.Status != events.Enabled || s.Progress.Pending == 0:
		return "", ""
	case s.Progress.Failures > 0:
		return "not sent", s.Sum + ". " + faultText(s.Progress.Fault) + " " + waiting
	case at.Sub(s.Progress.Oldest) > soonTaken:
		return "waiting", s.Sum + ". " + waiting
	default:
		return "", ""
	}
}

func waits(n int) string {
	if n == 1 {
		return "waits"
	}
	return "wait"
}

func hostOf(endpoint string) string {
	if u, err := url.Parse(endpoint); err == nil && u.Host != "" {
		return u.Host
	}
	return endpoint
}

// Receiver is where events are pushed to. A query may hold a secret, and is not shown.
func (s streamState) Receiver() string {
	where, query, _ := strings.Cut(s.Endpoint, "?")
	if query != "" {
		where += "?…"
	}
	return where
}

// Told are the kinds that the stream tells of, in words.
func (s streamState) Told() (words []string) {
	if len(s.Kinds) == len(events.Kinds) {
		return []string{"all that happens"}
	}
	for _, kind := range s.Kinds {
		words = append(words, kindWords[kind])
	}
	return words
}

// Choices are all kinds, and whether the form has them ticked.
func (p streamPage) Choices() (choices []kindChoice) {
	for _, kind := range events.Kinds {
		ticked := len(p.Edited.Kinds) == 0 || slices.Contains(p.Edited.Kinds, kind)
		choices = append(choices, kindChoice{kind, kindWords[kind], ticked})
	}
	return choices
}

// readDead reads a page of what could not be delivered.
func (v *visit) readDead(p *streamPage) error {
	offset, _ := strconv.Atoi(v.query("from")) // none is the beginning
	offset = max(0, offset)
	dead, total, err := v.Events.Dead(v.r.Context(), v.org.ID, events.Page{Offset: offset, Limit: pageSize})
	if err != nil {
		return err
	}
	for _, e := range dead {
		p.Dead = append(p.Dead, v.newDeadRow(e))
	}
	if err := v.nameDead(p.Dead); err != nil {
		return err
	}
	if offset+len(dead) < total {
		p.Next = v.home("/events?from=") + strconv.Itoa(offset+len(dead)) + "#dead"
	}
	if offset > 0 {
		p.First = v.home("/events#dead")
	}
	return nil
}

func (v *visit) newDeadRow(e events.Event) deadRow {
	row := deadRow{Event: e, Why: faultText(e.Fault)}
	kinds, path := e.Tells()
	words := make([]string, len(kinds))
	for i, kind := range kinds {
		words[i] = kindWords[kind]
	}
	row.What, row.Of = strings.Join(words, ", "), path
	if id, ok := strings.CutPrefix(path, schema.User.Endpoint+"/"); ok {
		row.Person, _ = uuid.Parse(id) // as the claims have it
		row.Link = v.home("/people/", id)
	}
	if id, ok := strings.CutPrefix(path, schema.Group.Endpoint+"/"); ok {
		row.Group, _ = uuid.Parse(id)
		row.Link = v.home("/groups/", id)
	}
	return row
}

// nameDead finds the names of the people and groups of rows, as far as they are there.
func (v *visit) nameDead(rows []deadRow) error {
	var people []uuid.UUID
	for _, row := range rows {
		if row.Person != uuid.Nil {
			people = append(people, row.Person)
		}
	}
	names, err := v.namesOf(people)
	if err != nil {
		return err
	}
	for i := range rows {
		row := &rows[i]
		row.Of = cmp.Or(names[row.Person], row.Of)
		if row.Group == uuid.Nil {
			continue
		}
		g, err := v.Directory.Group(v.r.Context(), v.org, row.Group.String())
		if _, _, gone := statusOf(err); err != nil && !gone {
			return err
		}
		row.Of = cmp.Or(g.Name, row.Of)
	}
	return nil
}

// faultText is why an attempt failed: a word of ours in words, or what the receiver said.
func faultText(fault string) string {
	return sentence(cmp.Or(egress.Fault(fault).Words(), fault))
}

// readGroup finds the name of the group to which the stream is narrowed.
func (v *visit) readGroup(p *streamPage) error {
	if p.Group == uuid.Nil {
		return nil
	}
	g, err := v.Directory.Group(v.r.Context(), v.org, p.Group.String())
	if _, _, gone := statusOf(err); gone {
		p.GroupName = "a group that is gone"
		return nil
	}
	p.GroupName, p.GroupLink = g.Name, v.home("/groups/", p.Group.String())
	return err
}
