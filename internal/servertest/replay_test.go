package servertest_test

import (
	"io/fs"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/purescim/purescim/docs/guides"
	"github.com/purescim/purescim/internal/scimtest"
	"github.com/purescim/purescim/internal/servertest"
)

// TestScenarios replays what real clients send, each in an organisation of its own, and
// reads in the log what was refused. Most of the scenarios are older than the log, which
// changes none of their answers.
func TestScenarios(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	var refused atomic.Int64
	t.Cleanup(func() { // when all have ended
		if n := refused.Load(); !t.Failed() && n < 60 {
			t.Errorf("the scenarios are refused %d times, which says little about advice", n)
		}
	})
	for _, scenario := range scimtest.LoadScenarios(t) {
		t.Run(scenario.File, func(t *testing.T) {
			t.Parallel()
			o := server.NewOrg(t)
			told := map[string]string{} // the correlation id to what was refused
			scenario.Run(t, scimtest.Target{BaseURL: server.URL, Token: o.Token, Observe: func(r *http.Request, _ []byte, answer *http.Response, _ []byte) {
				if isRefusal(r, answer) {
					told[answer.Header.Get("Inin-Correlation-Id")] = r.Method + " " + r.URL.Path + ": " + answer.Status
				}
			}})
			refused.Add(int64(checkAdvice(t, o, told)))
		})
	}
}

// isRefusal reports whether the log tells of an answer as of a refusal (200b). Discovery
// asks nobody who they are, and so has no log to tell it.
func isRefusal(r *http.Request, answer *http.Response) bool {
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return false
	default:
		return answer.StatusCode/100 == 4 && r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "/Schemas")
	}
}

// refusal is an entry of the log.
type refusal struct {
	CorrelationID, Operation string
	Error                    struct{ Detail string }
	Advice                   struct{ Text, Guide string }
}

// checkAdvice holds that the log has all that was told to be refused, and advice on each of
// its refusals, of which it gives the number.
func checkAdvice(t *testing.T, o *servertest.Org, told map[string]string) int {
	t.Helper()
	var refusals []refusal
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) { // they are written soon
		refusals = refusalsOf(t, o)
		missing := maps.Clone(told)
		for _, r := range refusals {
			delete(missing, r.CorrelationID)
		}
		if len(missing) == 0 {
			break
		}
		if time.Now().After(end) {
			t.Errorf("the log has nothing of %v", missing)
			break
		}
	}
	for _, r := range refusals {
		file, _, _ := strings.Cut(strings.TrimPrefix(r.Advice.Guide, "docs/guides/"), "#")
		if _, err := fs.Stat(guides.Files, file); err != nil || r.Advice.Text == "" {
			t.Errorf("%s, refused with %q: advice is %q, of the guide %q (%v)", r.Operation, r.Error.Detail, r.Advice.Text, r.Advice.Guide, err)
		}
	}
	return len(refusals)
}

func refusalsOf(t *testing.T, o *servertest.Org) []refusal {
	t.Helper()
	var page struct {
		Entities []refusal
		NextURI  string
	}
	o.Do(t, "GET", "/api/v2/scim/provisioning-log?pageSize=500&result=refused,held", nil).Want(t, 200).Decode(t, &page)
	if page.NextURI != "" {
		t.Fatal("more was refused than a page has")
	}
	return page.Entities
}
