package schema_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

const testURN = "urn:example:params:scim:schemas:extension:test:2.0:User"

// extended is the User type with the extension of the RFC cases.
func extended(t testing.TB) *schema.Type { return schema.User.With(extension(t)) }

func TestDecode(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body string
		want scim.Document
	}{
		"names in any case": {
			`{"USERNAME":"ada","name":{"GIVENNAME":"Ada"}}`,
			scim.Document{"userName": "ada", "name": object{"givenName": "Ada"}},
		},
		"a URN in any case": {
			`{"URN:IETF:params:scim:schemas:extension:ENTERPRISE:2.0:User":{"Department":"R&D"}}`,
			scim.Document{scim.EnterpriseUserURN: object{"department": "R&D"}},
		},
		"a core attribute under its URN": {
			`{"` + scim.UserURN + `":{"title":"Dr"}}`,
			scim.Document{"title": "Dr"},
		},
		"read-only attributes are ignored": {
			`{"id":5,"schemas":"x","meta":[1],"groups":[{"value":"g"}],"title":"Dr"}`,
			scim.Document{"title": "Dr"},
		},
		"null, empty text, list and object are unassigned": {
			`{"title":null,"nickName":"","emails":[],"name":{},"phoneNumbers":[{}],"active":"","roles":[null,""],"addresses":null,"locale":[]}`,
			scim.Document{},
		},
		"an extension sent as null or empty text": {
			`{"` + scim.EnterpriseUserURN + `":null,"` + scim.GenesysUserURN + `":""}`,
			scim.Document{},
		},
		"an extension of nothing": {
			`{"` + scim.EnterpriseUserURN + `":{"department":null,"manager":{"value":""}},"` + scim.GenesysUserURN + `":{}}`,
			scim.Document{},
		},
		"unknown names are ignored": {
			`{"shoeSize":43,"name":{"givenName":"Ada","shoe":1},"` + scim.EnterpriseUserURN + `":{"shoeSize":43}}`,
			scim.Document{"name": object{"givenName": "Ada"}},
		},
		"booleans in words": {
			`{"active":"False","emails":[{"value":"a@example.org","primary":"TRUE"}]}`,
			scim.Document{"active": false, "emails": list{object{"value": "a@example.org", "primary": true}}},
		},
		"one value of a multi-valued attribute": {
			`{"emails":{"value":"a@example.org"}}`,
			scim.Document{"emails": list{object{"value": "a@example.org"}}},
		},
		"a bare address": {
			`{"emails":["a@example.org"]}`,
			scim.Document{"emails": list{object{"value": "a@example.org", "type": "work"}}},
		},
		"equal values are one": {
			`{"emails":[{"value":"a","type":"work"},{"type":"work","value":"a"},{"value":"a"}]}`,
			scim.Document{"emails": list{object{"value": "a", "type": "work"}, object{"value": "a"}}},
		},
		"telephone numbers are E.164": {
			`{"phoneNumbers":[{"value":"(317) 572-4245","type":"work"},{"value":"tel:+1-317-572-4245","type":"work"},{"value":"+1 317 572 4245; ext=12"}]}`,
			scim.Document{"phoneNumbers": list{
				object{"value": "+13175724245", "type": "work"}, object{"value": "tel:+13175724245;ext=12"},
			}},
		},
		"roles by name, in JSON, and with keys of Entra's own": {
			`{"roles":["admin",{"value":"{\"id\":\"1\",\"value\":\"agent\"}"},{"VALUE":"boss","displayName":"boss"}]}`,
			scim.Document{"roles": list{object{"value": "admin"}, object{"value": "agent"}, object{"value": "boss"}}},
		},
		"a role whose name looks like JSON": {
			`{"roles":["{x}"]}`,
			scim.Document{"roles": list{object{"value": "{x}"}}},
		},
		"skills by name": {
			`{"` + scim.GenesysUserURN + `":{"routingSkills":["chat",{"name":"mail","proficiency":4.5}],"routingLanguages":"en"}}`,
			scim.Document{scim.GenesysUserURN: object{
				"routingSkills":    list{object{"name": "chat"}, object{"name": "mail", "proficiency": 4.5}},
				"routingLanguages": list{object{"name": "en"}},
			}},
		},
		"the manager as text": {
			`{"` + scim.EnterpriseUserURN + `":{"manager":"m"}}`,
			scim.Document{scim.EnterpriseUserURN: object{"manager": object{"value": "m"}}},
		},
		"the manager in a list": {
			`{"` + scim.EnterpriseUserURN + `":{"manager":[{"$ref":"../Users/m","value":"m","displayName":"Grace"}]}}`,
			scim.Document{scim.EnterpriseUserURN: object{"manager": object{"value": "m"}}},
		},
		"the manager bare": {
			`{"manager":{"value":"m"}}`,
			scim.Document{scim.EnterpriseUserURN: object{"manager": object{"value": "m"}}},
		},
		"other short names are not for bodies": {
			`{"department":"R&D"}`,
			scim.Document{},
		},
		"a date of hire with time": {
			`{"` + scim.EnterpriseUserURN + `":{"dateHire":"2024-12-10T23:30:00-05:00"}}`,
			scim.Document{scim.EnterpriseUserURN: object{"dateHire": "2024-12-10"}},
		},
		"numbers": {
			`{"` + testURN + `":{"level":-9223372036854775808,"score":1e2,"tags":["a","A","a"]}}`,
			scim.Document{testURN: object{"level": int64(-9223372036854775808), "score": 100.0, "tags": list{"a"}}},
		},
		"minus nought": {
			`{"` + testURN + `":{"level":-0,"score":-0.0}}`,
			scim.Document{testURN: object{"level": int64(0), "score": 0.0}},
		},
		"certificates in base64": {
			`{"x509Certificates":[{"value":"MIIB"},{"value":"YQ=="},{"value":"YWE"},{"value":"-_-_"}]}`,
			scim.Document{"x509Certificates": list{object{"value": "MIIB"}, object{"value": "YQ=="}, object{"value": "YWE"}, object{"value": "-_-_"}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := decode(t, extended(t), []byte(test.body))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	many := func(n int) string {
		var names []string
		for i := range n {
			names = append(names, fmt.Sprintf(`{"name":"s%d"}`, i))
		}
		return `{"` + scim.GenesysUserURN + `":{"routingSkills":[` + strings.Join(names, ",") + `]}}`
	}
	if _, err := tryDecode(t, many(50), schema.Options{}); err != nil {
		t.Errorf("50 skills: %v", err)
	}
	for _, test := range []struct {
		body string
		kind scim.ErrorType
		why  string
	}{
		{`{"userName":"a","USERNAME":"b"}`, scim.TypeInvalidSyntax, "userName is given twice"},
		{`{"userName":"a","username":null}`, scim.TypeInvalidSyntax, "userName is given twice"},
		{`{"id":"a","ID":"b"}`, scim.TypeInvalidSyntax, "id is given twice"},
		{`{"name":{"givenName":"","GivenName":"b"}}`, scim.TypeInvalidSyntax, "name.givenName is given twice"},
		{`{"emails":[{"value":"a"},{"value":"a","Value":"b"}]}`, scim.TypeInvalidSyntax, "emails.value is given twice"},
		{`{"manager":{"$ref":"a","$REF":"b"}}`, scim.TypeInvalidSyntax, "manager.$ref is given twice"},
		{`{"` + scim.EnterpriseUserURN + `":{"department":"a","Department":"b"}}`, scim.TypeInvalidSyntax, "User:department is given twice"},
		{`{"` + scim.EnterpriseUserURN + `":{},"` + strings.ToUpper(scim.EnterpriseUserURN) + `":{}}`, scim.TypeInvalidSyntax, "2.0:User is given twice"},
		{`{"manager":"a","` + scim.EnterpriseUserURN + `":{"manager":"b"}}`, scim.TypeInvalidSyntax, "manager is given twice"},
		{`{"title":"a","` + scim.UserURN + `":{"title":"b"}}`, scim.TypeInvalidSyntax, "title is given twice"},

		{`{"userName":5}`, scim.TypeInvalidValue, "userName is a number; a string is expected"},
		{`{"userName":["a","b"]}`, scim.TypeInvalidValue, "userName is an array"},
		{`{"name":"Ada"}`, scim.TypeInvalidValue, "name is a string; an object is expected"},
		{`{"name":[{"givenName":"Ada"},{"givenName":"Bo"}]}`, scim.TypeInvalidValue, "name is an array"},
		{`{"phoneNumbers":[true]}`, scim.TypeInvalidValue, "phoneNumbers is a boolean"},
		{`{"addresses":["Rome"]}`, scim.TypeInvalidValue, "addresses is a string"},
		{`{"emails":[{"value":{"a":1}}]}`, scim.TypeInvalidValue, "emails.value is an object"},
		{`{"manager":["a","b"]}`, scim.TypeInvalidValue, "manager is an array"},
		{`{"` + scim.EnterpriseUserURN + `":"x"}`, scim.TypeInvalidValue, "enterprise:2.0:User is a string; an object of its attributes is expected"},
		{`{"` + scim.GenesysUserURN + `":{"externalIds":[{"authority":"a"}]}}`, scim.TypeInvalidValue, "externalIds.value is required in each value"},
		{`{"active":1}`, scim.TypeInvalidValue, "active is a number; true or false is expected"},
		{`{"active":"yes"}`, scim.TypeInvalidValue, `active: "yes" is not allowed; true or false is expected`},
		{`{"emails":[{"value":"a","primary":true},{"value":"b","primary":"True"}]}`, scim.TypeInvalidValue, "emails has two values with primary true"},
		{`{"phoneNumbers":[{"value":"1234567890123"}]}`, scim.TypeInvalidValue, `phoneNumbers.value: "1234567890123" is not a possible telephone number (region tried: "US")`},
		{many(51), scim.TypeInvalidValue, "routingSkills has 51 values; at most 50 are allowed"},
		{`{"` + scim.GenesysUserURN + `":{"routingSkills":[{"name":"a","proficiency":5.1}]}}`, scim.TypeInvalidValue, "5.1 is not allowed; a number from 0.0 to 5.0 is expected"},
		{`{"` + scim.GenesysUserURN + `":{"routingSkills":[{"name":"a","proficiency":-0.1}]}}`, scim.TypeInvalidValue, "from 0.0 to 5.0"},
		{`{"` + scim.GenesysUserURN + `":{"routingSkills":[{"name":"a","proficiency":"x5"}]}}`, scim.TypeInvalidValue, "proficiency is a string; a number is expected"},
		{`{"` + scim.EnterpriseUserURN + `":{"dateHire":"10.12.2024"}}`, scim.TypeInvalidValue, "dateHire: a date is expected, YYYY-MM-DD"},
		{`{"` + scim.EnterpriseUserURN + `":{"dateHire":"2024-02-30"}}`, scim.TypeInvalidValue, "dateHire"},
		{`{"` + testURN + `":{"level":1.0}}`, scim.TypeInvalidValue, "level: 1.0 is not allowed; an integer"},
		{`{"` + testURN + `":{"level":1e2}}`, scim.TypeInvalidValue, "level: 1e2 is not allowed; an integer"},
		{`{"` + testURN + `":{"level":9223372036854775808}}`, scim.TypeInvalidValue, "too large an integer"},
		{`{"` + testURN + `":{"level":"one"}}`, scim.TypeInvalidValue, "level is a string; a number is expected"},
		{`{"` + testURN + `":{"score":1e999}}`, scim.TypeInvalidValue, "1e999 is too large a number"},
		{`{"x509Certificates":[{"value":"no base64!"}]}`, scim.TypeInvalidValue, "x509Certificates.value is not base64"},
		{`{"x509Certificates":[{"value":"=="}]}`, scim.TypeInvalidValue, "not base64"},
		{`{"x509Certificates":[{"value":"YQ==="}]}`, scim.TypeInvalidValue, "not base64"},
		{`{"x509Certificates":[{"value":"a"}]}`, scim.TypeInvalidValue, "not base64"},
		{`{"x509Certificates":[{"value":"+_+_"}]}`, scim.TypeInvalidValue, "not base64"},
		{`{"title":1,"active":2,"locale":3}`, scim.TypeInvalidValue, "active is a number"}, // always the same one
	} {
		_, err := tryDecode(t, test.body, schema.Options{Region: "US"})
		e := (*scim.Error)(nil)
		if !errors.As(err, &e) || e.Status != 400 || e.Type != test.kind || !strings.Contains(e.Detail, test.why) {
			t.Errorf("Decode(%.100s): error %v, want %s that says %q", test.body, err, test.kind, test.why)
		}
	}
}

func tryDecode(t testing.TB, body string, o schema.Options) (schema.Input, error) {
	t.Helper()
	object, err := scim.ParseObject([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return extended(t).Decode(object, o)
}

func TestManyEqualValuesAreOne(t *testing.T) {
	t.Parallel()
	body := `{"entitlements":[` + strings.Repeat(`{"value":"a"},{"value":"b","type":"x"},{"type":"x","value":"b"},`, 100) + `{"value":"a"}]}`
	in, err := tryDecode(t, body, schema.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(scim.Document{"entitlements": list{object{"value": "a"}, object{"value": "b", "type": "x"}}}, in.Doc); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUnknownAttributes(t *testing.T) {
	t.Parallel()
	bodies := map[string]string{
		`{"shoeSize":43}`:      "shoeSize",
		`{"department":"R&D"}`: "department",
		`{"` + scim.EnterpriseUserURN + `":{"shoeSize":null}}`:    scim.EnterpriseUserURN + ":shoeSize",
		`{"urn:ietf:params:scim:schemas:core:2.0:Group":{"x":1}}`: scim.GroupURN,
	}
	for body, path := range bodies {
		var warned []string
		if _, err := tryDecode(t, body, schema.Options{Warn: func(path string) { warned = append(warned, path) }}); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		if diff := cmp.Diff([]string{path}, warned); diff != "" {
			t.Errorf("%s warns of (-want +got):\n%s", body, diff)
		}
	}
	bodies[`{"name":{"shoeSize":1}}`] = `"shoeSize" is not a sub-attribute of name; allowed are formatted, familyName`
	bodies[`{"emails":[{"shoeSize":null}]}`] = `"shoeSize" is not a sub-attribute of emails`
	for body, why := range bodies {
		_, err := tryDecode(t, body, schema.Options{Strict: true})
		e := (*scim.Error)(nil)
		if !errors.As(err, &e) || e.Type != scim.TypeInvalidSyntax || !strings.Contains(e.Detail, why) {
			t.Errorf("%s, strict: error %v does not say %q", body, err, why)
		}
	}
	if _, err := tryDecode(t, string(ada), schema.Options{Strict: true, Region: "US"}); err != nil {
		t.Errorf("strict: %v", err)
	}
}

func TestSent(t *testing.T) {
	t.Parallel()
	in, err := tryDecode(t, `{"roles":null,"ACTIVE":true,"`+scim.EnterpriseUserURN+`":{"department":null}}`, schema.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for a, want := range map[*schema.Attribute]bool{
		schema.Roles: true, schema.Active: true, schema.Department: true, schema.Password: false, schema.Division: false,
	} {
		if got := in.Sent(a); got != want {
			t.Errorf("Sent(%s) = %t", a, got)
		}
	}
}

func TestDecodeLeavesTheBodyAlone(t *testing.T) {
	t.Parallel()
	const body = `{"roles":[{"value":"{\"value\":\"agent\"}"},"boss"],"manager":["m"],"emails":["a","a"]}`
	object, err := scim.ParseObject([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := schema.User.Decode(object, schema.Options{}); err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	if err := json.Unmarshal([]byte(body), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, object); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}

func TestDecodeLeavesBlanksOut(t *testing.T) {
	t.Parallel()
	object, err := scim.ParseObject([]byte(`{"userName":"ada","title":" \t","name":{"givenName":"\u200b"},"phoneNumbers":[{"type":"work","value":" "}],
		"emails":" ","roles":["\u00a0"],"active":" ","manager":" "}`))
	if err != nil {
		t.Fatal(err)
	}
	in, err := schema.User.Decode(object, schema.Options{Region: "US"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(scim.Document{"userName": "ada"}, in.Doc); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCheckRequired(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		typ *schema.Type
		doc scim.Document
		why string // empty: nothing is missing
	}{
		{schema.User, scim.Document{"userName": "ada"}, ""},
		{schema.User, scim.Document{}, "userName is required and may not be empty"},
		{schema.User, scim.Document{"userName": " \t"}, "userName is required"},
		{schema.Group, scim.Document{"displayName": ""}, "displayName is required"},
		{schema.Group, scim.Document{"displayName": "Sales", "members": list{object{"type": "User"}}}, "members.value is required in each value of members"},
		{schema.User, scim.Document{"userName": "ada", scim.GenesysUserURN: object{"routingSkills": list{object{"name": " ", "proficiency": 1.0}}}}, "routingSkills.name is required in each value"},
		{schema.User, scim.Document{"userName": "ada", scim.GenesysUserURN: object{"externalIds": list{object{"value": "x", "authority": "y"}, object{"value": "x"}}}}, "externalIds.authority is required"},
	} {
		err := test.typ.CheckRequired(test.doc)
		if test.why == "" {
			if err != nil {
				t.Errorf("%v: %v", test.doc, err)
			}
			continue
		}
		if e := (*scim.Error)(nil); !errors.As(err, &e) || e.Type != scim.TypeInvalidValue || !strings.Contains(e.Detail, test.why) {
			t.Errorf("%v: error %v does not say %q", test.doc, err, test.why)
		}
	}
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2026-01-31T08:30:00Z":           "2026-01-31T08:30:00.000Z",
		"2026-01-31T08:30:00":            "2026-01-31T08:30:00.000Z",
		"2026-01-31T08:30:00.123456789Z": "2026-01-31T08:30:00.123Z",
		"2026-01-31T08:30:00.5+02:00":    "2026-01-31T06:30:00.500Z",
		"2024-02-29T00:00:00+14:00":      "2024-02-28T10:00:00.000Z",
		"2026-12-31T23:00:00-14:00":      "2027-01-01T13:00:00.000Z",
		"2026-12-31T24:00:00Z":           "2027-01-01T00:00:00.000Z",
		"2026-12-31T24:00:00.000":        "2027-01-01T00:00:00.000Z",
		"0001-01-01T00:00:00Z":           "0001-01-01T00:00:00.000Z",
		"9999-12-31T23:59:59.999Z":       "9999-12-31T23:59:59.999Z",
		"2026-01-31":                     "",
		"2026-01-31T08:30Z":              "",
		"2026-01-31 08:30:00Z":           "",
		"2026-01-31t08:30:00z":           "",
		"2026-01-31T8:30:00Z":            "",
		"2026-01-31T08:30:00,5Z":         "",
		"2026-01-31T08:30:00.Z":          "",
		"2026-01-31T08:30:60Z":           "",
		"2026-01-31T08:60:00Z":           "",
		"2026-01-31T24:00:01Z":           "",
		"2026-01-31T25:00:00Z":           "",
		"2026-01-31T08:30:00+14:01":      "",
		"2026-01-31T08:30:00+0200":       "",
		"2026-04-31T08:30:00Z":           "",
		"2025-02-29T00:00:00Z":           "",
		"0000-01-01T00:00:00Z":           "",
		"0001-01-01T00:00:00+01:00":      "",
		"9999-12-31T24:00:00Z":           "",
		"10000-01-01T00:00:00Z":          "",
		" 2026-01-31T08:30:00Z":          "",
		"":                               "",
	} {
		got, err := schema.ParseTime(text)
		if want == "" {
			if err == nil {
				t.Errorf("ParseTime(%q) = %v, want an error", text, got)
			}
			continue
		}
		if err != nil || got.Format(schema.TimeLayout) != want {
			t.Errorf("ParseTime(%q) = %v, %v; want %s", text, got, err, want)
		}
	}
}
