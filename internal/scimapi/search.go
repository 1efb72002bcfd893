package scimapi

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/scim"
)

const (
	// searchEndpoint takes what is asked of a list in a body (RFC 7644 section
	// 3.4.3), at the root and below each collection.
	searchEndpoint = "/.search"
	rootEndpoint   = "/"
)

// mountSearch puts the endpoints on the router that search the whole directory.
func (d *door) mountSearch(r chi.Router) {
	d.frame.Handle(r, rootEndpoint, httpapi.Route{
		Methods: map[string]httpapi.Handler{http.MethodGet: d.listingAll(readQuery)}, Access: access,
	})
	d.frame.Handle(r, searchEndpoint, httpapi.Route{
		Methods: map[string]httpapi.Handler{http.MethodPost: d.listingAll(readSearch)}, Access: access,
	})
}

// readSearch reads a SearchRequest as the equivalent query. Parameters of the URL are
// ignored.
func readSearch(r *http.Request) (query, error) {
	body, err := httpapi.Body(r)
	if err != nil {
		return nil, err
	}
	object, err := scim.ParseObject(body)
	if err != nil {
		return nil, err
	}
	strict := httpapi.Principal(r.Context()).Org.Settings.Strict
	parameters := make(map[string][]string, len(object))
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if parameters[name], err = parameter(name, object[name]); err != nil {
			return nil, err
		}
		if err := checkKind(name, object[name]); strict && err != nil {
			return nil, err
		}
	}
	q := newQuery(parameters)
	if !strict && !q.has("schemas") { // the endpoint tells what is asked for
		return q, nil
	}
	if !slices.ContainsFunc(q.all("schemas"), func(urn string) bool { return strings.EqualFold(urn, scim.SearchRequestURN) }) {
		return nil, scim.InvalidSyntax("schemas: %q is expected in the body of a search", scim.SearchRequestURN)
	}
	return q, nil
}

// parameter gives the values of a member as a query has them.
func parameter(name string, value any) (values []string, err error) {
	switch v := value.(type) {
	case nil:
		return nil, nil
	case string:
		return []string{v}, nil
	case json.Number:
		return []string{string(v)}, nil
	case []any:
		for _, element := range v {
			text, ok := element.(string)
			if !ok {
				return nil, scim.InvalidValue("%s holds %s; strings are expected", name, scim.KindOf(element))
			}
			values = append(values, text)
		}
		return values, nil
	default:
		return nil, scim.InvalidValue("%s is %s; a string, a number or an array of strings is expected", name, scim.KindOf(value))
	}
}

// checkKind tells of a member whose value is not of the kind that RFC 7644 section 3.4.3
// has for it.
func checkKind(name string, value any) error {
	expected, kind := "", scim.KindOf(value)
	switch strings.ToLower(name) {
	case "schemas", "attributes", "excludedattributes":
		expected = "an array"
	case "startindex", "count":
		expected = "a number"
	case "filter", "sortby", "sortorder", "cursor":
		expected = "a string"
	}
	if value != nil && expected != "" && kind != expected {
		return scim.InvalidValue("%s is %s; %s is expected", name, kind, expected)
	}
	return nil
}
