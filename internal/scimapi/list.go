package scimapi

import (
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
		listed, err := s.directory.List(r.Context(), o, s.t, request)
		if err != nil {
			return err
		}
		root := s.root(r)
		writeList(w, listed, request, func(dst []byte, i int) []byte {
			return s.append(dst, root, listed.Records[i], request.Projection)
		})
		return nil
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
		projections := make(map[*schema.Type]schema.Projection)
		listed, err := d.directory.ListAll(r.Context(), o, func(t *schema.Type) schema.Projection {
			projections[t], _ = q.projection(t, o.Settings) // what it can refuse was refused
			return projections[t]
		}, request)
		if err != nil {
			return err
		}
		root := d.root(r)
		writeList(w, listed, request, func(dst []byte, i int) []byte {
			t := listed.Types[i]
			return resources{door: d, t: t}.append(dst, root, listed.Records[i], projections[t])
		})
		return nil
	}
}

func writeList(w http.ResponseWriter, listed directory.Listed, request directory.ListRequest, item func(dst []byte, i int) []byte) {
	answer := answers.take()
	answer.text = appendList(answer.text, listed, request, item)
	httpapi.WriteJSON(w, http.StatusOK, scim.MediaType, answer.text)
	answers.keep(answer)
}

// appendList writes a ListResponse (RFC 7644 section 3.4.2, RFC 9865 section 2).
// Resources is there when it is empty too, and itemsPerPage is how many there
// are; a page that was asked for by cursor has no index.
func appendList(dst []byte, listed directory.Listed, request directory.ListRequest, item func(dst []byte, i int) []byte) []byte {
	dst = append(dst, `{"schemas":["`+scim.ListResponseURN+`"],"totalResults":`...)
	dst = strconv.AppendInt(dst, int64(listed.Total), 10)
	if !request.ByCursor {
		dst = append(dst, `,"startIndex":`...)
		dst = strconv.AppendInt(dst, int64(request.Start), 10)
	}
	dst = append(dst, `,"itemsPerPage":`...)
	dst = strconv.AppendInt(dst, int64(len(listed.Records)), 10)
	if listed.Cursor != "" {
		dst = append(append(append(dst, `,"nextCursor":"`...), listed.Cursor...), '"')
	}
	dst = append(dst, `,"Resources":[`...)
	for i := range listed.Records {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = item(dst, i)
	}
	return append(dst, ']', '}')
}
