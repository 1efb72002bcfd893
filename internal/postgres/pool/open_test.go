package pool

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/purescim/purescim/internal/testdb"
)

func withParameter(t *testing.T, database, name, value string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}

func TestOpen_Settings(t *testing.T) {
	t.Parallel()
	database := testdb.New(t)
	for _, c := range []struct {
		url     string
		o       Options
		sql     string
		setting string
		conns   int32
	}{
		{database, Options{}, `show application_name`, "purescim", minConnections},
		{database, Options{MaxConns: 3}, `show statement_timeout`, "30s", 3},
		{database, Options{StatementTimeout: time.Second}, `show statement_timeout`, "1s", minConnections},
		{withParameter(t, database, "application_name", "mine"), Options{}, `show application_name`, "mine", minConnections},
		{withParameter(t, database, "pool_max_conns", "5"), Options{}, `show jit`, "off", 5},
	} {
		s, err := Open(t.Context(), c.url, c.o)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		var setting string
		if err := s.Own().QueryRow(t.Context(), c.sql).Scan(&setting); err != nil {
			t.Fatal(err)
		}
		if setting != c.setting {
			t.Errorf("%s is %s, want %s", c.sql, setting, c.setting)
		}
		if n := s.Own().Config().MaxConns; n < c.conns || c.conns < minConnections && n != c.conns {
			t.Errorf("%d connections, want %d", n, c.conns)
		}
	}
}

// Times are those of UTC, wherever the machine stands.
func TestOpen_TellsUTC(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), testdb.New(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var now time.Time
	if err := s.Own().QueryRow(t.Context(), `select now()`).Scan(&now); err != nil || now.Location() != time.UTC {
		t.Errorf("%v of %v, %v", now, now.Location(), err)
	}
}

func TestOpen_Refuses(t *testing.T) {
	t.Parallel()
	database := testdb.New(t)
	for url, want := range map[string]string{
		"postgres://%": "read database URL",
		withParameter(t, database, "default_query_exec_mode", "simple_protocol"): "default_query_exec_mode",
		withParameter(t, database, "port", "1"):                                  "open database",
	} {
		s, err := Open(t.Context(), url, Options{})
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one that names %q", url, err, want)
		}
	}
}
