package scimapi

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"sync"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// answer is an answer that is being written. It is sent as a whole, with its
// length, unless it is too large to hold: a group of many members, a large page of a
// list. Then it goes out while it is read, and an error breaks the connection off.
type answer struct {
	*buffer
	directory *directory.Directory
	w         http.ResponseWriter
	r         *http.Request
	status    int
	streaming bool
}

// answer begins an answer. Its buffer is to be kept when it is written.
func (d *door) answer(w http.ResponseWriter, r *http.Request, status int) answer {
	return answer{buffer: answers.take(), directory: d.directory, w: w, r: r, status: status}
}

// write answers a request on one resource, and says where it is (RFC 7643 section 3.1).
func (s resources) write(w http.ResponseWriter, r *http.Request, status int, record directory.Record, p schema.Projection) error {
	if record.Version != 0 {
		w.Header().Set("ETag", record.Version.ETag())
	}
	root := s.root(r)
	locate(w, s.t.Location(root, cmp.Or(record.Key, record.ID.String())))
	a := s.answer(w, r, status)
	defer answers.keep(a.buffer)
	if err := a.add(renderer(httpapi.Principal(r.Context()).Org, s.t, root, p), &record); err != nil {
		return err
	}
	var err error
	if a.text, err = s.appendDifference(a.text); err != nil {
		return err
	}
	return a.end()
}

// renderer renders resources as the provisioning domain of the caller sees them.
func renderer(o org.Org, t *schema.Type, root string, p schema.Projection) *schema.Renderer {
	by := t.Renderer(root, p)
	if o.HomeDomain != "" {
		by.SeenFrom(o.Domain, o.Settings.Strict)
	}
	return by
}

// locate tells where the resource of an answer is, as its meta.location does.
func locate(w http.ResponseWriter, at string) {
	location, h := []string{at}, w.Header()
	h["Location"], h["Content-Location"] = location, location
}

// add writes the representation of a record. A group of a list that has too many
// members for it is read again, with them: its version and its members are of one
// moment. directory.ErrNotFound tells that it is gone, and nothing is written.
func (a *answer) add(by *schema.Renderer, record *directory.Record) error {
	if !record.MembersOmitted() || !by.WantsLinks() {
		a.text = by.Append(a.text, of(record))
		return nil
	}
	if record.MemberIDs != nil {
		return a.stream(by, record)
	}
	whole, err := a.directory.WithMembers(a.r.Context(), a.org(), record.ID)
	if err != nil {
		return err
	}
	return a.stream(by, &whole)
}

func (a *answer) org() org.Org { return httpapi.Principal(a.r.Context()).Org }

// stream sends a group while its members are named, and what was written before.
func (a *answer) stream(by *schema.Renderer, record *directory.Record) error {
	if !record.MembersOmitted() { // they have become few
		a.text = by.Append(a.text, of(record))
		return nil
	}
	parts := by.Parts(of(record))
	a.text = parts.AppendBegin(a.text)
	if err := a.send(); err != nil {
		return err
	}
	for members, err := range a.directory.Members(a.r.Context(), a.org(), record.MemberIDs) {
		if err != nil {
			return err
		}
		a.text = parts.AppendLinks(a.text, members)
		if err := a.send(); err != nil {
			return err
		}
	}
	a.text = parts.AppendEnd(a.text)
	return nil
}

// sendMuch sends what is written so far if it is much.
func (a *answer) sendMuch() error {
	if len(a.text) < heldAnswer {
		return nil
	}
	return a.send()
}

// send sends what is written so far. The first bytes need not wait for what follows.
func (a *answer) send() error {
	if !a.streaming {
		begin(a.w, a.status)
	}
	_, err := a.w.Write(a.text)
	a.text = a.text[:0]
	if err != nil {
		return fmt.Errorf("%w: the client has gone: %w", context.Canceled, err)
	}
	if !a.streaming {
		a.streaming = true
		_ = http.NewResponseController(a.w).Flush()
	}
	return nil
}

// end sends the rest, or all.
func (a *answer) end() error {
	if a.streaming {
		return a.send()
	}
	httpapi.WriteJSON(a.w, a.status, scim.MediaType, a.text)
	return nil
}

// begin answers without telling the length.
func begin(w http.ResponseWriter, status int) {
	w.Header()["Content-Type"] = []string{scim.MediaType}
	w.WriteHeader(status)
}

// of is a record as schema renders it.
func of(record *directory.Record) schema.Answer {
	return schema.Answer{
		ID:       record.ID,
		Key:      record.Key,
		Version:  record.Version,
		Created:  record.Created,
		Modified: record.Modified,
		Doc:      record.Doc,
		Links:    record.Links,
	}
}

// answers are the buffers that answers are rendered in, used again: the page of
// a list would otherwise be the largest thing that a request leaves to collect.
var answers buffers

const (
	firstAnswer = 2 << 10 // one user
	// heldAnswer is how much of a list is held before it is sent: a page of 100 users
	// goes as a whole, with its length.
	heldAnswer = 256 << 10
	// keptAnswer is the largest buffer that is kept: what is held, and one resource more.
	keptAnswer = 2 * heldAnswer
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

// keep takes back a buffer that is no longer read.
func (b *buffers) keep(answer *buffer) {
	if cap(answer.text) <= keptAnswer {
		answer.text = answer.text[:0]
		b.pool.Put(answer)
	}
}
