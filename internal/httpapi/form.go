package httpapi

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"

	"github.com/purescim/purescim/internal/scim"
)

const (
	// formMedia is how browsers send a form that has no file.
	formMedia = "application/x-www-form-urlencoded"
	// fieldBytes is what a field of a form takes at most beside its text, parsed.
	fieldBytes = 200
)

// FormLimits are the bounds of a form: its bytes and its fields.
type FormLimits struct {
	Bytes  int64
	Fields int
}

// ReadForm reads the query and the form of a request, as http.Request.ParseForm does, within
// bounds, and within its share of the memory for bodies until it is answered. What the
// database cannot hold is refused, and a query that cannot be read as well. A form with a file
// is left unread.
func ReadForm(r *http.Request, most FormLimits) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return scim.BadRequest("the query of the address cannot be read").Because(err)
	}
	if err := checkParameters(query, "parameter"); err != nil || r.Method != http.MethodPost {
		return err
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == formMedia {
		if err := limitForm(r, most); err != nil {
			return err
		}
	}
	if err := r.ParseForm(); err != nil {
		return scim.BadRequest("the form cannot be read").Because(err)
	}
	return checkParameters(r.PostForm, "field")
}

// limitForm reads the text of a form and takes the share of what is made of it.
func limitForm(r *http.Request, most FormLimits) error {
	if r.ContentLength > most.Bytes {
		return tooLarge(most.Bytes)
	}
	x := exchangeOf(r.Context())
	x.bodyLimit = min(x.bodyLimit, most.Bytes)
	r.Body = http.MaxBytesReader(nil, r.Body, most.Bytes)
	text, err := x.readBody(r)
	if err != nil {
		return err
	}
	fields := bytes.Count(text, []byte{'&'}) + 1
	if fields > most.Fields {
		return scim.TooLarge("the form has more than the %d fields allowed here", most.Fields)
	}
	if len(text) > tinyBody {
		if err := x.take(r.Context(), x.memory.small, int64(len(text)+fields*fieldBytes)); err != nil {
			return err
		}
	}
	r.Body = io.NopCloser(bytes.NewReader(text))
	return nil
}

// IsTooLarge reports whether a body, or a part of it, was refused for its size.
func IsTooLarge(err error) bool {
	limit := (*http.MaxBytesError)(nil)
	return errors.As(err, &limit)
}
