package scimapi

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// asked reads what a request asks of a list: from its URL, or from its body.
type asked func(r *http.Request) (query, error)

// listing handles a request for a list of one type.
func listing(read asked) func(s resources, w http.ResponseWriter, r *http.Request) error {
	return func(s resources, w http.ResponseWriter, r *http.Request) error {
		q, err := read(r)
		if err != nil {
			return err
		}
		o := httpapi.Principal(r.Context()).Org
		if err := q.checkStrict(o.Settings, s.t); err != nil {
			return err
		}
		request, err := q.list(s.t, o.Settings, s.service.MaxResults)
		if err != nil {
			return err
		}
		var listed directory.Listed
		err = httpapi.RepeatRead(r.Context(), func() (err error) {
			listed, err = s.directory.List(r.Context(), o, s.t, request)
			return err
		})
		if err != nil {
			return err
		}
		by := renderer(o, s.t, s.root(r), request.Projection)
		return s.writeList(w, r, listed, request, func(directory.Listed, int) *schema.Renderer { return by })
	}
}

// listingAll handles a request for a list of users and groups together (RFC 7644
// section 3.4.2.1).
func (d *door) listingAll(read asked) httpapi.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		q, err := read(r)
		if err != nil {
			return err
		}
		o := httpapi.Principal(r.Context()).Org
		if err := d.checkStrict(r, o.Settings); err != nil {
			return err
		}
		types, err := d.directory.TypesOf(r.Context(), o)
		if err != nil {
			return err
		}
		if err := q.checkStrict(o.Settings, types...); err != nil {
			return err
		}
		request, err := q.list(schema.User, o.Settings, d.service.MaxResults)
		if err != nil {
			return err
		}
		by := make(map[*schema.Type]*schema.Renderer)
		projection := func(t *schema.Type) schema.Projection {
			p, _ := q.projection(t, o.Settings) // what it can refuse was refused
			by[t] = renderer(o, t, d.root(r), p)
			return p
		}
		var listed directory.Listed
		err = httpapi.RepeatRead(r.Context(), func() (err error) {
			listed, err = d.directory.ListAll(r.Context(), o, projection, request)
			return err
		})
		if err != nil {
			return err
		}
		return d.writeList(w, r, listed, request, func(chunk directory.Listed, i int) *schema.Renderer {
			return by[chunk.Types[i]]
		})
	}
}

// writeList answers with a page, chunk by chunk. by gives the renderer of the i-th resource
// of a chunk.
func (d *door) writeList(w http.ResponseWriter, r *http.Request, listed directory.Listed, request directory.ListRequest,
	by func(chunk directory.Listed, i int) *schema.Renderer,
) error {
	a := d.answer(w, r, http.StatusOK)
	defer answers.keep(a.buffer)
	a.text = appendListHead(a.text, listed.Total, request)
	n, err := a.addAll(listed, 0, by)
	if err != nil {
		return err
	}
	cursor := listed.Cursor
	if rest := listed.Rest; rest != nil {
		for chunk, err := range rest {
			if err == nil {
				n, err = a.addAll(chunk, n, by)
			}
			if err != nil {
				return err
			}
			cursor = chunk.Cursor
		}
	}
	a.text = appendListTail(a.text, n, cursor)
	return a.end()
}

// addAll writes the resources of a chunk behind n others, and tells how many there are
// then.
func (a *answer) addAll(chunk directory.Listed, n int, by func(chunk directory.Listed, i int) *schema.Renderer) (int, error) {
	for i := range chunk.Records {
		before := len(a.text)
		if n > 0 {
			a.text = append(a.text, ',')
		}
		switch err := a.add(by(chunk, i), &chunk.Records[i]); {
		case errors.Is(err, directory.ErrNotFound):
			a.text = a.text[:before]
			continue
		case err != nil:
			return n, err
		}
		n++
		if err := a.sendMuch(); err != nil {
			return n, err
		}
	}
	return n, nil
}

// appendListHead writes a ListResponse up to its resources (RFC 7644 section 3.4.2);
// Resources is there when it is empty too. A page that was asked for by cursor has no
// index (RFC 9865 section 2).
func appendListHead(dst []byte, total int, request directory.ListRequest) []byte {
	dst = append(dst, `{"schemas":["`+scim.ListResponseURN+`"],"totalResults":`...)
	dst = strconv.AppendInt(dst, int64(total), 10)
	if !request.ByCursor {
		dst = append(dst, `,"startIndex":`...)
		dst = strconv.AppendInt(dst, int64(request.Start), 10)
	}
	return append(dst, `,"Resources":[`...)
}

// appendListTail writes what is known when all n resources of the page are written.
func appendListTail(dst []byte, n int, cursor string) []byte {
	dst = append(dst, `],"itemsPerPage":`...)
	dst = strconv.AppendInt(dst, int64(n), 10)
	if cursor != "" {
		dst = append(append(append(dst, `,"nextCursor":"`...), cursor...), '"')
	}
	return append(dst, '}')
}
