package server_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/servertest"
)

// lockedBuffer is written to by the server and read by the test.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// lines are those of requests, by correlation id.
func (b *lockedBuffer) lines(t *testing.T) map[string]map[string]any {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	found := map[string]map[string]any{}
	for line := range strings.Lines(b.text.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if id, ok := fields["correlation"].(string); ok && fields["msg"] == "request" {
			found[id] = fields
		}
	}
	return found
}

// A line of the log tells of a request who made it, what it was about and why it was
// refused, and nothing that the client keeps secret.
func TestLog_TellsOfEachRequest(t *testing.T) {
	t.Parallel()
	log := new(lockedBuffer)
	o := servertest.NewWith(t, servertest.Options{Log: slog.New(slog.NewJSONHandler(log, nil))}).NewOrg(t)
	const secret = "correct-horse-battery-staple"
	id := o.Do(t, http.MethodPost, "/Users", map[string]any{"userName": "ada@example.org", "password": secret}, "ININ-Correlation-Id: made").Want(t, http.StatusCreated).ID(t)
	o.Do(t, http.MethodGet, "/Users/"+id, nil, "ININ-Correlation-Id: read").Want(t, http.StatusOK)
	o.Do(t, http.MethodPost, "/Users", map[string]any{"userName": "Ada@example.org", "password": secret}, "ININ-Correlation-Id: twice").Want(t, http.StatusConflict)
	missing := uuid.NewString()
	o.Do(t, http.MethodDelete, "/Users/"+missing, nil, "ININ-Correlation-Id: missing").Want(t, http.StatusNotFound)
	long := o.Do(t, http.MethodGet, "/Users?filter="+strings.Repeat("x", 600)+"%20eq%201", nil, "ININ-Correlation-Id: long")
	detail := long.Refused(t, http.StatusBadRequest, "invalidFilter")
	lines := log.lines(t)
	for request, want := range map[string]map[string]any{
		"made":    {"target": id, "status": 201.0, "reason": nil},
		"read":    {"target": id, "status": 200.0, "reason": nil},
		"twice":   {"scim_type": "uniqueness", "status": 409.0},
		"missing": {"target": missing, "status": 404.0},
		"long":    {"scim_type": "invalidFilter", "target": nil},
	} {
		line := lines[request]
		want["level"], want["org"] = "INFO", o.ID.String()
		for name, value := range want {
			if line[name] != value {
				t.Errorf("%s: %s is %v, want %v", request, name, line[name], value)
			}
		}
		reason, refused := line["reason"].(string)
		if line["client"] == nil || line["duration"] == nil || refused != (line["status"].(float64) >= 400) || refused && len(reason) < 10 || len(reason) > 500 {
			t.Errorf("%s: %v", request, line)
		}
	}
	if reason := lines["long"]["reason"].(string); !strings.HasPrefix(detail, reason) {
		t.Errorf("the reason is %q, the client was told %q", reason, detail)
	}
	if strings.Contains(log.text.String(), secret) || strings.Contains(log.text.String(), o.Token) {
		t.Error("the log holds a password or a token")
	}
}
