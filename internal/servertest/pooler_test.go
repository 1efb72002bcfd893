package servertest_test

import (
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/scimtest"
	"github.com/purescim/purescim/internal/servertest"
	"github.com/purescim/purescim/internal/testdb"
)

// lines is a log that several goroutines write.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Behind a pooler a server does what it does without one, in either mode: real clients are
// served, some of them at once, and nothing fails. It notices the pooler by itself, also one
// that is told to ignore the settings of connections.
func TestScenarios_BehindAPooler(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		mode, settings string
		want           pool.Pooling
		said           string
	}{
		"session":     {"session", "", pool.Sessions, "mode=session"},
		"transaction": {"transaction", "", pool.Transactions, "lock_timeout = '3000'"},
		"transaction, with settings": {
			"transaction",
			`connect_query='set jit=off; set lock_timeout=3000; set statement_timeout=30000; set random_page_cost=1.1; set idle_in_transaction_session_timeout=60000'`,
			pool.Transactions, "mode=transaction",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			direct := testdb.New(t)
			pooled := testdb.Pooled(t, direct, test.mode, test.settings)
			for url, want := range map[string]pool.Pooling{direct: pool.Direct, pooled: test.want} {
				if found, err := pool.FindPooler(t.Context(), url); found != want || err != nil {
					t.Errorf("%s is %v, want %v; %v", url, found, want, err)
				}
			}
			log := new(lines)
			server := servertest.NewWith(t, servertest.Options{Database: pooled, Log: slog.New(slog.NewTextHandler(log, nil))})
			if !strings.Contains(log.String(), test.said) || strings.Contains(log.String(), "connect_query") != (test.said[0] == 'l') {
				t.Errorf("the log says\n%s", log.String())
			}
			t.Cleanup(func() {
				if said := log.String(); strings.Contains(said, "level=ERROR") {
					t.Errorf("errors:\n%s", said)
				}
			})
			for i, scenario := range scimtest.LoadScenarios(t) {
				if i%4 != 0 { // some of each client
					continue
				}
				t.Run(scenario.File, func(t *testing.T) {
					t.Parallel()
					scenario.Run(t, scimtest.Target{BaseURL: server.URL, Token: server.NewOrg(t).Token})
				})
			}
		})
	}
}
