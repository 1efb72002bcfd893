package filter_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/scimtest"
)

// user decodes the body of a user and adds what the server keeps itself.
func user(t *testing.T, resource *schema.Type, body string) scim.Document {
	t.Helper()
	object, err := scim.ParseObject([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	in, err := resource.Decode(object, schema.Options{Region: "US"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"id", "meta", "groups", "schemas"} {
		if value, ok := object[name]; ok {
			in.Doc[name] = value
		}
	}
	return in.Doc
}

func TestCases(t *testing.T) {
	t.Parallel()
	extension, err := schema.ParseSchema(scimtest.ExtensionSchema(t))
	if err != nil {
		t.Fatal(err)
	}
	resource := schema.User.With(extension)
	for _, c := range scimtest.LoadFilterCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			f, err := filter.Parse(resource, c.Filter)
			if c.Expect.ScimType != "" {
				checkError(t, err, scim.ErrorType(c.Expect.ScimType), "")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			found := []string{}
			for _, body := range c.Docs {
				if doc := user(t, resource, string(body)); filter.Match(f.Root(), doc) {
					found = append(found, schema.ID.Text(doc))
				}
			}
			if diff := cmp.Diff(c.Expect.IDs, found, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s: ids found (-want +got)\n%s", c.Filter, diff)
			}
		})
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	doc := user(t, testUser, `{
		"id": "U1", "userName": "Zoë@Example.com", "externalId": "Ab", "active": true, "title": "Straße",
		"name": {"givenName": "Zoë"},
		"emails": [{"value": "zoe@work", "type": "work", "primary": true}, {"value": "zoe@nowhere"}],
		"phoneNumbers": [{"value": "(317) 572-4245", "type": "work"}],
		"meta": {"created": "2024-03-01T10:00:00.500Z", "version": "3"},
		"groups": [{"value": "g1", "display": "Staff"}],
		"`+enterprise+`": {"manager": "M1", "division": "Home"},
		"`+testURN+`": {"level": 7, "score": -0.5, "tags": ["Red", "blue"], "badge": "B1"}
	}`)
	for text, want := range map[string]bool{
		// text is folded, unless it is exact
		`userName eq "ZOE\u0308@EXAMPLE.COM"`: true,
		`title eq "STRASSE"`:                  true,
		`id eq "u1"`:                          false,
		`externalId co "b"`:                   true,
		`externalId co "B"`:                   false,
		`userName gt "zo"`:                    true,
		`userName le "zo"`:                    false,
		`userName co ""`:                      true,

		// an attribute without a value
		`nickName eq "x"`:      false,
		`nickName ne "x"`:      true,
		`nickName eq null`:     true,
		`nickName ne null`:     false,
		`nickName eq ""`:       true,
		`nickName lt "x"`:      false,
		`nickName sw ""`:       false,
		`nickName pr`:          false,
		`title ne null`:        true,
		`not (nickName pr)`:    true,
		`name.familyName pr`:   false,
		`name pr`:              true,
		`ims eq "x"`:           false,
		`ims ne "x"`:           true,
		`ims.type eq null`:     true,
		`ims pr`:               false,
		`ims[type ne "x"]`:     false,
		`department ne "x"`:    true,
		`photos.value eq null`: true,

		// several values
		`emails eq "zoe@work"`:                           true,
		`emails ne "zoe@work"`:                           true,
		`emails.type ne "work"`:                          true,
		`emails.type eq null`:                            true,
		`emails.type pr`:                                 true,
		`emails.display pr`:                              false,
		`emails.display eq null`:                         true,
		`emails[type eq "work" and value ew "nowhere"]`:  false,
		`emails[primary ne true and value ew "nowhere"]`: true,
		`emails[not (type pr) or value eq "x"]`:          true,

		// primary that an element lacks is false (RFC 7643 section 2.4)
		`emails[primary eq false and value ew "nowhere"]`:            true,
		`emails[primary eq false and value ew "work"]`:               false,
		`emails[primary ne false and value ew "nowhere"]`:            false,
		`emails[primary eq "False"].value eq "zoe@nowhere"`:          true,
		`emails.primary eq false`:                                    true,
		`phoneNumbers.primary ne false`:                              false,
		`phoneNumbers.primary eq false`:                              true,
		`ims.primary eq false`:                                       false,
		`ims.primary ne false`:                                       true,
		`emails[primary eq null and value ew "nowhere"]`:             true,
		`emails.type eq "work" and emails.value ew "nowhere"`:        true,
		`phoneNumbers.value eq "+1 317 572 4245"`:                    true,
		`phoneNumbers[type eq "work"].value ne "tel:+1-317-5724245"`: false,
		`groups.display co "staff"`:                                  true,
		`groups[value eq "G1"]`:                                      false,
		testURN + `:tags eq "red"`:                                   true,
		testURN + `:tags ne "red"`:                                   true,
		testURN + `:tags eq "green"`:                                 false,
		testURN + `:tags eq null`:                                    false,
		testURN + `:tags pr`:                                         true,
		testURN + `:tags[value eq "red"]`:                            true,
		testURN + `:tags[VALUE ne "red" and value sw "b"]`:           true,
		testURN + `:tags[value sw "r" and value sw "b"]`:             false,
		testURN + `:tags[not (value pr)]`:                            false,
		testURN + `:tags[value sw "r"].value ew "d"`:                 true,

		// other kinds
		`level eq 7`:       true,
		`level lt 10`:      true,
		`level ge 7.0`:     true,
		`level ne 7`:       false,
		`score lt 0`:       true,
		`score eq -5e-1`:   true,
		`active ne false`:  true,
		`active eq "TRUE"`: true,
		`meta.created eq "2024-03-01T11:00:00.5+01:00"`: true,
		`meta.created lt "2024-03-01T10:00:00.500Z"`:    false,
		`meta.lastModified pr`:                          false,
		`meta.version eq 3`:                             true,

		// singular complex attributes with a value
		`manager eq "M1"`:        true,
		`manager eq "m1"`:        false,
		`manager[value ne "M1"]`: false,
		`manager[value eq "M1"]`: true,
		`manager pr`:             true,
		`manager.displayName pr`: false,
		`division eq home`:       true,
		`badge eq "b1"`:          false,
		`manager ne "M2" and not (division eq "x") or level eq 8`: true,

		// schemas are told by the document
		`schemas pr`:                               true,
		`schemas eq "` + scim.UserURN + `"`:        true,
		`schemas eq "` + testURN + `"`:             true,
		`schemas eq "` + scim.GenesysUserURN + `"`: false,
		`schemas ew "2.0:User"`:                    true,
		`schemas eq null`:                          false,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			f, err := filter.Parse(testUser, text)
			if err != nil {
				t.Fatal(err)
			}
			if got := filter.Match(f.Root(), doc); got != want {
				t.Errorf("%s matches: %t", f, got)
			}
		})
	}
}

// TestMatchForeignValues has values of kinds that documents do not hold.
func TestMatchForeignValues(t *testing.T) {
	t.Parallel()
	doc := scim.Document{"userName": 7.0, "active": "true", "meta": map[string]any{"created": "soon"}, testURN: map[string]any{"level": "7"}}
	for _, name := range []string{`userName %s "7"`, `active %s true`, `meta.created %s "2024-03-01T10:00:00Z"`, `level %s 7`} {
		for op, want := range map[string]bool{"eq": false, "ne": true} {
			f, err := filter.Parse(testUser, strings.ReplaceAll(name, "%s", op))
			if err != nil {
				t.Fatal(err)
			}
			if got := filter.Match(f.Root(), doc); got != want {
				t.Errorf("%s matches: %t", f, got)
			}
		}
	}
}

// TestMatchNumbers has the numbers of a document that was not decoded.
func TestMatchNumbers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		have any
		want bool
	}{
		{`level gt 7`, json.Number("10"), true},
		{`level eq 7`, 7.0, true},
		{`level eq 7`, json.Number("7.5"), false},
		{`score ge 1.5`, int64(2), true},
		{`score eq 1.5`, json.Number("15e-1"), true},
		{`score ne 1.5`, json.Number("x"), true},
	} {
		f, err := filter.Parse(testUser, c.text)
		if err != nil {
			t.Fatal(err)
		}
		doc := scim.Document{testURN: map[string]any{"level": c.have, "score": c.have}}
		if got := filter.Match(f.Root(), doc); got != c.want {
			t.Errorf("%s matches %v: %t", f, c.have, got)
		}
	}
}
