package platformapi

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/oauth"
)

// collection serves the entries of one kind of the catalogue.
type collection struct {
	directory *directory.Directory
	path      string
	kind      directory.Kind
	// read takes the fields of an entry out of a body and gives what they make of
	// one. Of a body that is the whole entry, what is missing is empty; of any
	// other, it stays.
	read func(b *body, whole bool) func(e *directory.Entry)
	// allow refuses a change that is not the client's to make; nil allows all.
	allow func(p oauth.Principal, old, changed directory.Entry) error
	// answer gives the entry as the platform shows it.
	answer func(e entry) any
	// patches tells that a part of an entry can be changed; counts, that an answer
	// tells how many users refer to it.
	patches, counts bool
}

// entry is an entry of the catalogue with what an answer tells beside it.
type entry struct {
	directory.Entry
	users   int
	selfURI string
}

// mount serves the collection and each of its entries.
func (c collection) mount(r chi.Router, frame *httpapi.Frame) {
	methods := map[string]httpapi.Handler{
		http.MethodGet: c.get, http.MethodPut: c.update(true), http.MethodDelete: c.remove,
	}
	if c.patches {
		methods[http.MethodPatch] = c.update(false)
	}
	handle(r, frame, c.path, map[string]httpapi.Handler{http.MethodGet: c.list, http.MethodPost: c.create})
	handle(r, frame, c.path+"/{id}", methods)
}

func (c collection) list(w http.ResponseWriter, r *http.Request) error {
	q, err := readQuery(r)
	if err != nil {
		return err
	}
	page := q.page(r)
	selection := q.selection(page)
	counted := c.counts && q.flag("userCount", true)
	if q.err != nil {
		return q.err
	}
	found, total, err := c.directory.ListEntries(r.Context(), organisation(r), directory.EntryQuery{
		Kind: c.kind, Prefix: q.text("name"), Selection: selection,
	})
	if err != nil {
		return err
	}
	found = shorten(&page, found, total)
	answers, err := c.answers(r, counted, found...)
	if err != nil {
		return err
	}
	return writeListing(w, page, total, answers)
}

func (c collection) get(w http.ResponseWriter, r *http.Request) error {
	q, err := readQuery(r)
	if err != nil {
		return err
	}
	counted := c.counts && q.flag("userCount", true)
	if q.err != nil {
		return q.err
	}
	found, err := c.directory.Entry(r.Context(), organisation(r), c.kind, id(r))
	return c.write(w, r, counted, found, err)
}

func (c collection) create(w http.ResponseWriter, r *http.Request) error {
	edit, err := c.readEdit(r, true)
	if err != nil {
		return err
	}
	made := directory.Entry{Kind: c.kind}
	if err := edit(&made); err != nil {
		return err
	}
	made, err = c.directory.CreateEntry(r.Context(), organisation(r), made)
	return c.write(w, r, false, made, err) // nobody refers to it yet
}

func (c collection) update(whole bool) httpapi.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		edit, err := c.readEdit(r, whole)
		if err != nil {
			return err
		}
		changed, err := c.directory.UpdateEntry(r.Context(), organisation(r), c.kind, id(r), edit)
		return c.write(w, r, c.counts, changed, err)
	}
}

func (c collection) remove(w http.ResponseWriter, r *http.Request) error {
	if err := c.directory.DeleteEntry(r.Context(), organisation(r), c.kind, id(r)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// readEdit reads the body of a change of an entry, which the client may make.
func (c collection) readEdit(r *http.Request, whole bool) (func(e *directory.Entry) error, error) {
	b, err := readBody(r)
	if err != nil {
		return nil, err
	}
	edit := c.read(b, whole)
	return func(e *directory.Entry) error {
		old := *e
		edit(e)
		if c.allow == nil {
			return nil
		}
		return c.allow(httpapi.Principal(r.Context()), old, *e)
	}, b.err
}

// write answers with one entry, unless there is an error.
func (c collection) write(w http.ResponseWriter, r *http.Request, counted bool, e directory.Entry, err error) error {
	if err != nil {
		return err
	}
	answers, err := c.answers(r, counted, e)
	if err != nil {
		return err
	}
	return write(w, answers[0])
}

func (c collection) answers(r *http.Request, counted bool, found ...directory.Entry) ([]any, error) {
	users := make([]int, len(found))
	if counted && len(found) > 0 {
		var err error
		if users, err = c.directory.CountUsers(r.Context(), organisation(r), c.kind, 0, found...); err != nil {
			return nil, err
		}
	}
	answers := make([]any, len(found))
	for i, e := range found {
		answers[i] = c.answer(entry{e, users[i], c.path + "/" + e.ID.String()})
	}
	return answers, nil
}
