package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

// bulkOperation is one of a bulk request.
type bulkOperation struct {
	Method  string          `json:"method"`
	Path    string          `json:"path"`
	BulkID  string          `json:"bulkId,omitempty"`
	Version string          `json:"version,omitempty"`
	Data    json.RawMessage `json:"data"`
}

// bulk changes a user, creates another one who joins a group, and changes a second group, with
// one request. Each of the four is whole or not there. It tells what became of the first.
func (w *worker) bulk(ctx context.Context, key string, n, version int) (Outcome, int) {
	operations := []bulkOperation{
		{Method: http.MethodPatch, Path: "/Users/" + key, Version: fmt.Sprintf(`"%d"`, version), Data: json.RawMessage(userPatch(n))},
		{Method: http.MethodPost, Path: "/Users", BulkID: "new", Data: json.RawMessage(newUser(w.next()))},
	}
	changes := w.planTwo()
	for i := range changes {
		refer := []string{}
		if i == 0 {
			refer = append(refer, "bulkId:new")
			changes[i].Strangers = 1
		}
		operations = append(operations, bulkOperation{
			Method: http.MethodPatch, Path: "/Groups/" + changes[i].Group, Data: json.RawMessage(patch(changes[i], refer...)),
		})
	}
	body, _ := json.Marshal(map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"}, "Operations": operations})
	began := time.Now()
	a := w.ask(ctx, w.any(), http.MethodPost, scimPath+"/Bulk", string(body), 0)
	ended := time.Now()
	w.expect(a.status, "POST of a bulk request")
	if len(a.Operations) != len(operations) {
		if a.status == http.StatusOK {
			w.note("%d of %d operations of a bulk request were answered", len(a.Operations), len(operations))
		}
		for _, g := range changes {
			g.Begin, g.End, g.Outcome, g.Answer = began, ended, a.outcome(), a.words()
			w.changed(g)
		}
		return a.outcome(), 0
	}
	w.hired(a.Operations[1], changes, began, ended)
	for i, g := range changes {
		w.bulkChanged(g, a.Operations[2+i], began, ended)
	}
	first := a.Operations[0]
	w.expect(first.status(), "PATCH of a user in a bulk request", http.StatusPreconditionFailed)
	return outcomeOf(first.status(), first.Response.Detail), number(first.Version)
}

// planTwo chooses changes of two groups, or of fewer while there are fewer.
func (w *worker) planTwo() (changes []GroupWrite) {
	for _, id := range []string{w.someGroup(), w.someGroup()} {
		if g := w.plan(id, 1+rand.IntN(manyMembers)); id != "" && len(g.Joined)+len(g.Left)+g.Name > 0 && (len(changes) == 0 || changes[0].Group != id) {
			changes = append(changes, g)
		}
	}
	return changes
}

// hired notes what became of the user who joins the first group, if there is one.
func (w *worker) hired(created bulkAnswer, changes []GroupWrite, began, ended time.Time) {
	w.expect(created.status(), "POST of a user in a bulk request", http.StatusConflict)
	if created.status() != http.StatusCreated {
		return
	}
	w.hire(Write{Key: created.id(), N: 1, Version: number(created.Version), Begin: began, End: ended})
	if len(changes) > 0 {
		changes[0].Joined = append(changes[0].Joined, created.id())
		changes[0].Strangers = 0
	}
}

// bulkChanged notes what became of a change of a group.
func (w *worker) bulkChanged(g GroupWrite, done bulkAnswer, began, ended time.Time) {
	others := w.whereGone(g.Group)
	if g.Strangers > 0 {
		others = append(others, http.StatusConflict) // the user was not created
	}
	w.expect(done.status(), "PATCH of a group in a bulk request", others...)
	g.Begin, g.End, g.Version = began, ended, number(done.Version)
	g.Outcome, g.Answer = outcomeOf(done.status(), done.Response.Detail), "Bulk: "+done.Status+" "+done.Response.Detail
	w.changed(g)
}
