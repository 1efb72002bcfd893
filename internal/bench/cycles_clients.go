package bench

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strconv"
)

const (
	oktaPage    = 100
	saviyntPage = 1000

	// membersOfGroup is how many users of a cycle come into each group.
	membersOfGroup = 100
	// changed is the part of the users whom a later cycle finds changed: one in so many.
	changed = 10
)

// cycles are the jobs, those that only read last.
func cycles() []cycle {
	return []cycle{
		{
			name: "Entra, initial cycle", run: entraInitial,
			does: "for each user a look-up and a POST; a look-up and a GET of each group; a PATCH for each member",
		},
		{
			name: "Entra, delta", run: entraDelta,
			does: "for one user in " + strconv.Itoa(changed) + " a look-up, a GET and a PATCH of two attributes",
		},
		{
			name: "Okta, push", run: oktaPush,
			does: "for each user a look-up and a POST; for each group a look-up and a PATCH of " + strconv.Itoa(membersOfGroup) + " members",
		},
		{
			name: "Okta, import", run: oktaImport,
			does: "all users and all groups with their members, in pages of " + strconv.Itoa(oktaPage),
		},
		{
			name: "Saviynt, import", run: saviyntImport,
			does: "all users, then all inactive ones, in pages of " + strconv.Itoa(saviyntPage),
		},
	}
}

// provision looks each user up, who is not there yet, and creates it. It returns the ids.
func (y *cyclist) provision(ctx context.Context, kind, lookUp string) []string {
	ids := make([]string, y.users)
	y.each(ctx, y.users, func(c *connection, i int, keep *bytes.Buffer) {
		name := y.data.Prefix + kind + strconv.Itoa(i) + "@bench.example"
		y.ask(ctx, c, request{method: http.MethodGet, path: "/Users?filter=" + url.PathEscape(`userName eq "`+name+`"`) + lookUp}, keep)
		if y.ask(ctx, c, request{method: http.MethodPost, path: "/Users", body: y.data.userBody(kind, i)}, keep) {
			ids[i] = readID(keep.Bytes())
		}
	})
	return ids
}

// matchGroups looks the groups up by their names, as many as the users fill. There are
// none where the server makes none.
func (y *cyclist) matchGroups(ctx context.Context, query string, then func(c *connection, id string, keep *bytes.Buffer)) []string {
	groups := make([]string, min(len(y.data.Groups), (y.users+membersOfGroup-1)/membersOfGroup))
	y.each(ctx, len(groups), func(c *connection, g int, keep *bytes.Buffer) {
		path := "/Groups?" + query + "filter=" + url.PathEscape(`displayName eq "`+y.data.groupName(g)+`"`)
		if id, ok := y.find(ctx, c, path, keep); ok {
			groups[g] = id
			then(c, id, keep)
		}
	})
	return groups
}

// find gives the id of what must be found at a path.
func (y *cyclist) find(ctx context.Context, c *connection, path string, keep *bytes.Buffer) (id string, ok bool) {
	if !y.ask(ctx, c, request{method: http.MethodGet, path: path}, keep) {
		return "", false
	}
	if id, ok = found(keep.Bytes()); !ok {
		y.fail(errNotFound)
	}
	return id, ok
}

// entraInitial is what Entra does when it meets a tenant for the first time.
func entraInitial(ctx context.Context, y *cyclist) {
	users := y.provision(ctx, "entra", "")
	groups := y.matchGroups(ctx, "excludedAttributes=members&", func(c *connection, id string, keep *bytes.Buffer) {
		y.ask(ctx, c, request{method: http.MethodGet, path: "/Groups/" + id + "?excludedAttributes=members"}, keep)
	})
	if len(groups) == 0 {
		return
	}
	y.each(ctx, len(users), func(c *connection, i int, keep *bytes.Buffer) {
		body := patchBegin + `{"op":"Add","path":"members","value":[{"$ref":null,"value":"` + users[i] + `"}]}]}`
		y.ask(ctx, c, request{method: http.MethodPatch, path: "/Groups/" + pick(groups, i), body: body}, keep)
	})
}

// entraDelta is each later cycle of Entra: it looks who has changed up, reads and
// changes them.
func entraDelta(ctx context.Context, y *cyclist) {
	y.each(ctx, (y.users+changed-1)/changed, func(c *connection, i int, keep *bytes.Buffer) {
		user := i * stride % len(y.data.Users)
		path := "/Users?filter=" + url.PathEscape(`userName eq "`+y.data.UserName(user)+`"`)
		id, ok := y.find(ctx, c, path, keep)
		if !ok {
			return
		}
		y.ask(ctx, c, request{method: http.MethodGet, path: "/Users/" + id}, keep)
		y.ask(ctx, c, request{method: http.MethodPatch, path: "/Users/" + id, body: patchBegin +
			`{"op":"Replace","path":"title","value":"Delta ` + strconv.Itoa(i) + `"},` +
			`{"op":"Replace","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","value":"Delta"}]}`}, keep)
	})
}

// oktaPush assigns people to an application and pushes groups to it, without passwords.
func oktaPush(ctx context.Context, y *cyclist) {
	users := y.provision(ctx, "okta", "&startIndex=1&count="+strconv.Itoa(oktaPage))
	groups := y.matchGroups(ctx, "startIndex=1&count="+strconv.Itoa(oktaPage)+"&excludedAttributes=members&",
		func(*connection, string, *bytes.Buffer) {})
	y.each(ctx, len(groups), func(c *connection, g int, keep *bytes.Buffer) {
		members := users[g*membersOfGroup : min((g+1)*membersOfGroup, len(users))]
		y.ask(ctx, c, request{method: http.MethodPatch, path: "/Groups/" + groups[g], body: addMembers(members...)}, keep)
	})
}

// oktaImport reads everything, page by page.
func oktaImport(ctx context.Context, y *cyclist) {
	y.readAll(ctx, "/Users?", oktaPage)
	y.readAll(ctx, "/Groups?", oktaPage)
}

// saviyntImport reads everything in large pages, and the inactive users on their own.
func saviyntImport(ctx context.Context, y *cyclist) {
	y.readAll(ctx, "/Users?", saviyntPage)
	y.readAll(ctx, "/Users?filter="+url.PathEscape("active eq false")+"&", saviyntPage)
}
