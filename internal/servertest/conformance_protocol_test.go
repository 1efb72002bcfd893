package servertest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/servertest"
)

// RFC 7644 section 3.12: whatever is refused is refused in one form.
func TestErrors_AreSCIMErrors(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	ada := "/Users/" + o.NewUser(t, "ada")
	calm := servertest.NewWith(t, servertest.Options{RateLimit: 1}).NewOrg(t)
	calm.Do(t, "GET", "/Users", nil).Want(t, 200)
	for _, c := range []struct {
		as           *servertest.Org
		method, path string
		body         any
		header       string
		status       int
		scimType     string
	}{
		{o, "POST", "/Users", "{", "", 400, "invalidSyntax"},
		{o, "POST", "/Users", "{}", "", 400, "invalidValue"},
		{o, "GET", "/Users?filter=userName", nil, "", 400, "invalidFilter"},
		{o, "PATCH", ada, servertest.Patch(map[string]any{"op": "add", "path": "no such", "value": "x"}), "", 400, "invalidPath"},
		{o, "PATCH", ada, servertest.Patch(map[string]any{"op": "remove"}), "", 400, "noTarget"},
		{o, "PATCH", ada, servertest.Patch(map[string]any{"op": "remove", "path": "id"}), "", 400, "mutability"},
		{o, "GET", "/Users?cursor=x", nil, "", 400, "invalidCursor"},
		{o, "GET", "/Users", nil, "Authorization: Bearer x", 401, ""},
		{o, "GET", "/Users", nil, "Authorization: ", 401, ""},
		{o.As(t), "DELETE", ada, nil, "", 403, ""},
		{o, "GET", "/Schemas?filter=id+pr", nil, "", 403, ""},
		{o, "GET", "/Users/x", nil, "", 404, ""},
		{o, "GET", "/Printers", nil, "", 404, ""},
		{o, "DELETE", "/Users", nil, "", 405, ""},
		{o, "GET", ada, nil, "Accept: text/html", 406, ""},
		{o, "POST", "/Users", map[string]any{"userName": "ADA"}, "", 409, "uniqueness"},
		{o, "DELETE", ada, nil, `If-Match: "7"`, 412, "invalidVers"},
		{o, "POST", "/Users", strings.Repeat(" ", 1<<20) + "{}", "", 413, ""},
		{o, "POST", "/Users", "{}", "Content-Type: text/plain", 415, ""},
		{calm, "GET", "/Users", nil, "", 429, ""},
		{o, "GET", "/Me", nil, "", 501, ""},
	} {
		answer := c.as.Do(t, c.method, c.path, c.body, headers(c.header)...)
		answer.Refused(t, c.status, c.scimType)
		got := answer.Object(t)
		delete(got, "detail")
		want := map[string]any{"schemas": []any{"urn:ietf:params:scim:api:messages:2.0:Error"}, "status": strconv.Itoa(c.status)}
		if c.scimType != "" {
			want["scimType"] = c.scimType
		}
		if diff := cmp.Diff(want, got); diff != "" || answer.Header.Get("Content-Type") != "application/scim+json" {
			t.Errorf("%s %s: %s (-want +got):\n%s", c.method, c.path, answer.Header.Get("Content-Type"), diff)
		}
	}
}

// headers is a line, or none.
func headers(line string) []string {
	if line == "" {
		return nil
	}
	return []string{line}
}

// RFC 7644 sections 3.1 and 3.8.
func TestMediaTypes(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	for _, sent := range []string{"application/scim+json", "application/json", "application/scim+json; charset=utf-8", ""} {
		for _, accepted := range []string{"application/scim+json", "application/json", "*/*", ""} {
			body := map[string]any{"userName": "Ünal " + sent + " " + accepted + "."}
			answer := o.Do(t, "POST", "/Users", body, "Content-Type: "+sent, "Accept: "+accepted).Want(t, 201)
			if kind := answer.Header.Get("Content-Type"); kind != "application/scim+json" || answer.Object(t)["userName"] != body["userName"] {
				t.Errorf("%s, Accept %s: %s %s", sent, accepted, kind, answer.Body)
			}
		}
	}
	o.Do(t, "POST", "/Users", "{}", "Content-Type: application/xml").Refused(t, 415, "")
	o.Do(t, "GET", "/Users", nil, "Accept: application/xml").Refused(t, 406, "")
}

// RFC 9110 sections 9.3.2 and 9.3.7.
func TestMethods_HeadAndOptions(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	user, group := "/Users/"+o.NewUser(t, "ada"), "/Groups/"+o.NewGroup(t, "Looms")
	for path, allow := range map[string]string{
		user: "DELETE, GET, HEAD, OPTIONS, PATCH, PUT", group: "DELETE, GET, HEAD, OPTIONS, PATCH, PUT",
		"/Users": "GET, HEAD, OPTIONS, POST", "/Schemas": "GET, HEAD, OPTIONS", "/ServiceProviderConfig": "GET, HEAD, OPTIONS",
		"/Users/.search": "OPTIONS, POST", "/Bulk": "OPTIONS, POST",
	} {
		if got := o.Do(t, "OPTIONS", path, nil).Want(t, 204).Header.Get("Allow"); got != allow {
			t.Errorf("%s: Allow %q, want %q", path, got, allow)
		}
		if !strings.Contains(allow, "HEAD") {
			o.Do(t, "HEAD", path, nil).Want(t, 405)
			continue
		}
		head, get := o.Do(t, "HEAD", path, nil).Want(t, 200), o.Do(t, "GET", path, nil).Want(t, 200)
		if len(head.Body) != 0 || head.Header.Get("ETag") != get.Header.Get("ETag") || head.Header.Get("Content-Type") != get.Header.Get("Content-Type") {
			t.Errorf("HEAD %s: %v with %d bytes; GET: %v", path, head.Header, len(head.Body), get.Header)
		}
	}
	o.Do(t, "HEAD", "/Users/x", nil).Want(t, 404)
}

// Parameters are decoded once, as forms are: + is a blank and %2B a plus.
func TestQuery_IsDecodedOnce(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	plus, blank, percent := o.NewUser(t, "a+b@example.org"), o.NewUser(t, "a b@example.org"), o.NewUser(t, "a%2Bb@example.org")
	for name, want := range map[string]string{"a%2Bb@example.org": plus, "a+b@example.org": blank, "a%252Bb@example.org": percent} {
		if got := o.Do(t, "GET", "/Users?filter=userName+eq+%22"+name+"%22", nil).List(t).IDs(); !cmp.Equal(got, []string{want}) {
			t.Errorf("%s finds %v, want %s", name, got, want)
		}
	}
}

// RFC 7644 section 3.4.2.
func TestList_IsAListResponse(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	for _, path := range []string{"/Users", "/Groups", "/"} {
		empty := o.Do(t, "GET", path, nil).Want(t, 200).Object(t)
		want := map[string]any{
			"schemas": []any{"urn:ietf:params:scim:api:messages:2.0:ListResponse"}, "totalResults": 0.0,
			"startIndex": 1.0, "itemsPerPage": 0.0, "Resources": []any{},
		}
		if diff := cmp.Diff(want, empty); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	o.NewGroup(t, "Looms", o.NewUser(t, "ada"))
	for path, total := range map[string]int{"/Users": 1, "/Groups": 1, "/": 2} {
		list := o.Do(t, "GET", path, nil).List(t)
		if list.TotalResults != total || len(list.Resources) != total {
			t.Errorf("%s: %d of %d", path, len(list.Resources), list.TotalResults)
		}
		for _, resource := range list.Resources {
			location := resource["meta"].(map[string]any)["location"].(string)
			one := o.Do(t, "GET", location[strings.Index(location, "/api/"):], nil).Want(t, 200).Object(t)
			if diff := cmp.Diff(one, resource); diff != "" {
				t.Errorf("%s (-by itself +in the list):\n%s", path, diff)
			}
		}
	}
}

// RFC 7644 section 3.4.2: parameters of lists mean nothing to one resource.
func TestGet_IgnoresParametersOfLists(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	path := "/Users/" + o.NewUser(t, "ada")
	whole := string(o.Do(t, "GET", path, nil).Want(t, 200).Body)
	got := o.Do(t, "GET", path+"?filter=userName+eq+%22bob%22&sortBy=userName&startIndex=7&count=0&cursor=x", nil).Want(t, 200)
	if string(got.Body) != whole {
		t.Errorf("answered is %s, want %s", got.Body, whole)
	}
}

// RFC 7644 section 3.10: how attributes are named.
func TestProjection_Notation(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	id := create(t, o, map[string]any{
		"userName": "ada", "title": "Countess", "name": map[string]any{"givenName": "Ada", "familyName": "Lovelace"},
		"entitlements": []any{map[string]any{"value": "a", "type": "x"}, map[string]any{"value": "b"}},
		enterprise:     map[string]any{"department": "Looms", "costCenter": "7"},
	})["id"].(string)
	const core = "urn:ietf:params:scim:schemas:core:2.0:User"
	given := map[string]any{"givenName": "Ada"}
	for query, want := range map[string]map[string]any{
		"attributes=TITLE,%20name.GIVENNAME":                            {"title": "Countess", "name": given},
		"attributes=" + core + ":title," + core + ":name.givenName":     {"title": "Countess", "name": given},
		"attributes=" + strings.ToUpper(core) + ":title":                {"title": "Countess"},
		"attributes=entitlements.value":                                 {"entitlements": servertest.Values("a", "b")},
		"attributes=" + enterprise + ":department":                      {enterprise: map[string]any{"department": "Looms"}},
		"attributes=" + enterprise:                                      {enterprise: map[string]any{"department": "Looms", "costCenter": "7", "division": "Home"}},
		"attributes=nope":                                               {},
		"excludedAttributes=name.familyName,entitlements," + enterprise: {"title": "Countess", "name": given},
		"excludedAttributes=name,entitlements.type," + enterprise + ":department": {
			"title": "Countess", "entitlements": servertest.Values("a", "b"), enterprise: map[string]any{"costCenter": "7", "division": "Home"},
		},
		"excludedAttributes=name,entitlements," + enterprise + ":department," + enterprise + ":costCenter,division": {"title": "Countess"},
	} {
		user := o.Do(t, "GET", "/Users/"+id+"?"+query, nil).Want(t, 200).Object(t)
		if urns := user["schemas"].([]any); len(urns) != 2 {
			t.Errorf("%s: schemas is %v", query, urns)
		}
		for _, always := range []string{"schemas", "id", "meta", "userName", "active", "displayName", "emails", "roles"} {
			delete(user, always)
		}
		if diff := cmp.Diff(want, user); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}

// RFC 9110 section 13.2.1: a condition is asked of what may be asked for.
func TestPreconditions_ComeAfterPermissionAndExistence(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	path := "/Users/" + o.NewUser(t, "ada")
	const stale = `If-Match: "7"`
	for _, method := range []string{"PUT", "PATCH", "DELETE"} {
		body := map[string]any{"userName": "ada", "Operations": []any{}}
		o.Do(t, method, path, body, stale, "Authorization: Bearer x").Refused(t, 401, "")
		o.As(t).Do(t, method, path, body, stale).Refused(t, 403, "")
		o.Do(t, method, "/Users/01a20000-0000-7000-8000-000000000000", body, stale).Refused(t, 404, "")
		o.Do(t, method, "/Users/01a20000-0000-7000-8000-000000000000", body, "If-Match: *").Refused(t, 404, "")
		o.Do(t, method, path, body, stale).Refused(t, 412, "invalidVers")
	}
}

// RFC 6750 section 2 and RFC 9700 section 4.3.2.
func TestToken_IsTakenFromTheHeaderAlone(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	token := "access_token=" + url.QueryEscape(o.Token)
	answer := o.Do(t, "GET", "/Users?"+token, nil, "Authorization: ")
	if detail := answer.Refused(t, 401, ""); strings.Contains(detail, o.Token) || !strings.HasPrefix(answer.Header.Get("WWW-Authenticate"), "Bearer ") {
		t.Errorf("challenge %q", answer.Header.Get("WWW-Authenticate"))
	}
	o.Do(t, "POST", "/Users/.search", token, "Authorization: ", "Content-Type: application/x-www-form-urlencoded").Refused(t, 401, "")
	o.Do(t, "GET", "/Users", nil, "Authorization: bearer "+o.Token).Want(t, 200)
}

// RFC 7643 section 9.2: nothing that the server keeps or answers has the password.
func TestPassword_IsKeptAsAHash(t *testing.T) {
	t.Parallel()
	const secret = "Correct-Horse-9"
	server := servertest.New(t)
	o := server.NewOrg(t)
	created := o.Do(t, "POST", "/Users", map[string]any{"userName": "ada", "password": secret}).Want(t, 201)
	id := created.ID(t)
	for _, answer := range []*servertest.Answer{
		created,
		o.Do(t, "GET", "/Users/"+id+"?attributes=password,userName", nil).Want(t, 200),
		o.Do(t, "PUT", "/Users/"+id+"?attributes=password", map[string]any{"userName": "ada", "password": secret + "!"}).Want(t, 200),
		o.Do(t, "GET", "/Users?filter="+url.QueryEscape(`password eq "`+secret+`"`), nil).Want(t, 400),
		o.Do(t, "POST", "/Users", map[string]any{"userName": "ada", "password": secret}).Want(t, 409),
		o.Do(t, "POST", "/Users", map[string]any{"userName": "eve", "password": map[string]any{"is": secret}}).Want(t, 400),
	} {
		if text := string(answer.Body); strings.Contains(text, secret) || strings.Contains(text, "argon2") || strings.Contains(text, `"password":`) {
			t.Errorf("a password is answered: %s", text)
		}
	}
	const kept = `select count(*) from users where org_id = $1 and users::text `
	if n := rows(t, server, o, kept+`like '%Correct-Horse%'`); n != 0 {
		t.Error("the password is stored as it was sent")
	}
	if n := rows(t, server, o, kept+`like '%argon2id%'`); n != 1 {
		t.Error("no hash of the password is stored")
	}
}

// RFC 9865 section 3: a cursor is given to who asks for one.
func TestPages_AreByIndexUnlessACursorIsAskedFor(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	o.NewUser(t, "ada")
	o.NewUser(t, "bob")
	plain := o.Do(t, "GET", "/Users?count=1", nil).Want(t, 200).Object(t)
	if plain["startIndex"] != 1.0 || plain["nextCursor"] != nil {
		t.Errorf("without a cursor: %v", plain)
	}
	asked := o.Do(t, "GET", "/Users?count=1&cursor", nil).Want(t, 200).Object(t)
	if asked["startIndex"] != nil || asked["nextCursor"] == nil || asked["previousCursor"] != nil {
		t.Errorf("with a cursor: %v", asked)
	}
}

// RFC 9865 section 5: who may not read a list may not go on in it.
func TestCursor_GrantsNothing(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o, other := server.NewOrg(t), server.NewOrg(t)
	o.NewGroup(t, "Looms")
	o.NewGroup(t, "Mills")
	path := "/Groups?count=1&cursor=" + o.Do(t, "GET", "/Groups?count=1&cursor", nil).List(t).NextCursor
	o.Do(t, "GET", path, nil, "Authorization: ").Refused(t, 401, "")
	o.As(t).Do(t, "GET", path, nil).Refused(t, 403, "")
	if list := o.As(t, "SCIM Reader").Do(t, "GET", path, nil).List(t); len(list.Resources) != 1 || list.NextCursor != "" {
		t.Errorf("the last page: %+v", list)
	}
	// What is another organisation's cursor is told of as if nobody had made it.
	foreign := other.Do(t, "GET", path, nil).Refused(t, 400, "invalidCursor")
	if forged := other.Do(t, "GET", "/Groups?count=1&cursor=AAAA", nil).Refused(t, 400, "invalidCursor"); foreign != forged {
		t.Errorf("of a foreign cursor: %s; of a forged one: %s", foreign, forged)
	}
}

// RFC 9967 section 2.5.1.1: the type of an answer that comes later is no matter now.
func TestAsync_IgnoresAccept(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	const html = "Accept: text/html"
	o.Do(t, "POST", "/Bulk", bulkBody(0, newUser("ada")), html).Refused(t, 406, "")
	later := o.Do(t, "POST", "/Bulk", bulkBody(0, newUser("bob")), html, async).Want(t, 202)
	_, path, _ := strings.Cut(later.Header.Get("Location"), servertest.SCIM)
	wantStatuses(t, collected(t, o, path), "201")
}

// RFC 9967 section 5: events are told to who is entitled to them.
func TestPoll_NeedsPermission(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o, other := server.NewOrg(t), server.NewOrg(t)
	stream := map[string]any{"method": "poll", "audience": "https://receiver.example/"}
	for _, each := range []*servertest.Org{o, other} {
		each.Do(t, http.MethodPut, "/api/v2/events/stream", stream).Want(t, 200)
	}
	o.NewUser(t, "ada")
	body := map[string]any{"returnImmediately": true}
	o.Do(t, "POST", "/api/v2/events/poll", body, "Authorization: ").Want(t, 401)
	o.As(t).Do(t, "POST", "/api/v2/events/poll", body).Want(t, 403)
	if sets := other.Do(t, "POST", "/api/v2/events/poll", body).Want(t, 200).Object(t)["sets"]; len(sets.(map[string]any)) != 0 {
		t.Errorf("another organisation is told %v", sets)
	}
	if sets := o.Do(t, "POST", "/api/v2/events/poll", body).Want(t, 200).Object(t)["sets"]; len(sets.(map[string]any)) != 1 {
		t.Errorf("the organisation is told %v", sets)
	}
}

// RFC 8936 section 2.4: what a receiver has not acknowledged is sent to it again.
func TestPoll_SendsAgainWhatIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	o.Do(t, http.MethodPut, "/api/v2/events/stream", map[string]any{"method": "poll", "audience": "https://receiver.example/"}).Want(t, 200)
	o.NewUser(t, "ada")
	o.NewUser(t, "bob")
	poll := func(most int, acknowledged ...string) (tokens map[string]string) {
		t.Helper()
		var answer struct{ Sets json.RawMessage }
		body := map[string]any{"maxEvents": most, "returnImmediately": true, "ack": append([]string{}, acknowledged...)}
		o.Do(t, "POST", "/api/v2/events/poll", body).Want(t, 200).Decode(t, &answer)
		if err := json.Unmarshal(answer.Sets, &tokens); err != nil {
			t.Fatal(err)
		}
		return tokens
	}
	idOf := func(tokens map[string]string) string {
		t.Helper()
		for id := range tokens {
			return id
		}
		t.Fatal("nothing was sent")
		return ""
	}
	if none := poll(0); len(none) != 0 {
		t.Errorf("asked for none: %v", none)
	}
	first := idOf(poll(1))
	if again := idOf(poll(1)); again != first {
		t.Errorf("%s was sent, then %s, though it was not acknowledged", first, again)
	}
	if both := poll(10); len(both) != 2 {
		t.Errorf("%d events wait, want 2", len(both))
	}
	second := poll(10, first)
	if len(second) != 1 || second[first] != "" {
		t.Errorf("after %s was acknowledged: %v", first, second)
	}
	if rest := poll(10, idOf(second)); len(rest) != 0 {
		t.Errorf("after all was acknowledged: %v", rest)
	}
}

// strict is the setting of organisations that take what the standard has alone.
func strict(s *org.Settings) { s.Strict = true }
