package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Floods of what costs the database, and the server beside it, the most.

const (
	scanned = 10_000 // users
	matched = 5_900  // members of a group

	// besideScans is how long 99 of 100 look-ups beside such a flood take at most.
	besideScans  = 200 * time.Millisecond
	floodSeconds = 20

	message = "urn:ietf:params:scim:api:messages:2.0:"
)

// manyRemovals sends operations that each look at the members of a large group.
func manyRemovals() Flood {
	return Flood{
		Name: "PATCHes of 1,000 filters on 5,900 members", Beside: besideScans, prepare: prepareScans,
		send: func(ctx context.Context, a *attack) error { return a.keepUp(ctx, a.removal) },
	}
}

// manyScans sends lists that no index helps.
func manyScans() Flood {
	return Flood{
		Name: "lists with 64 terms on 10,000 users", Beside: besideScans, prepare: prepareScans,
		send: func(ctx context.Context, a *attack) error { return a.keepUp(ctx, scan) },
	}
}

// manyRemovalsAndScans sends both.
func manyRemovalsAndScans() Flood {
	return Flood{
		Name: "such PATCHes and lists together", Beside: besideScans, prepare: prepareScans,
		send: func(ctx context.Context, a *attack) error { return a.keepUp(ctx, a.removal, scan) },
	}
}

// call is a request of a flood; number tells it from others.
type call func(number int) (method, path string, body []byte)

// keepUp sends the calls in turn from 50 connections for a while, each as soon as the one
// before it is answered, whatever the answer.
func (a *attack) keepUp(ctx context.Context, calls ...call) error {
	const connections = 50
	until := time.Now().Add(time.Duration(a.scale * floodSeconds * float64(time.Second)))
	return a.atOnce(connections, func(i int) error {
		for n := i; time.Now().Before(until); n += connections + 1 {
			method, path, body := calls[n%len(calls)](n)
			if _, _, err := a.do(ctx, method, path, body); err != nil {
				return err
			}
		}
		return nil
	})
}

// removal removes nobody: none of the names is there, so that each costs the same.
func (a *attack) removal(int) (method, path string, body []byte) {
	return http.MethodPatch, "/api/v2/scim/v2/Groups/" + a.group, a.removals
}

// removals are operations that look for so many names.
func removals(count int) []byte {
	operations := make([]map[string]any, count)
	for i := range operations {
		operations[i] = map[string]any{"op": "remove", "path": fmt.Sprintf(`members[display co "zz%d"]`, i)}
	}
	return patchOf(operations)
}

func patchOf(operations []map[string]any) []byte {
	body, err := json.Marshal(map[string]any{"schemas": []string{message + "PatchOp"}, "Operations": operations})
	if err != nil {
		panic(err) // there is nothing in it that JSON has no words for
	}
	return body
}

// scan looks for texts that nobody has, in each of the users; every third sorts them all
// by what no index has.
func scan(number int) (method, path string, body []byte) {
	query := url.Values{"count": {"100"}}
	if number%3 == 2 {
		query.Set("sortBy", "title")
	} else {
		terms := make([]string, 64)
		for i := range terms {
			terms[i] = fmt.Sprintf(`%s co "zz%d.%d"`, []string{"title", "displayName", "userName", "name.familyName"}[i%4], number, i)
		}
		query.Set("filter", strings.Join(terms, " or "))
	}
	return http.MethodGet, "/api/v2/scim/v2/Users?" + query.Encode(), nil
}

// prepareScans makes the users and the group.
func prepareScans(ctx context.Context, a *attack) error {
	const atOnce, together = 4, 250
	a.removals = removals(1000)
	ids := make([]string, a.many(scanned))
	err := a.atOnce(atOnce, func(part int) error {
		for first := part * together; first < len(ids); first += atOnce * together {
			if err := a.makeUsers(ctx, ids[first:min(first+together, len(ids))], first); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	group, err := a.must(ctx, http.MethodPost, "/api/v2/groups", []byte(`{"name":"Everybody","type":"official","visibility":"public","rulesVisible":true}`))
	if err != nil {
		return err
	}
	a.group = readID(group)
	for some := range slices.Chunk(ids[:a.many(matched)], 1000) {
		members := make([]map[string]string, len(some))
		for i, id := range some {
			members[i] = map[string]string{"value": id}
		}
		add := patchOf([]map[string]any{{"op": "add", "path": "members", "value": members}})
		if _, err := a.must(ctx, http.MethodPatch, "/api/v2/scim/v2/Groups/"+a.group, add); err != nil {
			return err
		}
	}
	return nil
}

// makeUsers makes users by one bulk request and notes their ids.
func (a *attack) makeUsers(ctx context.Context, ids []string, first int) error {
	operations := make([]map[string]any, len(ids))
	for i := range ids {
		n := first + i
		operations[i] = map[string]any{"method": http.MethodPost, "path": "/Users", "bulkId": fmt.Sprint(n), "data": map[string]any{
			"userName": fmt.Sprintf("user%d@example.org", n), "displayName": fmt.Sprintf("User %d of the flood", n),
			"name":  map[string]string{"givenName": "User", "familyName": fmt.Sprintf("Number %d", n)},
			"title": fmt.Sprintf("Adjuster of claims %d", n%97),
		}}
	}
	body, err := json.Marshal(map[string]any{"schemas": []string{message + "BulkRequest"}, "Operations": operations})
	if err != nil {
		return err
	}
	answer, err := a.must(ctx, http.MethodPost, "/api/v2/scim/v2/Bulk", body)
	if err != nil {
		return err
	}
	var result struct {
		Operations []struct {
			Location, Status string
		}
	}
	if err := json.Unmarshal(answer, &result); err != nil {
		return err
	}
	for i, o := range result.Operations {
		if o.Status != "201" {
			return fmt.Errorf("a user was answered %s", o.Status)
		}
		ids[i] = o.Location[strings.LastIndexByte(o.Location, '/')+1:]
	}
	return nil
}
