package server_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/servertest"
)

// product is how an identity system takes access away, as recorded in the scenarios: what
// it asks before, and what it sends. What was refused it sends again in its next cycle, and
// what was done it does not.
type product struct {
	name, userAgent string
	deactivation    string             // the operation of a PATCH
	before          func(i int) string // the path that it reads first
}

var products = []product{
	{
		name: "Entra", deactivation: `{"op":"Replace","path":"active","value":"False"}`,
		before: func(i int) string {
			return "/Users?filter=" + url.QueryEscape(fmt.Sprintf(`userName eq "user%d@example.org"`, i))
		},
	},
	{
		name: "Okta", userAgent: "Okta SCIM Client 1.0.0", deactivation: `{"op":"replace","value":{"active":false}}`,
		before: func(i int) string {
			return "/Users?startIndex=1&count=100&filter=" + url.QueryEscape(fmt.Sprintf(`userName eq "user%d@example.org"`, i))
		},
	},
}

// cycle sends what is pending, the deactivation of users by their place and then their
// removal from a group, and gives what is pending still.
func (p product) cycle(t *testing.T, o *servertest.Org, ids []string, group string, pending []int) (left []int) {
	t.Helper()
	headers := []string{"Content-Type: application/scim+json; charset=utf-8", "User-Agent: " + p.userAgent}
	patch := func(path, operation string) int {
		return o.Do(t, http.MethodPatch, path, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`+operation+`]}`, headers...).Status
	}
	for _, i := range pending {
		o.Do(t, http.MethodGet, p.before(i), nil, headers...).Want(t, http.StatusOK)
		for _, status := range []int{
			patch("/Users/"+ids[i], p.deactivation),
			patch("/Groups/"+group, `{"op":"remove","path":"members[value eq \"`+ids[i]+`\"]"}`),
		} {
			switch status {
			case http.StatusOK, http.StatusNoContent:
			case http.StatusForbidden:
				if len(left) == 0 || left[len(left)-1] != i {
					left = append(left, i)
				}
			default:
				t.Fatalf("%s is answered %d", p.name, status)
			}
		}
	}
	return left
}

// What a brake holds stays held while the identity system tries again by itself, and is
// done by its first cycle after the release, without anybody touching it there.
func TestBrakes_WhatIsReleasedIsDoneByTheNextCycle(t *testing.T) {
	t.Parallel()
	for _, p := range products {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			o := servertest.New(t).NewOrg(t, least(2, 2))
			client, _ := named(t, o, p.name)
			ids := users(t, o, 12)
			group := o.NewGroup(t, "Night", ids...)
			pending := p.cycle(t, client, ids, group, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
			if len(pending) == 0 || len(pending) == 10 {
				t.Fatalf("of ten, %v are held", pending)
			}
			if again := p.cycle(t, client, ids, group, pending); fmt.Sprint(again) != fmt.Sprint(pending) {
				t.Errorf("in the next cycle %v are held instead of %v", again, pending)
			}
			statusWhen(t, o, func(s status) bool { return s.State == "held" && s.client(p.name).RefusedUsers.Total > 0 })
			held := holdsOf(t, o)
			if len(held) != 2 {
				t.Fatalf("held is %+v", held)
			}
			for _, h := range held {
				o.Do(t, "POST", holdsPath+"/"+h.ID+"/release", nil).Want(t, 200)
			}
			if rest := p.cycle(t, client, ids, group, pending); len(rest) > 0 {
				t.Errorf("after the release, %v are held", rest)
			}
			for i, id := range ids {
				active := strings.Contains(string(o.Do(t, "GET", "/Users/"+id, nil).Want(t, 200).Body), `"active":true`)
				if active != (i >= 10) {
					t.Errorf("user %d is active: %t", i, active)
				}
			}
			if members := o.Do(t, "GET", "/Groups/"+group, nil).Want(t, 200).Object(t)["members"].([]any); len(members) != 2 {
				t.Errorf("the members are %v", members)
			}
			statusWhen(t, o, func(s status) bool {
				return s.State != "held" && s.client(p.name).RefusedUsers.Total == 0 && s.client(p.name).Holds == 0
			})
		})
	}
}
