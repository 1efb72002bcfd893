package scimapi

import (
	"net/http"
	"strconv"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/scim"
)

func (s resources) list(w http.ResponseWriter, r *http.Request) error {
	q, err := readQuery(r)
	if err != nil {
		return err
	}
	o := httpapi.Principal(r.Context()).Org
	request, err := q.list(s.t, o.Settings, s.service.MaxResults)
	if err != nil {
		return err
	}
	page, err := s.directory.List(r.Context(), o, s.t, request)
	if err != nil {
		return err
	}
	answer := answers.take()
	answer.text = s.appendList(answer.text, s.root(r), page, request)
	httpapi.WriteJSON(w, http.StatusOK, scim.MediaType, answer.text)
	answers.keep(answer)
	return nil
}

// appendList writes a ListResponse (RFC 7644 section 3.4.2). Resources is there
// when it is empty too, and itemsPerPage is how many there are.
func (s resources) appendList(dst []byte, root string, page directory.Page, request directory.ListRequest) []byte {
	dst = append(dst, `{"schemas":["`+scim.ListResponseURN+`"],"totalResults":`...)
	dst = strconv.AppendInt(dst, int64(page.Total), 10)
	dst = append(dst, `,"startIndex":`...)
	dst = strconv.AppendInt(dst, int64(request.Start), 10)
	dst = append(dst, `,"itemsPerPage":`...)
	dst = strconv.AppendInt(dst, int64(len(page.Records)), 10)
	dst = append(dst, `,"Resources":[`...)
	for i, record := range page.Records {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = s.append(dst, root, record, request.Projection)
	}
	return append(dst, ']', '}')
}
