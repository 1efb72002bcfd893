package servertest_test

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/purescim/purescim/internal/servertest"
)

// fuzzHeaders are those that the server reads.
var fuzzHeaders = []string{
	"Prefer", "If-Match", "If-None-Match", "Accept", "Content-Type", "Inin-Correlation-Id", "Authorization", "X-Forwarded-Host",
	"X-Forwarded-For", "Expect", "Content-Encoding", "X-Http-Method-Override",
}

// everyField is a body with something in it for each of the doors.
const everyField = `{
	"name": "n", "description": "d", "displayName": "d", "userName": "u", "externalId": "e", "active": true, "version": 1,
	"type": "official", "visibility": "public", "rulesVisible": true, "ownerIds": [], "memberIds": [], "members": [{"value": "b"}],
	"permissions": ["scim:user:view"], "permissionPolicies": [{"domain": "scim", "entityName": "user", "actionSet": ["view"], "resourceConditionNode": {"n": 1}}],
	"authorizedGrantType": "CLIENT-CREDENTIALS", "accessTokenValiditySeconds": 600, "rateLimit": 5, "state": "active",
	"roleDivisions": [], "jwks": {"keys": []}, "jwks_uri": "https://example.org/",
	"method": "poll", "audience": "a", "form": "full", "status": "enabled", "events": ["prov:create"],
	"returnImmediately": true, "maxEvents": 3, "ack": ["e"], "setErrs": {"e": {"err": "x"}}, "ids": ["f"], "all": false,
	"id": "urn:example:x", "attributes": [{"name": "a", "type": "complex", "subAttributes": [{"name": "b", "type": "integer"}]}],
	"filter": "userName pr", "sortBy": "userName", "startIndex": 1, "count": 2, "failOnErrors": 1,
	"Operations": [{"op": "add", "path": "title", "value": "x", "method": "PATCH", "bulkId": "a", "version": "W/\"1\"", "data": {}}]
}`

// doors are the endpoints of a server with a client of theirs.
type doors struct {
	server *servertest.Server
	org    *servertest.Org
	calls  []string // such as "GET /api/v2/groups/{id}"
	ids    []string
	secret string // of the client, for HTTP Basic
	client string
}

func openDoors(f *testing.F) *doors {
	s := servertest.New(f)
	o := s.NewOrg(f)
	client, secret := o.NewClient(f, "SCIM Integration")
	d := &doors{server: s, org: o, client: client.ID.String(), secret: secret}
	d.ids = []string{o.NewUser(f, "base@example.org"), o.NewGroup(f, "Base"), d.client}
	for _, path := range []string{rolesPath, divisionsPath, "/api/v2/routing/skills"} {
		d.ids = append(d.ids, o.Do(f, "POST", path, map[string]any{"name": "Base"}).ID(f))
	}
	calls := make(map[string]bool)
	err := chi.Walk(s.Handler.(chi.Routes), func(_, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		route = strings.ReplaceAll(route, "/*/", "/")
		for method := range strings.SplitSeq(allowedAt(f, s, route), ", ") {
			if method != http.MethodOptions && method != http.MethodHead { // they read no more than GET
				calls[method+" "+route] = true
			}
		}
		return nil
	})
	if err != nil {
		f.Fatal(err)
	}
	d.calls = slices.Sorted(maps.Keys(calls))
	return d
}

// allowedAt are the methods that a path has.
func allowedAt(f *testing.F, s *servertest.Server, path string) string {
	r, err := http.NewRequestWithContext(f.Context(), http.MethodOptions, strings.NewReplacer("{", "", "}", "").Replace(path), nil)
	if err != nil {
		f.Fatal(err)
	}
	w := httptest.NewRecorder()
	s.Handler.ServeHTTP(w, r)
	return w.Header().Get("Allow")
}

var doorParameter = regexp.MustCompile(`\{[^}]*\}|\*`)

// knock sends a request to the handler itself, which takes what clients would not send,
// and gives up soon: some requests wait.
func (d *doors) knock(t *testing.T, method, target, body, header, text string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	defer time.AfterFunc(2*time.Second, cancel).Stop()
	r, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	if err != nil {
		return // no server is told of it
	}
	r.RemoteAddr = "192.0.2.1:1"
	r.Header.Set("Authorization", "Bearer "+d.org.Token)
	if strings.HasPrefix(target, "/oauth/") {
		r.SetBasicAuth(d.client, d.secret)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if header != "" && !strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		r.Header.Set(header, text)
	}
	w := httptest.NewRecorder()
	d.server.Handler.ServeHTTP(w, r)
	if w.Code >= 500 && w.Code != http.StatusNotImplemented {
		t.Errorf("%s %s: %d %s\n%s", method, target, w.Code, w.Body, body)
	}
	if page := strings.HasPrefix(target, "/console"); w.Code >= 400 && w.Body.Len() > 0 && !page && !json.Valid(w.Body.Bytes()) {
		t.Errorf("%s %s: %d with a body that is no JSON: %s", method, target, w.Code, w.Body)
	}
	if w.Code == http.StatusUnauthorized && header != "Authorization" {
		d.org = d.org.As(t, "admin") // it ended its token, or itself
	}
}

// FuzzDoors sends texts to every endpoint there is, as ids, queries, headers, bodies and
// fields of them. Whatever they are, it is not the server that is at fault.
func FuzzDoors(f *testing.F) {
	values := hostileValues()
	d := openDoors(f)
	var sample map[string]json.RawMessage
	if err := json.Unmarshal([]byte(everyField), &sample); err != nil {
		f.Fatal(err)
	}
	keys := slices.Sorted(maps.Keys(sample))
	for i := range max(len(d.calls), len(keys), len(values)) {
		text, query := "respond-async, wait=1", "pageSize=2&pageNumber=1&sortOrder=desc"
		if i%2 > 0 {
			text, query = values[(i*3)%len(values)], "count="+url.QueryEscape(values[i%len(values)])
		}
		f.Add(uint8(i), uint8(i*5), text, query, keys[(i*7)%len(keys)], values[(i*5)%len(values)])
	}
	f.Fuzz(func(t *testing.T, door, header uint8, text, query, key, value string) {
		method, path, _ := strings.Cut(d.calls[int(door)%len(d.calls)], " ")
		name := fuzzHeaders[int(header)%len(fuzzHeaders)]
		whole := maps.Clone(sample)
		if strings.HasPrefix(path, "/api/v2/scim/") {
			whole["name"] = json.RawMessage(`{"familyName": "n"}`)
		}
		if whole[key] = json.RawMessage(value); !json.Valid(whole[key]) {
			whole[key], _ = json.Marshal(value)
		}
		body, _ := json.Marshal(whole)
		bodies := []string{string(body), value}
		if strings.HasPrefix(path, "/oauth/") {
			bodies = []string{"grant_type=client_credentials&token=x&" + url.QueryEscape(key) + "=" + url.QueryEscape(value), key + "=" + value}
		}
		ids := []string{url.PathEscape(text), d.ids[int(header)%len(d.ids)]}
		if method == http.MethodDelete {
			ids = ids[:1] // the others are needed
		}
		for _, id := range ids {
			target := doorParameter.ReplaceAllLiteralString(path, id)
			for _, body := range bodies {
				d.knock(t, method, target+"?"+query, body, name, text)
				d.knock(t, method, target, body, "", "")
			}
		}
	})
}
