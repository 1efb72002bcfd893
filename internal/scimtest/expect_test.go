package scimtest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestValueMatches(t *testing.T) {
	t.Parallel()
	const missing = "missing"
	for _, test := range []struct {
		want, got string
		matches   bool
	}{
		{`"*"`, `"x"`, true},
		{`"*"`, `[]`, true},
		{`"*"`, `false`, true},
		{`"*"`, `null`, false},
		{`"*"`, missing, false},
		{`"!absent"`, missing, true},
		{`"!absent"`, `null`, true},
		{`"!absent"`, `""`, true},
		{`"!absent"`, `[]`, true},
		{`"!absent"`, `[1]`, false},
		{`"!absent"`, `false`, false},
		{`"!absent"`, `0`, false},
		{`"!absent"`, `{}`, false},
		{`[]`, missing, true},
		{`[]`, `[]`, true},
		{`[]`, `["a"]`, false},
		{`[]`, `null`, false},
		{`"a"`, `"a"`, true},
		{`"a"`, `"A"`, false},
		{`"a"`, missing, false},
		{`"1"`, `1`, false},
		{`1`, `1`, true},
		{`1`, `"1"`, false},
		{`true`, `true`, true},
		{`true`, `"true"`, false},
		{`{"a":[1]}`, `{"a":[1]}`, true},
		{`{"a":[1]}`, `{"a":[2]}`, false},
	} {
		var got any
		if test.got != missing {
			got = decode(t, test.got)
		}
		matches, err := valueMatches(json.RawMessage(test.want), got, test.got != missing)
		if err != nil || matches != test.matches {
			t.Errorf("%s against %s: %t, %v", test.want, test.got, matches, err)
		}
	}
}

func TestExpectCheck(t *testing.T) {
	t.Parallel()
	given := &answer{
		status: 200, body: []byte(`{"id":"u1","members":[{"value":"m1"}]}`),
		header: http.Header{"Content-Type": {"Application/SCIM+json; charset=utf-8"}, "Etag": {`"1"`}},
	}
	vars := variables{"m": "m1", "user": "u1"}
	for _, test := range []struct {
		name, expect, failure string
	}{
		{"status", `{"status": 200}`, ""},
		{"one of several", `{"status": [201, 200]}`, ""},
		{"other status", `{"status": [201, 204]}`, "status 200, want [201 204]"},
		{"header there", `{"status": 200, "headers": {"ETag": "*"}}`, ""},
		{"header missing", `{"status": 200, "headers": {"Location": "*"}}`, "header Location"},
		{"header contains", `{"status": 200, "headers": {"Content-Type": "~application/scim+JSON"}}`, ""},
		{"header contains not", `{"status": 200, "headers": {"Content-Type": "~xml"}}`, "header Content-Type"},
		{"header equals", `{"status": 200, "headers": {"ETag": "\"1\""}}`, ""},
		{"header differs", `{"status": 200, "headers": {"ETag": "1"}}`, "header ETag"},
		{"interpolated key", `{"status": 200, "body": {"$.members[value={{m}}].value": "{{m}}"}}`, ""},
		{"interpolated value", `{"status": 200, "body": {"$.id": "{{user}}"}}`, ""},
		{"value differs", `{"status": 200, "body": {"$.id": "{{m}}"}}`, `$.id is "u1", want "m1"`},
		{"value missing", `{"status": 200, "body": {"$.userName": "*"}}`, "$.userName is missing"},
		{"unknown variable in key", `{"status": 200, "body": {"$.members[value={{x}}]": "!absent"}}`, "nothing was saved as x"},
		{"unknown variable in value", `{"status": 200, "body": {"$.id": "{{x}}"}}`, "nothing was saved as x"},
		{"no path", `{"status": 200, "body": {"id": "*"}}`, "does not begin with $"},
	} {
		var expect Expect
		if err := json.Unmarshal([]byte(test.expect), &expect); err != nil {
			t.Fatal(err)
		}
		err := expect.check(given, vars)
		switch {
		case test.failure == "" && err != nil:
			t.Errorf("%s: %v", test.name, err)
		case test.failure != "" && (err == nil || !strings.Contains(err.Error(), test.failure)):
			t.Errorf("%s: got %v, want %q", test.name, err, test.failure)
		}
	}
}

func TestBodyIsNotLookedAtWithoutContent(t *testing.T) {
	t.Parallel()
	expect := Expect{Status: Statuses{200, 204}, Body: map[string]json.RawMessage{"$.id": json.RawMessage(`"*"`)}}
	if err := expect.check(&answer{status: 204}, nil); err != nil {
		t.Error(err)
	}
	if err := expect.check(&answer{status: 200}, nil); err == nil {
		t.Error("an empty body passes with status 200")
	}
}
