package servertest_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/servertest"
)

// looksLike are spellings of "ada lovelace" that show no difference to it.
var looksLike = []string{
	"ada lovelace ", " ada lovelace", "ada\u00a0lovelace", "ada  \u3000lovelace", "ADA Lovelace\r\n", "ada lovelace\u200b", "\ufeffada lovelace",
	"ａｄａ lovelace", "ada love\u200dlace", "ada lovelace\u00ad\t",
}

func TestNames_AreOneWhereNobodySeesADifference(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t, func(s *org.Settings) { s.GroupLifecycle = true })
	for path, name := range map[string]string{"/Users": "userName", "/Groups": "displayName"} {
		made := o.Do(t, "POST", path, map[string]any{name: " ada lovelace\t"}).Want(t, 201)
		if got := made.Object(t)[name]; got != "ada lovelace" {
			t.Errorf("%s: blanks at the ends are stored: %q", path, got)
		}
		other := o.Do(t, "POST", path, map[string]any{name: "bob"}).Want(t, 201).ID(t)
		for _, spelling := range looksLike {
			o.Do(t, "POST", path, map[string]any{name: spelling}).Refused(t, 409, "uniqueness")
			o.Do(t, "PUT", path+"/"+other, map[string]any{name: spelling}).Refused(t, 409, "uniqueness")
			o.Do(t, "PATCH", path+"/"+other, servertest.Patch(map[string]any{"op": "replace", "path": name, "value": spelling})).Refused(t, 409, "uniqueness")
			o.Do(t, "PATCH", path+"/"+other, servertest.Patch(map[string]any{"op": "add", "value": map[string]any{name: spelling}})).Refused(t, 409, "uniqueness")
			for _, filter := range []string{name + ` eq "` + spelling + `"`, name + ` sw "` + spelling[:len(spelling)-len(spelling)/4] + `"`} {
				filter = strings.NewReplacer("\r", `\r`, "\n", `\n`, "\t", `\t`).Replace(filter)
				found := o.Do(t, "GET", path+"?filter="+url.QueryEscape(filter), nil).List(t).IDs()
				if len(found) != 1 || found[0] != made.ID(t) {
					t.Errorf("%s %s finds %v", path, filter, found)
				}
			}
		}
		for filter, want := range map[string]int{name + ` sw "ada "`: 1, name + ` sw "ad "`: 0, name + ` co " love"`: 1, name + ` co "a love"`: 1, name + ` ew " lovelace"`: 1, name + ` ew "lace "`: 1} {
			if found := o.Do(t, "GET", path+"?filter="+url.QueryEscape(filter), nil).List(t).IDs(); len(found) != want {
				t.Errorf("%s %s finds %d, want %d", path, filter, len(found), want)
			}
		}
		for spelling, place := range map[string]string{"a\nda": "U+000A, the character at position 2,", "é\u202ex": "U+202E", "x\u0001y": "U+0001", "x\u200by": "U+200B", "x\uE000y": "U+E000"} {
			detail := o.Do(t, "PUT", path+"/"+other, map[string]any{name: spelling}).Refused(t, 400, "invalidValue")
			if !strings.Contains(detail, place) || !strings.Contains(detail, name) {
				t.Errorf("%s %q: %s", path, spelling, detail)
			}
		}
		for _, spelling := range []string{"O’Neil", "x @y", "שלום@x.example", "١٢", "l·l", "❤️ team", "👨‍👩‍👧", "می\u200cخواهم", "한글"} {
			if got := o.Do(t, "PUT", path+"/"+other, map[string]any{name: spelling}).Want(t, 200).Object(t)[name]; got != spelling {
				t.Errorf("%q is answered as %q", spelling, got)
			}
		}
	}
	for _, path := range []string{"/api/v2/routing/skills", "/api/v2/authorization/divisions", "/api/v2/groups"} {
		body := map[string]any{"name": " Night  Shift ", "type": "official", "visibility": "public", "rulesVisible": true}
		made := o.Do(t, "POST", path, body).Want(t, 200).Object(t)
		body["name"] = "night\u00a0shift"
		if answer := o.Do(t, "POST", path, body); made["name"] != "Night  Shift" || answer.Status != 409 {
			t.Errorf("%s: %q, then %d: %s", path, made["name"], answer.Status, answer.Body)
		}
	}
}

// Strict organisations take names as RFC 8265 has them, and compare them alike.
func TestNames_InStrictOrganisations(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t, func(s *org.Settings) { s.Strict = true })
	post := func(name string) *servertest.Answer {
		return o.Do(t, "POST", "/Users", map[string]any{"schemas": []any{"urn:ietf:params:scim:schemas:core:2.0:User"}, "userName": name},
			"Content-Type: application/scim+json")
	}
	post("ada@example.org").Want(t, 201)
	post("ＡＤＡ@example.org").Refused(t, 409, "uniqueness")
	for name, place := range map[string]string{"ada@example.org ": "U+0020, the character at position 16,", "a b": "U+0020", "O’Neil": "U+2019", "a\u200b": "U+200B", "שלום@x": "direction"} {
		if detail := post(name).Refused(t, 400, "invalidValue"); !strings.Contains(detail, place) {
			t.Errorf("%q: %s", name, detail)
		}
	}
}
