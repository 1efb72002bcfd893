package servertest_test

import (
	"fmt"
	"net/url"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/servertest"
)

const typed = "urn:example:params:scim:schemas:extension:typed:2.0:User"

// withTyped declares a schema with one attribute of each of the types that the
// schemas of users do not have.
func withTyped(t *testing.T, o *servertest.Org) {
	t.Helper()
	var attributes []any
	for name, kind := range map[string]string{"when": "dateTime", "size": "integer", "weight": "decimal", "data": "binary"} {
		attributes = append(attributes, map[string]any{"name": name, "type": kind})
	}
	o.Do(t, "POST", "/api/v2/directory/schemas", map[string]any{
		"resourceType": "User", "schema": map[string]any{"id": typed, "name": "Typed", "attributes": attributes},
	}).Want(t, 200)
}

// values sends texts of JSON as values of an attribute, of which some are taken,
// and answered as they are told, and others refused.
func values(t *testing.T, attribute string, taken map[string]any, refused ...string) {
	t.Helper()
	o := servertest.New(t).NewOrg(t)
	withTyped(t, o)
	send := func(value string) *servertest.Answer {
		return o.Do(t, "POST", "/Users", fmt.Sprintf(`{"userName":%q,%q:{%q:%s}}`, maker{}.unique(), typed, attribute, value))
	}
	for value, want := range taken {
		extension, _ := send(value).Want(t, 201).Object(t)[typed].(map[string]any)
		if diff := cmp.Diff(want, extension[attribute]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", value, diff)
		}
	}
	for _, value := range refused {
		send(value).Refused(t, 400, "invalidValue")
	}
}

// RFC 7643 section 2.3.5.
func TestResource_DateTimes(t *testing.T) {
	t.Parallel()
	values(t, "when", map[string]any{
		`"2024-02-29T23:59:59Z"`:             "2024-02-29T23:59:59.000Z",
		`"2026-01-31T10:00:00.5+14:00"`:      "2026-01-30T20:00:00.500Z",
		`"2026-01-31T10:00:00.123456-05:00"`: "2026-01-31T15:00:00.123Z",
		`"2026-01-31T10:00:00"`:              "2026-01-31T10:00:00.000Z",
		`"2026-01-31T10:00:00.000+0100"`:     "2026-01-31T09:00:00.000Z",
	}, `"2026-01-31"`, `"2026-01-31T10:00:00+01"`, `"2026-01-31T10:00:00+2500"`, `"2026-01-31T100000+0100"`, `"2026-04-31T10:00:00Z"`, `"2023-02-29T10:00:00Z"`, `"10:00:00Z"`, `"2026-01-31 10:00:00Z"`, `1767225600`)
}

// RFC 7643 sections 2.3.3 and 2.3.4.
func TestResource_Numbers(t *testing.T) {
	t.Parallel()
	values(t, "size", map[string]any{`7`: 7.0, `-7`: -7.0, `0`: 0.0, `"7"`: 7.0}, `1.0`, `1e2`, `1.5`, `"7.0"`, `"seven"`, `true`)
	values(t, "weight", map[string]any{`7.25`: 7.25, `7`: 7.0, `1e2`: 100.0, `"-7.25"`: -7.25}, `"7,25"`, `"+7"`, `true`)
}

// RFC 7643 section 2.3.6.
func TestResource_Binaries(t *testing.T) {
	t.Parallel()
	values(t, "data", map[string]any{`"AQID"`: "AQID", `"AQI="`: "AQI="}, `"?"`, `"A"`, `"AQ I="`, `7`)
	o := servertest.New(t).NewOrg(t)
	o.Do(t, "POST", "/Users", map[string]any{"userName": "ada", "x509Certificates": servertest.Values("not base64!")}).Refused(t, 400, "invalidValue")
}

// RFC 7644 section 5: what people take for the same name is the same name.
func TestUserName_IsPreparedForComparison(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	for stored, same := range map[string][]string{
		"Zo\u00eb@example.org": {"zoe\u0308@EXAMPLE.org", "ZO\u00cb@example.org"},
		"\u00c5ngstr\u00f6m":   {"\u212bngstr\u00f6m", "a\u030angstro\u0308m"},
	} {
		id := o.NewUser(t, stored)
		for _, name := range same {
			o.Do(t, "POST", "/Users", map[string]any{"userName": name}).Refused(t, 409, "uniqueness")
			filter := url.QueryEscape(fmt.Sprintf("userName eq %q", name))
			if got := o.Do(t, "GET", "/Users?filter="+filter, nil).List(t).IDs(); !slices.Equal(got, []string{id}) {
				t.Errorf("%q finds %v", name, got)
			}
		}
		if got := read(t, o, id)["userName"]; got != stored {
			t.Errorf("%q is answered as %v", stored, got)
		}
	}
}

// RFC 7644 section 3.4.2.2, table 3, on each type of value.
func TestFilter_Operators(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	withTyped(t, o)
	of := func(when string, size int) map[string]any { return map[string]any{"when": when, "size": size} }
	for name, user := range map[string]map[string]any{
		"ada": {"title": "Engineer", typed: of("2026-01-31T10:00:00Z", 9)},
		"bob": {"title": "engine driver", typed: of("2026-01-31T10:00:00.001Z", 10), "active": false},
		"eve": {},
	} {
		user["userName"], user["displayName"] = name, name
		create(t, o, user)
	}
	when, size := typed+":when", typed+":size"
	for filter, want := range map[string]string{
		`title eq "engineer"`: "ada", `title ne "engineer"`: "bob eve", `title co "GINE"`: "ada bob", `title sw "engine "`: "bob",
		`title ew "NEER"`: "ada", `title pr`: "ada bob", `title gt "engine driver"`: "ada", `title ge "ENGINE driver"`: "ada bob",
		`title lt "engineer"`: "bob", `title le "engineer"`: "ada bob", `title eq ""`: "eve", `title co ""`: "ada bob",
		when + ` eq "2026-01-31T11:00:00+01:00"`: "ada", when + ` eq "2026-01-31T05:00:00.000-0500"`: "ada", when + ` gt "2026-01-31T10:00:00Z"`: "bob", when + ` ge "2026-01-31T10:00:00.001Z"`: "bob",
		when + ` lt "2026-01-31T10:00:00.001Z"`: "ada", when + ` le "2026-01-31T05:00:00.001-05:00"`: "ada bob", when + ` pr`: "ada bob",
		size + ` eq 9`: "ada", size + ` ne 9`: "bob eve", size + ` gt 9`: "bob", size + ` ge 9`: "ada bob", size + ` lt 10`: "ada", size + ` le 9`: "ada",
		`active eq true`: "ada eve", `active ne true`: "bob", `active pr`: "ada bob eve",
	} {
		names := []string{}
		for _, user := range o.Do(t, "GET", "/Users?filter="+url.QueryEscape(filter)+"&sortBy=userName", nil).List(t).Resources {
			names = append(names, user["userName"].(string))
		}
		if got := fmt.Sprint(names); got != "["+want+"]" {
			t.Errorf("%s finds %s, want [%s]", filter, got, want)
		}
	}
}

// RFC 7644 section 3.4.2.2: a value is JSON, whatever it holds.
func TestFilter_ValuesAreJSON(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	const title = `a "b" \c/ d) and ] é 🧶`
	id := create(t, o, map[string]any{"userName": "ada", "title": title})["id"].(string)
	for _, value := range []string{
		`"a \"b\" \\c/ d) and ] é 🧶"`, `"a \u0022b\u0022 \\c\/ d) and ] \u00e9 \ud83e\uddf6"`,
	} {
		if got := o.Do(t, "GET", "/Users?filter="+url.QueryEscape("title eq "+value), nil).List(t).IDs(); !slices.Equal(got, []string{id}) {
			t.Errorf("%s finds %v", value, got)
		}
	}
	for _, value := range []string{`'a'`, `"a`, `"a\x"`, `{"a":1}`, `["a"]`} {
		o.Do(t, "GET", "/Users?filter="+url.QueryEscape("title eq "+value), nil).Refused(t, 400, "invalidFilter")
	}
}

// RFC 7644 section 3.4.2.2: a filter sees what was answered, also what the server
// has made of it.
func TestFilter_SeesDefaults(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	user := create(t, o, map[string]any{
		"userName": "ada@example.org", "name": map[string]any{"givenName": "Ada", "familyName": "Lovelace"},
		"phoneNumbers": []any{map[string]any{"value": "+13175724245", "primary": true}, map[string]any{"value": "+13175724246", "type": "home"}},
	})
	for filter, shown := range map[string]any{
		`active eq true`: user["active"], `displayName eq "Ada Lovelace"`: user["displayName"],
		`emails[type eq "other" and value eq "ada@example.org"]`: user["emails"],
		// RFC 7643 section 2.4: primary that is not there is false.
		`phoneNumbers[primary eq false and type eq "home"]`: true, `phoneNumbers.primary eq false`: true,
		`not (phoneNumbers[primary ne false and type eq "home"])`: true, `not (ims.primary eq false)`: true,
	} {
		if got := o.Do(t, "GET", "/Users?filter="+url.QueryEscape(filter), nil).List(t); shown == nil || got.TotalResults != 1 {
			t.Errorf("%s finds %d; answered is %v", filter, got.TotalResults, shown)
		}
	}
	change := map[string]any{"op": "replace", "path": "phoneNumbers[primary eq false].value", "value": "+13175724247"}
	numbers := o.Do(t, "PATCH", "/Users/"+user["id"].(string), servertest.Patch(change)).Want(t, 200).Object(t)["phoneNumbers"]
	if got := numbers.([]any)[1].(map[string]any)["value"]; got != change["value"] {
		t.Errorf("a path chose %v, not the number that is not primary", numbers)
	}
}

// RFC 7643 section 2.3.1: other words than the canonical ones are taken, and
// compared in any case.
func TestResource_CanonicalValuesAreSuggestions(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	for attribute, value := range map[string]string{"emails": "a@example.org", "phoneNumbers": "+13172222222", "ims": "a"} {
		id := create(t, o, map[string]any{"userName": attribute, attribute: []any{map[string]any{"value": value, "type": "Vacation"}}})["id"].(string)
		if got := o.Do(t, "GET", "/Users?filter="+url.QueryEscape(attribute+`[type eq "VACATION"]`), nil).List(t).IDs(); !slices.Equal(got, []string{id}) {
			t.Errorf("%s: found %v", attribute, got)
		}
	}
}

// RFC 7643 section 7: what is returned on request is answered where it is named,
// and to the write that sent it.
func TestReturnedOnRequest(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	const urn = "urn:example:params:scim:schemas:extension:asked:2.0:User"
	note := map[string]any{"name": "note", "type": "string", "returned": "request"}
	value := map[string]any{"name": "value", "type": "string"}
	o.Do(t, "POST", "/api/v2/directory/schemas", map[string]any{"resourceType": "User", "schema": map[string]any{
		"id": urn, "name": "Asked", "attributes": []any{
			note,
			map[string]any{"name": "plain", "type": "string"},
			map[string]any{"name": "boxes", "type": "complex", "multiValued": true, "subAttributes": []any{value, note}},
		},
	}}).Want(t, 200)
	whole := map[string]any{"note": "n", "plain": "p", "boxes": []any{map[string]any{"value": "a", "note": "n"}}}
	unasked := map[string]any{"plain": "p", "boxes": servertest.Values("a")}
	user := map[string]any{"userName": "ada", urn: whole}
	is := func(when string, answer map[string]any, want any) {
		t.Helper()
		if diff := cmp.Diff(want, answer[urn]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	created := create(t, o, user)
	path := "/Users/" + created["id"].(string)
	do := func(method, query string, body any) map[string]any {
		return o.Do(t, method, path+query, body).Want(t, 200).Object(t)
	}
	patch := func(query, path string, value any) map[string]any {
		return do("PATCH", query, servertest.Patch(map[string]any{"op": "add", "path": path, "value": value}))
	}
	is("POST", created, whole)
	is("PUT", do("PUT", "", user), whole)
	is("PUT that names others", do("PUT", "?attributes="+urn+":plain", user), map[string]any{"plain": "p"})
	is("GET", do("GET", "", nil), unasked)
	is("GET that names it", do("GET", "?attributes="+urn+":note", nil), map[string]any{"note": "n"})
	is("list", o.Do(t, "GET", "/Users", nil).List(t).Resources[0], unasked)
	is("PATCH of another", patch("", "title", "x"), unasked)
	is("PATCH of it", patch("", urn+":note", "n"), map[string]any{"note": "n", "plain": "p", "boxes": servertest.Values("a")})
	is("PATCH of it that leaves it out", patch("?excludedAttributes="+urn+":note", urn+":note", "n"), unasked)
	boxes := map[string]any{"plain": "p", "boxes": whole["boxes"]}
	is("PATCH of one in brackets", patch("", urn+`:boxes[value eq "a"].note`, "n"), boxes)
	is("PATCH without a path", do("PATCH", "", servertest.Patch(map[string]any{"op": "add", "value": map[string]any{urn: boxes}})), boxes)
}
