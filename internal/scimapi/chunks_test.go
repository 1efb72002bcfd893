package scimapi_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/servertest"
)

// taker takes an answer and does something when the first part of it has come.
type taker struct {
	*httptest.ResponseRecorder
	first int // bytes of the first part
	then  func()
}

func (t *taker) Write(b []byte) (int, error) {
	if t.first == 0 {
		t.first = len(b)
		t.then()
	}
	return t.ResponseRecorder.Write(b)
}

// A large page goes out while it is read, in whatever order and however it is found: a
// user who is deleted meanwhile is not on it, and all others are, once.
func TestList_LargePagesGoOutWhileTheyAreRead(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	const size = 600
	var ids []string
	edits := make([]directory.Edit, size)
	for i := range edits {
		doc := scim.Document{}
		ids = append(ids, uuid.Must(uuid.NewV7()).String())
		schema.ID.Set(doc, ids[i])
		schema.UserName.Set(doc, fmt.Sprintf("%04d@example.org", i))
		schema.DisplayName.Set(doc, strings.Repeat("X", 1500))
		schema.Active.Set(doc, true)
		edits[i].Doc = doc
	}
	if err := server.Store.LoadUsers(t.Context(), o.ID, schema.User, edits); err != nil {
		t.Fatal(err)
	}
	gone := size // users from here on are deleted
	for _, query := range []string{
		"count=1000", "cursor=&count=1000", "count=1000&filter=userName+co+%22EXAMPLE%22",
		"count=1000&sortBy=userName", "count=1000&sortBy=displayName&sortOrder=descending",
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", servertest.SCIM+"/Users?"+query, nil)
		r.Header.Set("Authorization", "Bearer "+o.Token)
		w := &taker{ResponseRecorder: httptest.NewRecorder()}
		deleted := gone - 1
		if strings.Contains(query, "descending") {
			deleted = 0 // the last to be answered
		}
		w.then = func() { o.Do(t, "DELETE", "/Users/"+ids[deleted], nil).Want(t, 204) }
		server.Handler.ServeHTTP(w, r)
		var list servertest.List
		if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		if list.TotalResults != gone || list.ItemsPerPage != gone-1 || len(list.Resources) != gone-1 {
			t.Errorf("%s: total %d, itemsPerPage %d, %d resources; want %d, %[5]d less 1", query,
				list.TotalResults, list.ItemsPerPage, len(list.Resources), gone)
		}
		seen := map[string]bool{ids[deleted]: true}
		for _, id := range list.IDs() {
			if seen[id] {
				t.Errorf("%s: %s is there twice, or deleted", query, id)
			}
			seen[id] = true
		}
		if w.first == 0 || w.first > 300_000 || w.Header().Get("Content-Length") != "" {
			t.Errorf("%s: %d bytes came first; the header is %v", query, w.first, w.Header())
		}
		gone--
	}
}

// Answers that are written at once do not write into each other, whatever memory they use
// again.
func TestList_AnswersAreTheirOwn(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	var clients sync.WaitGroup
	for _, name := range []string{"ada", "bert", "carl", "dora"} {
		o := server.NewOrg(t)
		edits := make([]directory.Edit, 2*directory.ChunkSize+1)
		for i := range edits {
			doc := scim.Document{}
			schema.ID.Set(doc, uuid.Must(uuid.NewV7()).String())
			schema.UserName.Set(doc, fmt.Sprintf("%s%d@example.org", name, i))
			schema.Active.Set(doc, true)
			edits[i].Doc = doc
		}
		if err := server.Store.LoadUsers(t.Context(), o.ID, schema.User, edits); err != nil {
			t.Fatal(err)
		}
		for _, query := range []string{"count=1000", "count=50&startIndex=20", "count=300&sortBy=userName", "count=300&filter=userName+co+%22a%22"} {
			clients.Go(func() {
				for range 20 {
					for _, user := range o.Do(t, "GET", "/Users?"+query, nil).Want(t, 200).List(t).Resources {
						if got, _ := user["userName"].(string); !strings.HasPrefix(got, name) {
							t.Errorf("%s: %q is answered to who asks for %s", query, got, name)
						}
					}
				}
			})
		}
	}
	clients.Wait()
}
