package server_test

import (
	"bytes"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/purescim/purescim/internal/servertest"
)

// logText is a log that several goroutines write.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(text)
}

// What a request makes the log say of ignored attributes is bounded, however many there are.
func TestIgnored_IsOneLine(t *testing.T) {
	t.Parallel()
	var log logText
	o := servertest.NewWith(t, servertest.Options{Log: slog.New(slog.NewTextHandler(&log, nil))}).NewOrg(t)
	id := o.NewUser(t, "ada")
	body := map[string]any{"userName": "ada"}
	for i := range 3000 {
		body["unknown"+strconv.Itoa(i)+"\n\x1b"+strings.Repeat("é", 50)] = "secret"
	}
	o.Do(t, "PUT", "/Users/"+id, body).Want(t, 200)
	o.Do(t, "PATCH", "/Users/"+id, servertest.Patch(map[string]any{"op": "add", "value": body})).Want(t, 200)
	log.mu.Lock()
	defer log.mu.Unlock()
	lines := 0
	for line := range strings.Lines(log.text.String()) {
		if !strings.Contains(line, "ignored") {
			continue
		}
		lines++
		if strings.Count(line, "unknown") != 20+1 || !strings.Contains(line, "more=2980") || strings.Contains(line, "secret") || len(line) > 3000 {
			t.Errorf("%d bytes: %.400s", len(line), line)
		}
	}
	if lines != 2 {
		t.Errorf("%d lines, want one for each request", lines)
	}
}

// A bulk request has one line too, of all its operations.
func TestIgnored_IsOneLineOfABulkRequest(t *testing.T) {
	t.Parallel()
	var log logText
	o := servertest.NewWith(t, servertest.Options{Log: slog.New(slog.NewTextHandler(&log, nil))}).NewOrg(t)
	var operations []any
	for i := range 15 {
		name := "unknown" + strconv.Itoa(i)
		operations = append(operations,
			map[string]any{"method": "POST", "path": "/Users", "bulkId": name, "data": map[string]any{"userName": name, name: "x", name + "b": "x"}},
			map[string]any{"method": "PATCH", "path": "/Users/bulkId:" + name, "data": servertest.Patch(map[string]any{"op": "add", "value": map[string]any{name: 1}})})
	}
	o.Do(t, "POST", "/Bulk", map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"}, "Operations": operations}).Want(t, 200)
	log.mu.Lock()
	defer log.mu.Unlock()
	if n := strings.Count(log.text.String(), "ignored unknown attributes"); n != 1 || strings.Count(log.text.String(), "unknown") != 20+1 {
		t.Errorf("%d lines, want one with 20 names: %s", n, log.text.String())
	}
}
