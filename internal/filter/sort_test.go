package filter_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

var bothTypes = []*schema.Type{testUser, schema.Group}

func TestParseSort(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ by, order, print string }{
		{"userName", "", "userName"},
		{"USERNAME", "Descending", "userName descending"},
		{" title ", "ascending", "title"},
		{"name.familyName", "ASCENDING", "name.familyName"},
		{"emails", "", "emails.value"},
		{"email", "", "emails.value"},
		{"emails.type", "", "emails.type"},
		{"groups.display", "", "groups.display"},
		{"meta.lastModified", "descending", "meta.lastModified descending"},
		{"id", "", "id"},
		{"schemas", "", "schemas"},
		{"tags", "", "an attribute of two extensions"},
		{testURN + ":tags", "", testURN + ":tags"},
		{"department", "", enterprise + ":department"},
		{"manager", "", enterprise + ":manager.value"},
		{strings.ToUpper(enterprise) + ":employeeNumber", "", enterprise + ":employeeNumber"},
		{scim.UserURN + ":userName", "", "userName"},
		{"active", "", "active"},
		{testURN + ":score", "descending", testURN + ":score descending"},
	} {
		sorts, err := filter.ParseSort([]*schema.Type{testUser}, c.by, c.order)
		if c.by == "tags" {
			expectSortRefusal(t, c.by, err, "tags")
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.by, err)
		} else if got := sorts[0].String(); got != c.print || sorts[0].Kind != sorts[0].Attr.Kind {
			t.Errorf("%s %s is %q, want %q", c.by, c.order, got, c.print)
		}
	}
	if sorts, err := filter.ParseSort(bothTypes, " ", "descending"); sorts != nil || err != nil {
		t.Errorf("no sortBy is %v, %v", sorts, err)
	}
}

func expectSortRefusal(t *testing.T, by string, err error, told string) {
	t.Helper()
	if e := (*scim.Error)(nil); !errors.As(err, &e) || e.Status != 400 || e.Type != scim.TypeInvalidValue || !strings.Contains(e.Detail, told) {
		t.Errorf("%s: error %v, want invalidValue that tells of %q", by, err, told)
	}
}

func TestParseSort_Refuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ by, order, told string }{
		{"shoeSize", "", "not an attribute of User"},
		{"name", "", "givenName"},
		{"addresses", "", "postalCode"},
		{"meta", "", "lastModified"},
		{"password", "", "never returned"},
		{"groups.$ref", "", "groups.value"},
		{"meta.location", "", "computed"},
		{"meta.version", "", "no order"},
		{"x509Certificates", "", "binary"},
		{"emails.nope", "", "not a sub-attribute of emails"},
		{"userName.x", "", "no sub-attributes"},
		{enterprise, "", "employeeNumber"},
		{"urn:nobody:title", "", "not a schema of User"},
		{`emails[type eq "work"].value`, "", "not"},
		{"userName", "up", "sortOrder"},
		{"", "up", "sortOrder"},
		{"a\x00b", "", "NUL"},
		{strings.Repeat("a", 5000), "", "longer"},
	} {
		_, err := filter.ParseSort([]*schema.Type{testUser}, c.by, c.order)
		expectSortRefusal(t, c.by, err, c.told)
	}
}

func TestParseSort_OfSeveralTypes(t *testing.T) {
	t.Parallel()
	for by, want := range map[string][]string{
		"displayName":     {"displayName descending", "displayName descending"},
		"userName":        {"userName descending", "nothing descending"},
		"members.display": {"nothing descending", "members.display descending"},
		"meta.created":    {"meta.created descending", "meta.created descending"},
	} {
		sorts, err := filter.ParseSort(bothTypes, by, "descending")
		if err != nil {
			t.Errorf("%s: %v", by, err)
			continue
		}
		got := []string{sorts[0].String(), sorts[1].String()}
		if diff := cmp.Diff(want, got); diff != "" || sorts[0].Kind != sorts[1].Kind {
			t.Errorf("%s (-want +got):\n%s", by, diff)
		}
	}
	_, err := filter.ParseSort(bothTypes, "shoeSize", "")
	expectSortRefusal(t, "shoeSize", err, "not an attribute")
	ranked := schema.Group.With(schema.NewExtension(schema.Schema{ID: "urn:example:group", Name: "G", Attributes: []*schema.Attribute{
		{Name: "level", Kind: schema.String},
	}}))
	_, err = filter.ParseSort([]*schema.Type{testUser, ranked}, "level", "")
	expectSortRefusal(t, "level", err, "of type integer in one resource type and of type string in another")
}

func TestParseEach(t *testing.T) {
	t.Parallel()
	const all, none = "all", "none"
	for text, want := range map[string][2]string{
		`displayName eq "A"`:                                   {`displayName eq "a"`, `displayName eq "a"`},
		`meta.resourceType eq "User"`:                          {`meta.resourceType eq "User"`, `meta.resourceType eq "User"`},
		`userName eq "a"`:                                      {`userName eq "a"`, none},
		`userName ne "a"`:                                      {`userName ne "a"`, all},
		`userName eq null`:                                     {`userName eq null`, all},
		`userName ne null`:                                     {`userName ne null`, none},
		`userName eq ""`:                                       {`userName eq null`, all},
		`userName gt "a"`:                                      {`userName gt "a"`, none},
		`userName pr`:                                          {`userName pr`, none},
		`not (userName pr)`:                                    {`not (userName pr)`, all},
		`members.value eq "x"`:                                 {none, `members.value eq "x"`},
		`members[value eq "x"]`:                                {none, `members[value eq "x"]`},
		`emails[type eq "work"].value eq "x"`:                  {`emails[type eq "work" and value eq "x"]`, none},
		`userName eq "a" or displayName eq "b"`:                {`userName eq "a" or displayName eq "b"`, `displayName eq "b"`},
		`displayName eq "b" or userName eq "a"`:                {`displayName eq "b" or userName eq "a"`, `displayName eq "b"`},
		`userName eq "a" and displayName eq "b"`:               {`userName eq "a" and displayName eq "b"`, none},
		`displayName eq "b" and userName eq null`:              {`displayName eq "b" and userName eq null`, `displayName eq "b"`},
		`userName pr or members pr`:                            {`userName pr`, `members pr`},
		`not (userName pr and members pr)`:                     {all, all},
		`not (userName pr or displayName pr)`:                  {`not (userName pr or displayName pr)`, `not (displayName pr)`},
		`email sw "a"`:                                         {`emails.value sw "a"`, none},
		enterprise + `:department eq "x" or externalId eq "X"`: {enterprise + `:department eq "x" or externalId eq "X"`, `externalId eq "X"`},
	} {
		selections, err := filter.ParseEach(bothTypes, text, schema.Options{})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got [2]string
		for i, s := range selections {
			switch {
			case s.None:
				got[i] = none
			case s.Filter == nil:
				got[i] = all
			default:
				got[i] = s.Filter.String()
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	for _, text := range []string{``, `shoeSize eq 1`, `userName eq "a" and shoeSize pr`, `password eq "x"`, `members[userName eq "x"]`, `userName eq 'a'`} {
		if _, err := filter.ParseEach(bothTypes, text, schema.Options{}); err == nil {
			t.Errorf("%s is accepted", text)
		}
	}
}
