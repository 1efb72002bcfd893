package server_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/servertest"
)

var parameter = regexp.MustCompile(`\{[^}]*\}`)

// privateCalls are all calls that need a token, such as "GET /api/v2/groups",
// but for those of the standard that are not offered.
func privateCalls(t *testing.T, server *servertest.Server, o *servertest.Org) []string {
	t.Helper()
	stranger := *o
	stranger.Token = "none"
	var calls []string
	walk := func(_, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		path := parameter.ReplaceAllString(route, uuid.NewString())
		if !strings.HasPrefix(route, "/api/") || o.Do(t, http.MethodGet, path, nil).Status == http.StatusNotImplemented {
			return nil
		}
		for method := range strings.SplitSeq(o.Do(t, http.MethodOptions, path, nil).Header.Get("Allow"), ", ") {
			private := stranger.Do(t, method, path, nil).Status == http.StatusUnauthorized
			if private && !slices.Contains(calls, method+" "+route) {
				calls = append(calls, method+" "+route)
			}
		}
		return nil
	}
	if err := chi.Walk(server.Handler.(chi.Routes), walk); err != nil {
		t.Fatal(err)
	}
	return calls
}

// allowed are the calls for which a client with the roles is not refused.
func allowed(t *testing.T, o *servertest.Org, calls []string, roles ...string) []string {
	t.Helper()
	var list []string
	as := o.As(t, roles...)
	for _, call := range calls {
		method, path, _ := strings.Cut(call, " ")
		answer := as.Do(t, method, parameter.ReplaceAllString(path, uuid.NewString()), "{}")
		if method == http.MethodDelete {
			as = o.As(t, roles...) // one of them ends the token that it came with
		}
		switch answer.Status {
		case http.StatusForbidden:
			if !strings.HasPrefix(answer.Header.Get("WWW-Authenticate"), `Bearer realm="purescim", error="insufficient_scope", `) {
				t.Errorf("%s: refused without a challenge: %s", call, answer.Body)
			}
		case http.StatusUnauthorized:
			t.Errorf("%s: the token is refused: %s", call, answer.Body)
		default:
			list = append(list, call)
		}
	}
	return list
}

// same compares lists whose order has no meaning.
func same(t *testing.T, what string, want, got []string) {
	t.Helper()
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// without gives the calls of a that b does not have.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(call string) bool { return slices.Contains(b, call) })
}

// throughSCIM gives calls such as "GET /Users" as they are under both mounts.
func throughSCIM(calls ...string) []string {
	var list []string
	for _, call := range calls {
		method, path, _ := strings.Cut(call, " ")
		list = append(list, method+" /api/v2/scim/v2"+path, method+" /api/v2/scim"+path)
	}
	return list
}

func TestBuiltInRoles_PermitWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t, func(s *org.Settings) { s.GroupLifecycle = true })
	calls := privateCalls(t, server, o)
	if len(calls) < 40 {
		t.Fatalf("the routes are not all found: %q", calls)
	}
	ofSCIM := func(list []string) []string {
		return slices.DeleteFunc(slices.Clone(list), func(call string) bool { return !strings.Contains(call, " /api/v2/scim/") })
	}
	reads := throughSCIM(
		"GET /Users", "HEAD /Users", "POST /Users/.search", "GET /Users/{id}", "HEAD /Users/{id}",
		"GET /Roles", "HEAD /Roles", "POST /Roles/.search", "GET /Roles/{id}", "HEAD /Roles/{id}",
		"GET /Bulk/{id}", "HEAD /Bulk/{id}", // of what the client itself has asked for
	)
	groupReads := throughSCIM(
		"GET /Groups", "HEAD /Groups", "POST /Groups/.search", "GET /Groups/{id}", "HEAD /Groups/{id}",
		"GET /GroupMembers", "HEAD /GroupMembers", "POST /GroupMembers/.search", "GET /GroupMembers/{id}", "HEAD /GroupMembers/{id}",
		"GET /", "HEAD /", "POST /.search", // users too, but groups as well
	)
	writes := throughSCIM(
		"POST /Users", "PUT /Users/{id}", "PATCH /Users/{id}", "DELETE /Users/{id}",
		"POST /Groups", "PUT /Groups/{id}", "PATCH /Groups/{id}", "DELETE /Groups/{id}",
		"POST /Bulk", // whoever may do one operation; each is asked for itself
	)

	anyone := allowed(t, o, calls)
	same(t, "through SCIM, a token alone", reads, ofSCIM(anyone))
	for _, call := range without(anyone, ofSCIM(anyone)) {
		if method, path, _ := strings.Cut(call, " "); method != "GET" && method != "HEAD" && path != "/api/v2/tokens/me" {
			t.Errorf("a client without roles may %s", call)
		}
	}

	same(t, "employee", anyone, allowed(t, o, calls, "employee"))
	same(t, "SCIM Reader, beyond a token", groupReads, without(allowed(t, o, calls, "SCIM Reader"), anyone))
	same(t, "SCIM Integration, beyond a token", slices.Concat(groupReads, writes, []string{
		"PUT /api/v2/groups/{id}", "POST /api/v2/groups/{id}/members", "DELETE /api/v2/groups/{id}/members",
		"POST /api/v2/authorization/divisions", // as in Genesys Cloud, by authorization:grant:add
	}), without(allowed(t, o, calls, "SCIM Integration"), anyone))
	same(t, "admin", calls, allowed(t, o, calls, "admin"))
}

// TestRoles_AtWork provisions with what the roles permit.
func TestRoles_AtWork(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	group := "/Groups/" + o.NewGroup(t, "Night Shift")
	integration, reader := o.As(t, "SCIM Integration"), o.As(t, "SCIM Reader")

	ada := integration.NewUser(t, "ada@example.org")
	joins := servertest.Patch(map[string]any{"op": "add", "path": "members", "value": servertest.Values(ada)})
	if detail := reader.Do(t, "PATCH", group, joins).Refused(t, 403, ""); !strings.Contains(detail, "directory:group:edit") || !strings.Contains(detail, `"SCIM Integration"`) {
		t.Errorf("detail: %s", detail)
	}
	if members := reader.Do(t, "GET", group, nil).Want(t, 200).Object(t)["members"]; members != nil {
		t.Errorf("the refused request made %v a member", members)
	}
	integration.Do(t, "PATCH", group, joins).Want(t, 200)
	reader.Do(t, "GET", "/Users/"+ada, nil).Want(t, 200)
	reader.Do(t, "DELETE", "/Users/"+ada, nil).Refused(t, 403, "")
	integration.Do(t, "DELETE", "/Users/"+ada, nil).Want(t, 204)

	answer := integration.Do(t, "POST", "/api/v2/routing/skills", map[string]any{"name": "Looms"}).Want(t, 403).Object(t)
	message, _ := answer["message"].(string)
	if answer["code"] != "missing.any.permissions" || !strings.HasSuffix(message, "[routing:skill:manage, routing:skill:create]") {
		t.Errorf("platform refusal: %v", answer)
	}
}

// A role of the organisation's own permits what its policies and permissions say.
func TestRoles_MadeInThePlatform(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	o.Do(t, "POST", "/api/v2/authorization/roles", map[string]any{
		"name": "Newcomers", "permissions": []string{"directory:user:*"},
		"permissionPolicies": []any{map[string]any{"domain": "routing", "entityName": "skill", "actionSet": []string{"create"}}},
	}).Want(t, 200)
	newcomers := o.As(t, "Newcomers")
	ada := newcomers.NewUser(t, "ada@example.org")
	newcomers.Do(t, "POST", "/api/v2/routing/skills", map[string]any{"name": "Looms"}).Want(t, 200)
	newcomers.Do(t, "DELETE", "/Users/"+ada, nil).Want(t, 204)
	newcomers.Do(t, "GET", "/Groups", nil).Refused(t, 403, "")
	newcomers.Do(t, "POST", "/api/v2/routing/languages", map[string]any{"name": "en"}).Want(t, 403)
	newcomers.As(t, "Newcomers", "SCIM Reader").Do(t, "GET", "/Groups", nil).Want(t, 200)
}

// BEHAVIOUR 96: more tokens do not let a client make more requests.
func TestRateLimit_OfAClient(t *testing.T) {
	t.Parallel()
	server := servertest.NewWith(t, servertest.Options{RateLimit: 100})
	o := server.NewOrg(t)
	client, _, err := server.OAuth.CreateClient(t.Context(), o.ID, oauth.ClientSpec{Name: "slow", RateLimit: 2})
	if err != nil {
		t.Fatal(err)
	}
	slow := func() *servertest.Org {
		token, _, err := server.OAuth.Issue(t.Context(), client, 0)
		if err != nil {
			t.Fatal(err)
		}
		as := *o
		as.Token = token
		return &as
	}
	first, second := slow(), slow()
	for _, as := range []*servertest.Org{first, second} {
		if got := as.Do(t, "GET", "/Users", nil).Want(t, 200).Header.Get("inin-ratelimit-allowed"); got != "2" {
			t.Errorf("inin-ratelimit-allowed: %s", got)
		}
	}
	first.Do(t, "GET", "/Users", nil).Refused(t, 429, "")
	second.Do(t, "GET", "/Users", nil).Refused(t, 429, "")
	refused := first.Do(t, "GET", "/api/v2/groups", nil).Want(t, 429)
	var body struct {
		Code  string
		Limit struct{ Value int }
	}
	refused.Decode(t, &body)
	if body.Code != "too.many.requests.retry.after" || body.Limit.Value != 2 || refused.Header.Get("Retry-After") == "" {
		t.Errorf("%v: %s", refused.Header, refused.Body)
	}
	if got := o.Do(t, "GET", "/Users", nil).Want(t, 200).Header.Get("inin-ratelimit-allowed"); got != "100" {
		t.Errorf("another client is allowed %s requests", got)
	}
}
