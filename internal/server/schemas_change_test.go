package server_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/servertest"
)

func TestSchemas_AreRefused(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	attribute := func(a string) string { return `{"id":"urn:example:x:y","attributes":[` + a + `]}` }
	for definition, why := range map[string]string{
		`{"id":7}`: "/id is of the wrong type; a string is expected", `{"attributes":[{"required":"yes"}]}`: "/attributes/0/required is of the wrong type; true or false",
		`{"attributes":{}}`: "an array is expected", `{"attributes":[7]}`: "/attributes/0 is of the wrong type; an object", `{}`: "id", `{"id":"badge","attributes":[{"name":"a"}]}`: "URN", `{"id":"urn:example:x","attributes":[]}`: "no attributes",
		strings.Replace(cost, costURN, scim.EnterpriseUserURN, 1):                           "another schema",
		strings.Replace(cost, costURN, strings.ToUpper(scim.GroupURN), 1):                   "standard",
		strings.Replace(cost, costURN, scim.EnterpriseUserURN+":more", 1):                   "cannot be told",
		strings.Replace(cost, costURN, scim.PatchOpURN+":2", 1):                             "standard",
		`{"id":"urn:example:` + strings.Repeat("x", 300) + `","attributes":[{"name":"a"}]}`: "200 bytes",
		attribute(`{"name":"a b"}`):                                                         "name", attribute(`{"name":"$a"}`): "letter", attribute(`{"name":"a"},{"name":"A"}`): "twice",
		attribute(`{"name":"a","type":"text"}`): "type", attribute(`{"name":"a","uniqueness":"server"}`): "uniqueness",
		attribute(`{"name":"a","uniqueness":"global"}`): "uniqueness", attribute(`{"name":"a","returned":"never"}`): "never",
		attribute(`{"name":"a","mutability":"writeOnly","returned":"never"}`):                                                     "writeOnly",
		attribute(`{"name":"a","mutability":"readOnly","required":true}`):                                                         "nobody",
		attribute(`{"name":"a","type":"complex"}`):                                                                                "subAttributes",
		attribute(`{"name":"a","type":"complex","subAttributes":[{"name":"b","type":"complex","subAttributes":[{"name":"c"}]}]}`): "simple",
		attribute(`{"name":"a","type":"complex","subAttributes":[{"name":"b","multiValued":true}]}`):                              "one value",
		attribute(`{"name":"a","colour":"red"}`):                                                                                  "colour",
		attribute(`{"name":"` + strings.Repeat("a", 101) + `"}`):                                                                  "100 bytes",
		attribute(`{"name":"a"}` + manyAttributes(250)):                                                                           "at most 200",
	} {
		answer := o.Do(t, "POST", schemasPath, declaration("User", definition))
		if message := platformError(t, answer, 400); !strings.Contains(message, why) {
			t.Errorf("%.200s: %s", definition, message)
		}
	}
	for body, field := range map[string]string{
		declaration("Device", cost): "resourceType", `{"schema":` + cost + `}`: "resourceType", `{"resourceType":"User"}`: "schema", `{"resourceType":"User","schema":7}`: "schema",
	} {
		if message := platformError(t, o.Do(t, "POST", schemasPath, body), 400); !strings.HasPrefix(message, field) {
			t.Errorf("%s: %s", body, message)
		}
	}
	declare(t, o, "Group", cost)
	platformError(t, o.Do(t, "POST", schemasPath, declaration("User", strings.ToLower(cost))), 400)
	platformError(t, o.Do(t, "POST", schemasPath, declaration("User", strings.Replace(cost, costURN, costURN+":x", 1))), 400)
	for i := range 19 {
		declare(t, o, "User", strings.Replace(cost, costURN, fmt.Sprint("urn:example:n:", i), 1))
	}
	platformError(t, o.Do(t, "POST", schemasPath, declaration("User", strings.Replace(cost, costURN, "urn:example:n:20", 1))), 409)
}

func manyAttributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,{"name":"a%d"}`, i)
	}
	return b.String()
}

// platformError is the message of an error of a platform path.
func platformError(t *testing.T, a *servertest.Answer, status int) string {
	t.Helper()
	var e struct{ Message string }
	a.Want(t, status).Decode(t, &e)
	return e.Message
}

func TestSchemas_ChangesKeepValuesValid(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	declare(t, o, "User", badge())
	path := schemasPath + "/" + url.PathEscape(badgeURN)
	read := o.Do(t, "GET", path, nil).Want(t, 200).Object(t)
	same := o.Do(t, "PUT", path, read).Want(t, 200).Object(t)
	if diff := cmp.Diff(read, same); diff != "" {
		t.Errorf("put back as it was read (-want +got):\n%s", diff)
	}
	smaller := `{"id":"` + badgeURN + `","attributes":[{"name":"floor","type":"string"}]}`
	put := func(definition string) *servertest.Answer { return o.Do(t, "PUT", path, `{"schema":`+definition+`}`) }
	put(smaller).Want(t, 200) // nobody has values
	put(badge()).Want(t, 200)
	read["version"] = read["version"].(float64)
	platformError(t, o.Do(t, "PUT", path, read), 409) // its version is an old one
	id := badged(t, o, "ada", `{"number":"1","floor":1}`)["id"].(string)
	for definition, why := range map[string]string{
		smaller: "number",
		strings.Replace(badge(), `"name":"floor","type":"integer"`, `"name":"floor","type":"decimal"`, 1): "type",
		strings.Replace(badge(), `"name":"tags","type":"string","multiValued":true`, `"name":"tags"`, 1):  "multiValued",
		strings.Replace(badge(), `"caseExact":true`, `"caseExact":false`, 1):                              "caseExact",
		strings.Replace(badge(), `"name":"floor"`, `"required":true,"name":"floor"`, 1):                   "required",
		strings.Replace(badge(), `,{"name":"level","type":"integer"}`, ``, 1):                             "doors.level",
		badge(`{"name":"more","required":true}`):                                                          "more",
	} {
		if message := platformError(t, put(definition), 409); !strings.Contains(message, why) {
			t.Errorf("%s: %s", why, message)
		}
	}
	put(strings.Replace(badge(`{"name":"more","returned":"always"}`), `,"required":true`, "", 1)).Want(t, 200)
	changed := o.Do(t, "PATCH", "/Users/"+id, servertest.Patch(map[string]any{"op": "add", "path": badgeURN + ":more", "value": "x"})).Want(t, 200).Object(t)
	if diff := cmp.Diff(any(map[string]any{"number": "1", "floor": 1.0, "more": "x"}), changed[badgeURN]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if message := platformError(t, o.Do(t, "DELETE", path, nil), 409); !strings.Contains(message, "1 resources") {
		t.Error(message)
	}
	o.Do(t, "DELETE", path+"?force=true", nil).Want(t, 204)
	after := o.Do(t, "GET", "/Users/"+id, nil).Want(t, 200).Object(t)
	if after[badgeURN] != nil || version(after) == version(changed) {
		t.Errorf("its values are left, or its version: %v", after)
	}
	o.Do(t, "GET", "/Users?filter="+url.QueryEscape(badgeURN+`:number pr`), nil).Refused(t, 400, "invalidFilter")
	platformError(t, o.Do(t, "GET", path, nil), 404)
	platformError(t, put(badge()), 404)
	platformError(t, o.Do(t, "DELETE", path, nil), 404)
	verified(t, server, o)
}

func version(resource map[string]any) any { return resource["meta"].(map[string]any)["version"] }

func TestSchemas_AreOfOneOrganisation(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o, other := server.NewOrg(t), server.NewOrg(t)
	declare(t, o, "User", badge())
	id := badged(t, o, "ada", `{"number":"1"}`)["id"].(string)
	for _, path := range []string{"/Schemas/" + badgeURN, schemasPath + "/" + badgeURN} {
		other.Do(t, "GET", path, nil).Want(t, 404)
	}
	if total := other.Do(t, "GET", schemasPath, nil).Want(t, 200).Object(t)["total"]; total != 0.0 {
		t.Errorf("another organisation lists %v schemas", total)
	}
	for _, method := range []string{"PUT", "DELETE"} {
		other.Do(t, method, schemasPath+"/"+badgeURN+"?force=true", `{"schema":`+badge()+`}`).Want(t, 404)
	}
	if got := badged(t, other, "ada", `{"number":"1"}`); got[badgeURN] != nil {
		t.Errorf("another organisation has %v", got)
	}
	other.Do(t, "GET", "/Users?filter=floor+eq+1", nil).Refused(t, 400, "invalidFilter")
	declare(t, other, "Group", strings.Replace(cost, costURN, badgeURN, 1)) // its own, of the same id
	if got := found(t, o, "/Users", "number eq \"1\""); !slices.Equal(got, []string{id}) {
		t.Errorf("found %v", got)
	}
	verified(t, server, o)
	verified(t, server, other)
}

// A server that has not heard of a schema neither loses values of it nor stores
// what the organisation has not declared.
func TestSchemas_StaleServersDoNoDamage(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	stale := servertest.NewWith(t, servertest.Options{Database: server.Database}).Directory
	declare(t, o, "User", badge())
	id := badged(t, o, "ada", `{"number":"1","floor":1}`)["id"].(string)
	ops := []scim.PatchOp{{Op: "replace", Path: "title", Value: "Dr", HasValue: true}}
	if _, err := stale.PatchUser(t.Context(), o.Org, id, scim.Condition{}, ops, schema.Projection{}); err != nil {
		t.Fatal(err)
	}
	got := o.Do(t, "GET", "/Users/"+id, nil).Want(t, 200).Object(t)
	if diff := cmp.Diff(any(map[string]any{"number": "1", "floor": 1.0}), got[badgeURN]); diff != "" || got["title"] != "Dr" {
		t.Errorf("%v (-want +got):\n%s", got["title"], diff)
	}
	o.Do(t, "PUT", schemasPath+"/"+badgeURN, `{"schema":`+badge(`{"name":"more"}`)+`}`).Want(t, 200)
	change := servertest.Patch(map[string]any{"op": "add", "path": badgeURN + ":more", "value": "x"})
	o.Do(t, "PATCH", "/Users/"+id, change).Want(t, 200)
	ops[0].Value = "Prof"
	if _, err := stale.PatchUser(t.Context(), o.Org, id, scim.Condition{}, ops, schema.Projection{}); err != nil {
		t.Fatal(err)
	}
	got = o.Do(t, "GET", "/Users/"+id, nil).Want(t, 200).Object(t)
	if diff := cmp.Diff(any(map[string]any{"number": "1", "floor": 1.0, "more": "x"}), got[badgeURN]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	o.Do(t, "DELETE", schemasPath+"/"+badgeURN+"?force=true", nil).Want(t, 204)
	body := map[string]any{"userName": "bob", badgeURN: map[string]any{"number": "2"}}
	if _, err := stale.CreateUser(t.Context(), o.Org, body); err != nil {
		t.Fatal(err)
	}
	bob := o.Do(t, "GET", `/Users?filter=userName+eq+"bob"`, nil).List(t).Resources[0]
	if bob[badgeURN] != nil {
		t.Errorf("values of a schema that is gone are stored: %v", bob)
	}
	verified(t, server, o)
}

func TestSchemas_AreNoticedByOtherServers(t *testing.T) {
	t.Parallel()
	one := servertest.New(t)
	o := one.NewOrg(t)
	two := servertest.NewWith(t, servertest.Options{Database: one.Database})
	there := o.At(two)
	sees := func() int { return there.Do(t, "GET", "/Schemas/"+badgeURN, nil).Status }
	if got := sees(); got != http.StatusNotFound {
		t.Fatalf("status %d", got)
	}
	declare(t, o, "User", badge())
	await(t, func() bool { return sees() == http.StatusOK })
	badged(t, there, "ada", `{"number":"1"}`)
	o.Do(t, "DELETE", schemasPath+"/"+badgeURN+"?force=true", nil).Want(t, 204)
	await(t, func() bool { return sees() == http.StatusNotFound })
}

// await waits for what servers are told within a second.
func await(t *testing.T, done func() bool) {
	t.Helper()
	for began := time.Now(); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			t.Fatal("it did not come")
		}
	}
}

// Whoever writes values while their schema goes, none are left.
func TestSchemas_GoWhileTheyAreUsed(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	var ids []string
	for i := range 8 {
		ids = append(ids, o.NewUser(t, fmt.Sprint("user", i)))
	}
	for range 3 {
		declare(t, o, "User", badge())
		var writers sync.WaitGroup
		for _, id := range ids {
			writers.Go(func() {
				for i := range 5 {
					change := servertest.Patch(map[string]any{"op": "add", "value": map[string]any{badgeURN: map[string]any{"number": fmt.Sprint(i)}}})
					if answer := o.Do(t, "PATCH", "/Users/"+id, change); answer.Status != http.StatusOK {
						t.Errorf("status %d: %s", answer.Status, answer.Body)
					}
				}
			})
		}
		o.Do(t, "DELETE", schemasPath+"/"+badgeURN+"?force=true", nil).Want(t, 204)
		writers.Wait()
		verified(t, server, o)
		for _, user := range o.Do(t, "GET", "/Users", nil).List(t).Resources {
			if user[badgeURN] != nil {
				t.Errorf("values are left: %v", user)
			}
		}
	}
}
