package platformapi

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/scim"
)

// query is the parameters of a request. Like body it keeps the first thing that
// is wrong, and ignores parameters that no reader takes; an empty value counts as missing.
type query struct {
	values url.Values
	err    error
}

func readQuery(r *http.Request) (*query, error) {
	values, err := httpapi.Query(r.URL.RawQuery)
	return &query{values: values}, err
}

func (q *query) text(name string) string { return q.values.Get(name) }

// number gives a whole number from low to high.
func (q *query) number(name string, fallback, low, high int) int {
	text := q.text(name)
	if text == "" {
		return fallback
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		q.fail("%s is %q; a number from %d to %d is expected", name, text, low, high)
		return fallback
	}
	return n
}

// word gives one of the words allowed, in any case.
func (q *query) word(name, fallback string, allowed ...string) string {
	text := strings.ToLower(q.text(name))
	switch {
	case text == "":
		return fallback
	case !slices.Contains(allowed, text):
		q.fail("%s is %q; one of %s is expected", name, q.text(name), strings.Join(allowed, ", "))
	}
	return text
}

// flag gives true or false.
func (q *query) flag(name string, fallback bool) bool {
	return q.word(name, strconv.FormatBool(fallback), "true", "false") == "true"
}

// list gives the values of a parameter that is repeated, or joined by commas. It
// is nil when the parameter is not there.
func (q *query) list(name string) []string {
	var list []string
	for _, value := range q.values[name] {
		for item := range strings.SplitSeq(value, ",") {
			if item = strings.TrimSpace(item); item != "" {
				list = append(list, item)
			}
		}
	}
	return list
}

// selection takes the parameters that choose from a list.
func (q *query) selection(p page) directory.Selection {
	order := q.word("sortOrder", "asc", "asc", "desc", "ascending", "descending")
	return directory.Selection{
		IDs: directory.ParseIDs(q.list("id")), Descending: strings.HasPrefix(order, "desc"),
		Offset: p.offset(), Limit: p.size,
	}
}

func (q *query) fail(format string, args ...any) {
	if q.err == nil {
		q.err = scim.BadRequest(format, args...)
	}
}
