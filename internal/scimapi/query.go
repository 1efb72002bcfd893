package scimapi

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// query is what a request says after the question mark. Clients spell the parameters' names
// in any case. Where one value is asked for, the first of a doubled parameter counts that is
// not empty.
type query []given

// given is a parameter as it is spelled.
type given struct {
	name   string
	values []string
}

// newQuery makes the query of parameters, in the order of their names.
func newQuery(parameters map[string][]string) query {
	q := make(query, 0, len(parameters))
	for name, values := range parameters {
		q = append(q, given{name, values})
	}
	slices.SortFunc(q, func(a, b given) int { return strings.Compare(a.name, b.name) })
	return q
}

// readQuery reads the query of a request.
func readQuery(r *http.Request) (query, error) {
	values, err := httpapi.Query(separated(r.URL.RawQuery))
	if err != nil {
		return nil, err
	}
	return newQuery(values), nil
}

// begins are the parameters that a second ? may stand before: what the server knows, and
// Entra's flag, which administrators append to a URL that others then append a query to.
var begins = append([]string{"pageSize", "pageNumber", "aadOptscim062020"}, parameters...)

// separated is a query in which a ? that begins a query within it is an &, and so is one
// behind a value, which begins an empty query. Inside of quotes, and where anything else
// follows, it belongs to a value.
func separated(raw string) string {
	if !strings.Contains(raw, "?") {
		return raw
	}
	text, quoted := []byte(raw), false
	for i := 0; i < len(raw); i++ {
		switch rest := raw[i:]; {
		case rest[0] == '\\':
			i++ // what follows is escaped, be it a quote
		case len(rest) > 2 && strings.EqualFold(rest[:3], "%5C"):
			i += 3
		case rest[0] == '"', strings.HasPrefix(rest, "%22"):
			quoted = !quoted
		case rest[0] == '&':
			quoted = false
		case rest[0] == '?' && !quoted:
			name := rest[1:]
			if end := strings.IndexAny(name, "=&?"); end >= 0 {
				name = name[:end]
			}
			if name == "" || slices.ContainsFunc(begins, func(known string) bool { return strings.EqualFold(known, name) }) {
				text[i] = '&'
			}
		}
	}
	return string(text)
}

// has reports whether the parameter is there, be it empty.
func (q query) has(name string) bool { return len(q.all(name)) > 0 }

func (q query) all(name string) (values []string) {
	for _, g := range q {
		switch {
		case !strings.EqualFold(g.name, name):
		case values == nil:
			values = g.values
		default:
			values = slices.Concat(values, g.values)
		}
	}
	return values
}

func (q query) first(name string) string {
	values := q.all(name)
	if len(values) == 0 {
		return ""
	}
	i := slices.IndexFunc(values, func(value string) bool { return strings.TrimSpace(value) != "" })
	return values[max(i, 0)]
}

// projection reads which attributes the answer shall hold. Strict organisations
// are told that the two parameters exclude each other (BEHAVIOUR 13).
func (q query) projection(t *schema.Type, s org.Settings) (schema.Projection, error) {
	attributes, excluded := q.all("attributes"), q.all("excludedAttributes")
	if s.Strict && strings.Join(attributes, "") != "" && strings.Join(excluded, "") != "" {
		return schema.Projection{}, scim.InvalidValue("attributes and excludedAttributes are both given; only one of them is allowed")
	}
	return t.Project(attributes, excluded), nil
}

// list reads what is asked of a list.
func (q query) list(t *schema.Type, s org.Settings, maxCount int) (directory.ListRequest, error) {
	if err := q.checkFilter(); err != nil {
		return directory.ListRequest{}, err
	}
	if err := q.checkCursor(); err != nil {
		return directory.ListRequest{}, err
	}
	start, count, err := q.page(maxCount)
	if err != nil {
		return directory.ListRequest{}, err
	}
	p, err := q.projection(t, s)
	byNumber := !q.isSet("startIndex") && q.isSet("pageNumber")
	return directory.ListRequest{
		Filter:     q.first("filter"),
		HasFilter:  q.isSet("filter") || s.Strict && q.has("filter"),
		SortBy:     q.first("sortBy"),
		SortOrder:  q.first("sortOrder"),
		Start:      start,
		Count:      count,
		HasCount:   q.isSet("count", "pageSize"),
		Whole:      byNumber,
		ByCursor:   q.has("cursor"),
		Cursor:     q.first("cursor"),
		Projection: p,
	}, err
}

// checkFilter refuses other words for filter: a client that filters must not get everything.
func (q query) checkFilter() error {
	for _, g := range q {
		if name := strings.ToLower(g.name); name != "filter" && strings.Contains(name, "filter") {
			return scim.InvalidFilter("%q is no parameter of a list; filter is", g.name)
		}
	}
	return nil
}

// checkCursor refuses what does not go with a cursor. A count that cannot be read is
// invalidCount beside one (RFC 9865 section 2.1).
func (q query) checkCursor() error {
	if !q.has("cursor") {
		return nil
	}
	if q.isSet("startIndex", "pageNumber") {
		return scim.InvalidValue("cursor and startIndex are both given; a list is paged by one of them")
	}
	_, _, err := q.number("count", "pageSize")
	if e := (*scim.Error)(nil); errors.As(err, &e) {
		return scim.InvalidCount("%s", e.Detail)
	}
	return nil
}

// isSet reports whether one of the parameters is there and not empty.
func (q query) isSet(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return strings.TrimSpace(q.first(name)) != "" })
}

// page reads the part of a list that is asked for: its first index, from 1, and
// its size. pageSize and pageNumber, which counts from 0, are what Saviynt's
// connector says instead (BEHAVIOUR 5-7).
func (q query) page(maxCount int) (start, count int, err error) {
	count, given, err := q.number("count", "pageSize")
	if err != nil {
		return 0, 0, err
	}
	if !given {
		count = schema.DefaultService.DefaultResults // BEHAVIOUR 5
	}
	count = min(max(count, 0), maxCount)
	start, given, err = q.number("startIndex")
	if err != nil || given {
		return max(start, 1), count, err
	}
	page, _, err := q.number("pageNumber")
	return max(page, 0)*count + 1, count, err
}

// number reads the first of the parameters that is there and not empty.
func (q query) number(names ...string) (n int, given bool, err error) {
	for _, name := range names {
		text := strings.TrimSpace(q.first(name))
		if text == "" {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil && !errors.Is(err, strconv.ErrRange) { // else it is the number nearest to it
			return 0, false, scim.InvalidValue("%s: %q is not allowed; a whole number is expected", name, text)
		}
		return int(n), true, nil
	}
	return 0, false, nil
}
