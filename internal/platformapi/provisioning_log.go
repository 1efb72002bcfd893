package platformapi

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/provisioning"
)

const logPath = "/api/v2/scim/provisioning-log"

// MountProvisioningLog serves the provisioning log of an organisation on r. Genesys Cloud
// has nothing of the kind; it is ours.
func MountProvisioningLog(r chi.Router, frame *httpapi.Frame, l *provisioning.Log, d *directory.Directory) {
	p := provisioningLog{l}
	recoveries{d}.mount(r, frame)
	handle(r, frame, logPath, map[string]httpapi.Handler{http.MethodGet: p.list})
	handle(r, frame, logPath+"/{id}", map[string]httpapi.Handler{http.MethodGet: p.get})
}

// provisioningLog is that of the caller's organisation.
type provisioningLog struct{ log *provisioning.Log }

// logListing is a page of entries, the newest first.
type logListing struct {
	Entities   []provisioning.Entry `json:"entities"`
	NextCursor string               `json:"nextCursor,omitempty"`
	NextURI    string               `json:"nextUri,omitempty"`
	SelfURI    string               `json:"selfUri"`
}

func (p provisioningLog) get(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id", "entry")
	if err != nil {
		return err
	}
	e, err := p.log.Entry(r.Context(), organisation(r).ID, id)
	if errors.Is(err, provisioning.ErrNotFound) {
		return noSuch("entry", id.String())
	}
	if err != nil {
		return err
	}
	return write(w, e)
}

func (p provisioningLog) list(w http.ResponseWriter, r *http.Request) error {
	q, err := readQuery(r)
	if err != nil {
		return err
	}
	selected := readLogQuery(q)
	format := q.word("format", "json", "json", "jsonl", "csv")
	if q.err != nil {
		return q.err
	}
	switch format {
	case "jsonl":
		return p.stream(w, r, selected, "application/x-ndjson", jsonLines)
	case "csv":
		return p.stream(w, r, selected, "text/csv; charset=utf-8", csvLines)
	}
	entries, next, err := p.log.Page(r.Context(), organisation(r).ID, selected)
	if err != nil {
		return err
	}
	answer := logListing{Entities: entries, SelfURI: r.URL.RequestURI()}
	if answer.Entities == nil {
		answer.Entities = []provisioning.Entry{}
	}
	for i := range answer.Entities {
		answer.Entities[i].Body = "" // which is for who reads the one entry
	}
	if next != uuid.Nil {
		answer.NextCursor = next.String()
		q.values.Set("cursor", answer.NextCursor)
		answer.NextURI = r.URL.Path + "?" + q.values.Encode()
	}
	return write(w, answer)
}

// readLogQuery takes the parameters that select entries.
func readLogQuery(q *query) provisioning.Query {
	selected := provisioning.Query{
		From: q.time("from"), To: q.time("to"),
		Actor: q.text("actor"), CorrelationID: q.text("correlationId"),
		Words: strings.Fields(q.text("q")), Before: q.id("cursor"), Limit: q.number("pageSize", defaultPageSize, 1, maxPageSize),
		Type:       one(q, "type", provisioning.TargetTypes),
		Operations: several(q, "operation", provisioning.Operations),
		Results:    several(q, "result", provisioning.Results),
	}
	client := q.text("client")
	switch _, err := uuid.Parse(client); {
	case err == nil:
		selected.Client = q.id("client")
	case client != "" && selected.Actor != "":
		q.fail("client and actor are both names; one of them is expected")
	case client != "":
		selected.Actor = client
	}
	target := q.text("target")
	if id, err := uuid.Parse(target); err == nil {
		selected.TargetID = id
	} else {
		selected.Target = target
	}
	return selected
}

// time gives a point in time (RFC 3339), or zero where there is none.
func (q *query) time(name string) time.Time { return readTime(name, q.text(name), q.fail) }

// readTime is for the value of a parameter or of a member of a body.
func readTime(name, text string, fail func(format string, args ...any)) time.Time {
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		fail("%s is %q; a time such as 2026-11-28T09:30:00Z is expected", name, text)
	}
	return at
}

// id gives an id, or zero where there is none.
func (q *query) id(name string) uuid.UUID {
	text := q.text(name)
	if text == "" {
		return uuid.Nil
	}
	id, ok := exactID(text)
	if !ok {
		q.fail("%s is %q; a UUID in small letters is expected", name, text)
	}
	return id
}

// one gives one of the words allowed, in any case, or nothing.
func one[T ~string](q *query, name string, allowed []T) T {
	words := several(q, name, allowed)
	if len(words) > 1 {
		q.fail("%s names %d; one is expected", name, len(words))
	}
	if len(words) == 0 {
		return ""
	}
	return words[0]
}

// several gives those of the words allowed that are named, in any case.
func several[T ~string](q *query, name string, allowed []T) (words []T) {
	for _, text := range q.list(name) {
		i := slices.IndexFunc(allowed, func(word T) bool { return strings.EqualFold(string(word), text) })
		if i < 0 {
			q.fail("%s is %q; one of %s is expected", name, text, strings.Trim(fmt.Sprint(allowed), "[]"))
			return nil
		}
		words = append(words, allowed[i])
	}
	return words
}

// lineWriter writes entries one a line. flush gives out what it holds.
type lineWriter struct {
	entry func(provisioning.Entry) error
	flush func() error
}

func jsonLines(w http.ResponseWriter) (lineWriter, error) {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return lineWriter{entry: func(e provisioning.Entry) error { return encoder.Encode(e) }, flush: func() error { return nil }}, nil
}

func csvLines(w http.ResponseWriter) (lineWriter, error) {
	table := csv.NewWriter(w)
	entry := func(e provisioning.Entry) error {
		row, err := e.Row()
		if err != nil {
			return err
		}
		return table.Write(row)
	}
	flush := func() error {
		table.Flush()
		return table.Error()
	}
	return lineWriter{entry, flush}, table.Write(provisioning.Columns)
}

// stream answers with all entries that are selected, while they are read.
func (p provisioningLog) stream(
	w http.ResponseWriter, r *http.Request, q provisioning.Query, mediaType string, lines func(http.ResponseWriter) (lineWriter, error),
) error {
	var out lineWriter
	begin := func() (err error) {
		w.Header()["Content-Type"] = []string{mediaType}
		out, err = lines(w)
		return err
	}
	for e, err := range p.log.All(r.Context(), organisation(r).ID, q) {
		if err == nil && out.entry == nil {
			err = begin()
		}
		if err == nil {
			err = out.entry(e)
		}
		if err != nil {
			return err
		}
	}
	if out.entry == nil {
		if err := begin(); err != nil {
			return err
		}
		w.WriteHeader(http.StatusOK)
	}
	return out.flush()
}
