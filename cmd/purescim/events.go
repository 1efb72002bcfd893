package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/org"
)

type eventsCommands struct {
	Show    eventsShow    `cmd:"" help:"Show the stream of an organisation's events, and how far their delivery is."`
	Set     eventsSet     `cmd:"" help:"Tell a receiver of changes from now on, or change how."`
	Remove  eventsRemove  `cmd:"" help:"Tell nobody of changes any more. Events that were not delivered are lost."`
	Dead    eventsDead    `cmd:"" help:"List the events that could not be delivered."`
	Requeue eventsRequeue `cmd:"" help:"Have events delivered that could not be."`
}

// streamResult is what a program reads of a stream. It never holds the
// authorization header.
type streamResult struct {
	Method        string     `json:"method"`
	Endpoint      string     `json:"endpoint,omitempty"`
	Authorization bool       `json:"has_authorization"`
	Audience      string     `json:"audience"`
	Form          string     `json:"form"`
	Events        []string   `json:"events"`
	Group         string     `json:"group,omitempty"`
	Status        string     `json:"status"`
	StatusReason  string     `json:"status_reason,omitempty"`
	Last          int64      `json:"last_sequence"`
	Pending       int        `json:"pending"`
	Oldest        *time.Time `json:"oldest_pending"`
	Dead          int        `json:"dead"`
	Failures      int        `json:"failed_attempts"`
	Error         string     `json:"error,omitempty"`
	Retry         *time.Time `json:"next_attempt"`
	Delivered     *time.Time `json:"last_delivered"`
}

func newStreamResult(s events.Stream, p events.Progress) streamResult {
	r := streamResult{
		Method: string(s.Method), Endpoint: s.Endpoint, Authorization: s.Credential != "", Audience: s.Audience,
		Form: string(s.Form), Last: p.Seq, Pending: p.Pending, Oldest: timeJSON(p.Oldest), Dead: p.Dead,
		Failures: p.Failures, Error: p.Fault, Retry: timeJSON(p.Retry), Delivered: timeJSON(p.Delivered),
	}
	status, reason := s.Shown()
	r.Status, r.StatusReason = string(status), reason
	for _, k := range s.Kinds {
		r.Events = append(r.Events, string(k))
	}
	if s.Group != uuid.Nil {
		r.Group = s.Group.String()
	}
	return r
}

func (r streamResult) fields() []field {
	fields := []field{{"method", r.Method}}
	if r.Endpoint != "" {
		fields = append(fields, field{"endpoint", r.Endpoint}, field{"authorization header", strconv.FormatBool(r.Authorization)})
	}
	fields = append(fields, field{"audience", r.Audience}, field{"form", r.Form}, field{"events", strings.Join(r.Events, " ")})
	if r.Group != "" {
		fields = append(fields, field{"group", r.Group})
	}
	fields = append(fields,
		field{"status", r.Status},
	)
	if r.StatusReason != "" {
		fields = append(fields, field{"status reason", r.StatusReason})
	}
	fields = append(fields,
		field{"last sequence", strconv.FormatInt(r.Last, 10)},
		field{"pending", strconv.Itoa(r.Pending)},
		field{"dead", strconv.Itoa(r.Dead)},
		field{"last delivered", timeText(r.Delivered)},
	)
	if r.Failures > 0 {
		fields = append(fields, field{"failed attempts", strconv.Itoa(r.Failures)}, field{"error", r.Error}, field{"next attempt", timeText(r.Retry)})
	}
	return fields
}

// printStream shows a stream with its progress.
func (o output) printStream(ctx context.Context, c console, p *parts, s events.Stream) error {
	progress, err := p.events.Progress(ctx, s.Org)
	return o.print(c, newStreamResult(s, progress), err)
}

// noStream explains that an organisation has no stream.
func noStream(o org.Org, err error) error {
	if errors.Is(err, events.ErrNotFound) {
		return fmt.Errorf("organisation %q has no stream of events; 'purescim events set' makes one", o.Name)
	}
	return err
}

type eventsShow struct {
	orgDatabase
	output
}

// Run shows the stream.
func (cmd *eventsShow) Run(ctx context.Context, c console) error {
	return cmd.inOrg(ctx, c, reads, func(p *parts, o org.Org) error {
		s, err := p.events.Stream(ctx, o.ID)
		if err != nil {
			return noStream(o, err)
		}
		return cmd.printStream(ctx, c, p, s)
	})
}

type eventsSet struct {
	orgDatabase
	output
	Push          string   `placeholder:"URL" help:"Push events to this URL (RFC 8935)."`
	Poll          bool     `help:"Let the receiver poll them, with a token (RFC 8936)."`
	Authorization string   `name:"authorization-file" placeholder:"FILE" help:"The Authorization header of pushes, in a file; - is the standard input. It is never shown."`
	Audience      string   `placeholder:"AUD" help:"The 'aud' of the tokens: the receiver's name for itself."`
	Form          string   `enum:"notice,full," default:"" placeholder:"FORM" help:"notice names the attributes that changed, full also tells their values."`
	Events        []string `placeholder:"KIND" help:"Which to tell, such as prov:create,prov:delete; all tells all."`
	Group         string   `placeholder:"ID" help:"Tell only of this group and its members; all tells of everything."`
	Status        string   `enum:"enabled,paused,disabled," default:"" placeholder:"STATUS" help:"paused keeps events, disabled makes none."`
}

// Run sets what is given of a stream, and leaves the rest as it is.
func (cmd *eventsSet) Run(ctx context.Context, c console) error {
	if cmd.Push != "" && cmd.Poll {
		return errors.New("say one of --push and --poll")
	}
	return cmd.inOrg(ctx, c, changes, func(p *parts, o org.Org) error {
		s, err := p.events.Stream(ctx, o.ID)
		switch {
		case errors.Is(err, events.ErrNotFound) && cmd.Push == "" && !cmd.Poll:
			return errors.New("say one of --push and --poll: the organisation has no stream of events yet")
		case err != nil && !errors.Is(err, events.ErrNotFound):
			return err
		}
		s.Org, s.Credential = o.ID, "" // the one of before stays
		if err := cmd.apply(ctx, c, p, o, &s); err != nil {
			return err
		}
		if s, err = p.events.SetStream(ctx, s); err != nil {
			return err
		}
		return cmd.printStream(ctx, c, p, s)
	})
}

func (cmd *eventsSet) apply(ctx context.Context, c console, p *parts, o org.Org, s *events.Stream) error {
	switch {
	case cmd.Push != "":
		s.Method, s.Endpoint = events.Push, cmd.Push
	case cmd.Poll:
		s.Method, s.Endpoint = events.Poll, ""
	}
	given(&s.Audience, cmd.Audience)
	given(&s.Form, events.Form(cmd.Form))
	given(&s.Status, events.Status(cmd.Status))
	if len(cmd.Events) > 0 {
		s.Kinds = nil
		for _, kind := range cmd.Events {
			if kind != "all" {
				s.Kinds = append(s.Kinds, events.Kind(kind))
			}
		}
	}
	switch cmd.Group {
	case "":
	case "all":
		s.Group = uuid.Nil
	default:
		g, err := p.directory.Group(ctx, o, cmd.Group)
		if err != nil {
			return err
		}
		s.Group = g.ID
	}
	if cmd.Authorization == "" {
		return nil
	}
	secret, err := readSecret(c, cmd.Authorization)
	s.Credential = secret
	return err
}

// given assigns a word that is not empty.
func given[T ~string](to *T, word T) {
	if word != "" {
		*to = word
	}
}

// readSecret reads a line that is not for the command line, where others see it.
func readSecret(c console, file string) (string, error) {
	var text []byte
	var err error
	if file == "-" {
		text, err = io.ReadAll(c.in)
	} else {
		text, err = os.ReadFile(file)
	}
	return strings.TrimSpace(string(text)), err
}

type eventsRemove struct {
	orgDatabase
	confirmation
}

// Run removes the stream.
func (cmd *eventsRemove) Run(ctx context.Context, c console) error {
	return cmd.inOrg(ctx, c, changes, func(p *parts, o org.Org) error {
		if err := cmd.ask(c, "tell nobody of the changes of %q any more, and lose the events that were not delivered", o.Name); err != nil {
			return err
		}
		if err := p.events.RemoveStream(ctx, o.ID); err != nil {
			return noStream(o, err)
		}
		return c.done("nobody is told of the changes of %q any more", o.Name)
	})
}

type eventsDead struct {
	orgDatabase
	output
}

// deadResult is what a program reads of a dead event.
type deadResult struct {
	ID     string          `json:"id"`
	Seq    int64           `json:"sequence"`
	Made   *time.Time      `json:"made"`
	Error  string          `json:"error"`
	Claims json.RawMessage `json:"claims"`
}

func newDeadResult(e events.Event) deadResult {
	return deadResult{ID: e.ID.String(), Seq: e.Seq, Made: timeJSON(e.Made), Error: e.Fault, Claims: e.Claims}
}

// Run lists the dead events, the oldest first.
func (cmd *eventsDead) Run(ctx context.Context, c console) error {
	return cmd.inOrg(ctx, c, reads, func(p *parts, o org.Org) error {
		dead, err := pages(func(offset, limit int) ([]events.Event, int, error) {
			return p.events.Dead(ctx, o.ID, events.Page{Offset: offset, Limit: limit})
		})
		return printList(cmd.output, c, dead, err, newDeadResult, columns[deadResult]{
			[]string{"ID", "SEQUENCE", "MADE", "ERROR"},
			func(r deadResult) []string {
				return []string{r.ID, strconv.FormatInt(r.Seq, 10), timeText(r.Made), r.Error}
			},
		})
	})
}

type eventsRequeue struct {
	orgDatabase
	IDs []string `arg:"" optional:"" name:"id" help:"The ids of dead events, as 'events dead' shows them."`
	All bool     `help:"All of them."`
}

// Run queues dead events again.
func (cmd *eventsRequeue) Run(ctx context.Context, c console) error {
	if cmd.All == (len(cmd.IDs) > 0) {
		return errors.New("say which events, or --all")
	}
	var ids []uuid.UUID
	for _, text := range cmd.IDs {
		id, err := uuid.Parse(text)
		if err != nil {
			return fmt.Errorf("%q is not the id of an event, which is a UUID", text)
		}
		ids = append(ids, id)
	}
	return cmd.inOrg(ctx, c, changes, func(p *parts, o org.Org) error {
		n, err := p.events.Requeue(ctx, o.ID, ids)
		if err == nil {
			_, err = fmt.Fprintf(c.out, "%d events queued again\n", n)
		}
		return err
	})
}
