package scimapi

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// checkStrict refuses to strict organisations what a request says around its body
// that the standard does not know. What it says inside is refused by the packages
// that read it.
func (d *door) checkStrict(r *http.Request, s org.Settings) error {
	if !s.Strict {
		return nil
	}
	if err := d.checkEndpoint(r.URL.Path); err != nil {
		return err
	}
	if err := checkParameters(r); err != nil {
		return err
	}
	for _, name := range []string{"If-Match", "If-None-Match"} {
		if value := r.Header.Get(name); value != "" && !entityTags.MatchString(value) {
			return scim.InvalidValue("%s is %q; * or versions in double quotes are expected, as in \"1\", or a meta.version", name, value)
		}
	}
	if r.ContentLength != 0 && r.Header.Get("Content-Type") == "" {
		return scim.UnsupportedMediaType("Content-Type is missing; %s is expected", scim.MediaType)
	}
	return nil
}

// entityTags is the value of If-Match (RFC 9110 section 13.1.1), or a meta.version as
// the server gives it.
var entityTags = regexp.MustCompile(`^\s*(\*|[0-9]+|(W/)?"[^"]*"(\s*,\s*(W/)?"[^"]*")*)\s*$`)

// checkEndpoint refuses the name of an endpoint in another case, and empty segments.
func (d *door) checkEndpoint(path string) error {
	if plain := httpapi.SkipEmpty(path); strings.Contains(path, "//") {
		return scim.NotFound("there is no endpoint %s; %s is", path, plain)
	}
	given := strings.TrimPrefix(path, d.path)
	if exact := httpapi.Spell(given, d.endpoints()); exact != given {
		return scim.NotFound("there is no endpoint %s; %s is", given, exact)
	}
	return nil
}

// parameters are those of the standard (RFC 7644 section 3.9, RFC 9865).
var parameters = []string{
	"filter", "sortBy", "sortOrder", "startIndex", "count", "cursor", "attributes", "excludedAttributes", dryRunParameter,
}

// checkParameters refuses parameters of the URL that are not known, or given twice.
func checkParameters(r *http.Request) error {
	if slices.Contains(strings.Split(r.URL.RawQuery, "&"), "") && r.URL.RawQuery != "" {
		return scim.InvalidValue("the query string holds a & without a parameter")
	}
	if separated(r.URL.RawQuery) != r.URL.RawQuery {
		return scim.InvalidValue("the query string holds a second ?; parameters are joined by &")
	}
	values, err := httpapi.Query(r.URL.RawQuery)
	if err != nil {
		return err
	}
	for name, list := range values {
		switch {
		case !slices.Contains(parameters, name):
			return scim.InvalidValue("the parameter %q is not known; %s are", name, strings.Join(parameters, ", "))
		case len(list) > 1:
			return scim.InvalidValue("the parameter %q is given %d times", name, len(list))
		}
	}
	return nil
}

// checkStrict refuses to strict organisations members of a search that are not
// known, and names of attributes that none of the types has. An attribute of an
// extension is named with its URN.
func (q query) checkStrict(s org.Settings, types ...*schema.Type) error {
	if !s.Strict {
		return nil
	}
	for _, g := range q {
		named := func(known string) bool { return strings.EqualFold(known, g.name) }
		if !named(schema.Schemas.Name) && !slices.ContainsFunc(parameters, named) {
			return scim.InvalidValue("%q is not known; %s are", strings.ToLower(g.name), strings.Join(parameters, ", "))
		}
	}
	if order := q.first("sortOrder"); order != strings.ToLower(order) {
		return scim.InvalidValue("sortOrder: %q is not allowed; ascending or descending is expected, in lower case", order)
	}
	for _, parameter := range []string{"attributes", "excludedAttributes", "sortBy"} {
		for name := range strings.SplitSeq(strings.Join(q.all(parameter), ","), ",") {
			if err := checkName(parameter, strings.TrimSpace(name), types); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkName refuses the name of an attribute that none of the types has, or that the
// standard writes otherwise.
func checkName(parameter, name string, types []*schema.Type) error {
	instead := ""
	for _, t := range types {
		ref, ok := t.Resolve(name)
		if ok && ref.Misspelt(name) == "" || name == "" {
			return nil
		}
		if ok {
			instead = ref.Misspelt(name)
		}
	}
	if instead != "" {
		return scim.InvalidValue("%s: %q %s", parameter, name, instead)
	}
	return scim.InvalidValue("%s: %q is not an attribute of %s; GET /Schemas lists those that are%s", parameter, name, types[0].Name, schema.Instead(types[0], name))
}

// readOperations reads the body of a PATCH.
func readOperations(body []byte, s org.Settings) ([]scim.PatchOp, error) {
	if s.Strict {
		object, err := scim.ParseObject(body)
		if err == nil {
			err = scim.CheckPatch(object)
		}
		if err != nil {
			return nil, err
		}
	}
	return scim.ParsePatch(body)
}
