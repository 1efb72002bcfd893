package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
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
		if err := s.pool.QueryRow(t.Context(), c.sql).Scan(&setting); err != nil {
			t.Fatal(err)
		}
		expect(t, c.sql, setting, c.setting)
		if n := s.pool.Config().MaxConns; n < c.conns || c.conns < minConnections && n != c.conns {
			t.Errorf("%d connections, want %d", n, c.conns)
		}
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

func TestRun_FoldsUntilTheEnd(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	o.users(3)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		o.Run(ctx)
		close(done)
	}()
	for o.number(`select count(*) from count_changes`) > 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-done
	expect(t, "base", o.number(`select n from counts where org_id = $1 and kind = 1`, o.org), 3)
	o.consistent()
}

func TestRetry(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]int{deadlockDetected: 3, serializationFailure: 3, uniqueViolation: 1} {
		tries := 0
		err := retry(t.Context(), func() error {
			if tries++; tries == 3 {
				return nil
			}
			return wrap("write", &pgconn.PgError{Code: code})
		})
		if tries != want || (err == nil) != (want == 3) {
			t.Errorf("%s: %d tries and error %v, want %d tries", code, tries, err, want)
		}
	}
	tries := 0
	if err := retry(t.Context(), func() error { tries++; return &pgconn.PgError{Code: deadlockDetected} }); err == nil || tries != attempts {
		t.Errorf("%d tries and error %v, want an end after %d", tries, err, attempts)
	}
}

// A write whose connection was lost before it could be stored is done once more, and
// one of which that is not known is not.
func TestRetry_OfLostConnections(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]int{io.ErrUnexpectedEOF: 2, uncertain{io.ErrUnexpectedEOF}: 1, &pgconn.PgError{Code: "57P01"}: 2, &pgconn.PgError{Code: "53100"}: 1} {
		tries := 0
		_ = retry(t.Context(), func() error { tries++; return err })
		if tries != want {
			t.Errorf("%v: %d tries, want %d", err, tries, want)
		}
	}
}

// What the database cannot do now is to be tried again; what is of the statement, or
// of who asked, is not.
func TestWrap_TellsWhatIsUnavailable(t *testing.T) {
	t.Parallel()
	now := map[error]bool{
		&pgconn.PgError{Code: uniqueViolation}: false, &pgconn.PgError{Code: "22021"}: false, &pgconn.PgError{Code: "XX001"}: false,
		io.ErrUnexpectedEOF: true, context.DeadlineExceeded: true, &net.OpError{Op: "read", Err: syscall.ECONNRESET}: true,
		context.Canceled: false, directory.ErrNotFound: false,
	}
	for _, code := range []string{
		"08006", "25006", "40001", "40P01", "53000", "53100", "53200", "53300", "53400", "55P03", "57014", "57P01", "57P02", "57P03", "58030",
	} {
		now[&pgconn.PgError{Code: code}] = true
	}
	for err, want := range now {
		told := (*scim.Error)(nil)
		wrapped := wrap("write", fmt.Errorf("send: %w", err))
		if got := errors.As(wrapped, &told) && told.Status == http.StatusServiceUnavailable; got != want || !errors.Is(wrapped, err) {
			t.Errorf("%v: %v", err, wrapped)
		} else if got && strings.Contains(told.Detail, "not known") {
			t.Errorf("%v: %s", err, told.Detail)
		}
	}
}

// It is not known whether a write was carried out when its answer was lost, and when a
// commit was answered by the end of the connection; not when PostgreSQL has refused it.
func TestWrap_TellsWhatIsNotKnown(t *testing.T) {
	t.Parallel()
	ended := &pgconn.PgError{Code: "57P01", Severity: "FATAL"}
	for _, c := range []struct {
		err  error
		want bool
	}{
		{sent(t.Context(), io.ErrUnexpectedEOF), true},
		{sent(t.Context(), context.DeadlineExceeded), true},
		{sent(t.Context(), ended), false},
		{committed(t.Context(), ended), true},
		{sent(t.Context(), directory.ErrNotFound), false},
		{committed(t.Context(), &pgconn.PgError{Code: "53100", Severity: "ERROR"}), false},
		{io.ErrUnexpectedEOF, false},
	} {
		if got := strings.Contains(wrap("write", c.err).Error(), "not known whether"); got != c.want {
			t.Errorf("%v: %v", c.err, wrap("write", c.err))
		}
	}
}

// A deadlock between two deletions whose users manage each other is nobody's error.
func TestDeleteUser_OfEachOthersManagers(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(writers)
	for i, id := range ids {
		boss := ids[i^1]
		o.update(schema.User, id, with(schema.Manager, map[string]any{"value": boss.String()}))
	}
	atOnce(t, func(n int) error {
		return o.DeleteUser(t.Context(), schema.User, ids[n], anyVersion, schema.Manager.Clear)
	})
	expect(t, "users", o.number(`select count(*) from users`), 0)
	o.consistent()
}
