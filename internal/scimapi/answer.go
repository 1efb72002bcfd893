package scimapi

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// write answers a request on one resource.
func (s resources) write(w http.ResponseWriter, r *http.Request, status int, record directory.Record, p schema.Projection) error {
	if record.HasMore() && p.Wants(schema.Members) {
		return s.stream(w, r, status, record, p)
	}
	if record.Version != 0 {
		w.Header().Set("ETag", record.Version.ETag())
	}
	answer := answers.take()
	answer.text = s.append(answer.text, s.root(r), record, p)
	httpapi.WriteJSON(w, status, scim.MediaType, answer.text)
	answers.keep(answer)
	return nil
}

// append writes the representation of a record.
func (s resources) append(dst []byte, root string, record directory.Record, p schema.Projection) []byte {
	answer := answerOf(root, record)
	answer.Links = appendLinks(make([]schema.AnswerLink, 0, len(record.Links)), record.Links)
	return s.t.Append(dst, answer, p)
}

// stream answers with a group whose members are too many to hold: they go out
// while they are read. An error after the beginning breaks the connection off.
func (s resources) stream(w http.ResponseWriter, r *http.Request, status int, record directory.Record, p schema.Projection) error {
	begin(w, status, record.Version)
	answer := answers.take()
	defer answers.keep(answer)
	parts := s.t.Parts(answerOf(s.root(r), record), p)
	send := func() error {
		_, err := w.Write(answer.text)
		answer.text = answer.text[:0]
		if err != nil {
			return fmt.Errorf("%w: the client has gone: %w", context.Canceled, err)
		}
		return nil
	}
	answer.text = parts.AppendBegin(answer.text)
	if err := send(); err != nil {
		return err
	}
	_ = http.NewResponseController(w).Flush() // the first bytes need not wait for the members

	var links []schema.AnswerLink
	for members, err := range s.directory.Members(r.Context(), httpapi.Principal(r.Context()).Org, record.ID) {
		if err != nil {
			return err
		}
		links = appendLinks(links[:0], members)
		answer.text = parts.AppendLinks(answer.text, links)
		if err := send(); err != nil {
			return err
		}
	}
	answer.text = parts.AppendEnd(answer.text)
	return send()
}

// begin answers without telling the length.
func begin(w http.ResponseWriter, status int, version scim.Version) {
	w.Header().Set("ETag", version.ETag())
	w.Header()["Content-Type"] = []string{scim.MediaType}
	w.WriteHeader(status)
}

// answerOf is what schema has to know of a record and its request, but the links.
func answerOf(root string, record directory.Record) schema.Answer {
	return schema.Answer{
		ID:       record.Identifier(),
		Version:  record.Version,
		Created:  record.Created,
		Modified: record.Modified,
		Doc:      record.Doc,
		Mount:    root,
	}
}

func appendLinks(dst []schema.AnswerLink, links []directory.Link) []schema.AnswerLink {
	for _, link := range links {
		dst = append(dst, schema.AnswerLink{ID: link.ID.String(), Display: link.Display})
	}
	return dst
}

// answers are the buffers that answers are rendered in, used again: the page of
// a list would otherwise be the largest thing that a request leaves to collect.
var answers buffers

const (
	firstAnswer = 2 << 10 // one user
	// keptAnswer is the largest buffer that is kept: a page of 1000 users.
	keptAnswer = 2 << 20
)

type buffers struct{ pool sync.Pool }

type buffer struct{ text []byte }

// take gives an empty buffer.
func (b *buffers) take() *buffer {
	if kept, ok := b.pool.Get().(*buffer); ok {
		return kept
	}
	return &buffer{text: make([]byte, 0, firstAnswer)}
}

// keep takes a buffer back that nobody reads any more.
func (b *buffers) keep(answer *buffer) {
	if cap(answer.text) <= keptAnswer {
		answer.text = answer.text[:0]
		b.pool.Put(answer)
	}
}
