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

// checkStrict refuses, for strict organisations, what a request says around its
// body that the standard does not know. What it says inside is refused by the
// packages that read it.
func (s resources) checkStrict(r *http.Request) error {
	if err := s.checkEndpoint(r.URL.Path); err != nil {
		return err
	}
	if err := s.checkParameters(r); err != nil {
		return err
	}
	for _, name := range []string{"If-Match", "If-None-Match"} {
		if value := r.Header.Get(name); value != "" && !entityTags.MatchString(value) {
			return scim.InvalidValue("%s is %q; * or versions in double quotes are expected, as in \"1\"", name, value)
		}
	}
	if r.ContentLength != 0 && r.Header.Get("Content-Type") == "" {
		return scim.UnsupportedMediaType("Content-Type is missing; %s is expected", scim.MediaType)
	}
	return nil
}

// entityTags is the value of If-Match (RFC 9110 section 13.1.1).
var entityTags = regexp.MustCompile(`^\s*(\*|(W/)?"[^"]*"(\s*,\s*(W/)?"[^"]*")*)\s*$`)

// checkEndpoint refuses the name of an endpoint in another case.
func (d *door) checkEndpoint(path string) error {
	name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(path, d.path), "/"), "/")
	for _, exact := range d.names() {
		if name != exact && strings.EqualFold(name, exact) {
			return scim.NotFound("there is no endpoint /%s; /%s is", name, exact)
		}
	}
	return nil
}

// parameters are those of the standard (RFC 7644 section 3.9, RFC 9865).
var parameters = []string{
	"filter", "sortBy", "sortOrder", "startIndex", "count", "cursor", "attributes", "excludedAttributes",
}

// checkParameters refuses parameters of the URL that are not known, or given twice.
func (s resources) checkParameters(r *http.Request) error {
	if slices.Contains(strings.Split(r.URL.RawQuery, "&"), "") && r.URL.RawQuery != "" {
		return scim.InvalidValue("the query string holds a & without a parameter")
	}
	values, err := httpapi.Query(r)
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
	for _, name := range []string{"attributes", "excludedAttributes"} {
		if err := checkNames(s.t, name, values.Get(name)); err != nil {
			return err
		}
	}
	return nil
}

// checkNames refuses names in attributes or excludedAttributes that the type
// does not have. An attribute of an extension is named with its URN.
func checkNames(t *schema.Type, parameter, list string) error {
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		if name == "" {
			continue
		}
		if ref, known := t.Resolve(name); !known || ref.Short(name) {
			return scim.InvalidValue("%s: %q is not an attribute of %s; GET /Schemas lists those that are", parameter, name, t.Name)
		}
	}
	return nil
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
