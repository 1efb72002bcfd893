package testdb

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/purescim/purescim/internal/localpg"
)

// Standby is a PostgreSQL that follows another one.
type Standby struct {
	// URL leads to the database of the standby, as the URL that it was made of leads to the
	// primary's.
	URL string

	t         testing.TB
	bin, data string
	socket    string
	process   *exec.Cmd
	exited    chan struct{}
}

// NewWithStandby is NewAlone with a streaming standby, whose commits are flushed before they
// are acknowledged, as outside of tests. It takes some seconds. When TEST_DATABASE_URL is
// set the test is skipped, since that server is not ours to copy.
func NewWithStandby(t testing.TB) (primary string, s *Standby) {
	t.Helper()
	if os.Getenv("TEST_DATABASE_URL") != "" {
		t.Skip("a standby is made of a PostgreSQL of our own: unset TEST_DATABASE_URL")
	}
	primary = NewAlone(t)
	u := mustURL(t, primary)
	if err := execute(t.Context(), u, `alter role %s set synchronous_commit = on`, u.User.Username()); err != nil {
		t.Fatal(err)
	}
	return primary, NewStandby(t, primary)
}

// NewStandby makes one more standby of a primary.
func NewStandby(t testing.TB, primary string) (s *Standby) {
	t.Helper()
	u := mustURL(t, primary)
	bin, err := localpg.Programs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// t.TempDir would not let PostgreSQL's user in; the path of a socket must be short.
	dir, err := os.MkdirTemp("/tmp", "standby-")
	if err != nil {
		t.Fatal(err)
	}
	s = &Standby{t: t, bin: bin, data: filepath.Join(dir, "data"), socket: dir}
	t.Cleanup(func() {
		s.Kill()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	copied := exec.CommandContext(t.Context(), filepath.Join(bin, "pg_basebackup"), "-d", primary, "-D", s.data, "-R", "-X", "stream", "-c", "fast", "--no-sync")
	if err := localpg.Lend(copied, dir); err != nil {
		t.Fatal(err)
	}
	if out, err := copied.CombinedOutput(); err != nil {
		t.Fatalf("copy the primary: %v: %s", err, out)
	}
	u.RawQuery = url.Values{"host": {dir}, "port": {"5432"}}.Encode()
	s.URL = u.String()
	s.Start()
	return s
}

func mustURL(t testing.TB, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// Start starts it, and waits until it answers.
func (s *Standby) Start() {
	s.t.Helper()
	s.process = exec.Command(filepath.Join(s.bin, "postgres"), "-D", s.data, "-k", s.socket, "-c", "listen_addresses=", "-c", "fsync=off",
		"-c", "max_connections=300", "-c", "wal_retrieve_retry_interval=100ms", "-c", "max_standby_streaming_delay=100ms")
	if err := localpg.Lend(s.process); err != nil {
		s.t.Fatal(err)
	}
	log, err := os.OpenFile(filepath.Join(s.socket, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	s.process.Stdout, s.process.Stderr = log, log
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	process, exited := s.process, make(chan struct{})
	s.exited = exited
	go func() {
		_ = process.Wait()
		close(exited)
	}()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c, err := pgx.Connect(context.Background(), s.URL)
		if err == nil {
			_ = c.Close(context.Background())
			return
		}
		if time.Now().After(end) {
			said, _ := os.ReadFile(log.Name())
			s.t.Fatalf("the standby does not answer: %v\n%s", err, said)
		}
	}
}

// Kill ends it as a loss of power does. It may be started again.
func (s *Standby) Kill() {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Signal(syscall.SIGQUIT) // "immediate": its children end too
	<-s.exited
	s.process = nil
}

// Follow has it follow another server than before. When the URL is empty that is none, and
// nothing comes any more once it returns.
func (s *Standby) Follow(url string) {
	s.t.Helper()
	s.Exec(fmt.Sprintf(`alter system set primary_conninfo = '%s'`, url))
	s.Exec(`select pg_reload_conf()`)
	if url == "" {
		s.Exec(`do $$ begin while exists (select from pg_stat_wal_receiver) loop perform pg_sleep(0.01); end loop; end $$`)
	}
}

// Reach waits until it has replayed its primary's log up to a position.
func (s *Standby) Reach(lsn string) {
	s.t.Helper()
	s.Exec(fmt.Sprintf(`do $$ begin while pg_last_wal_replay_lsn() < '%s' loop perform pg_sleep(0.01); end loop; end $$`, lsn))
}

// Stop has its processes stand still.
func (s *Standby) Stop() { s.signalAll(syscall.SIGSTOP) }

// Continue has them go on.
func (s *Standby) Continue() { s.signalAll(syscall.SIGCONT) }

// signalAll signals the process and its children.
func (s *Standby) signalAll(signal syscall.Signal) {
	s.t.Helper()
	pids := []int{s.process.Process.Pid}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", pids[0]))
	if err != nil {
		s.t.Skipf("the processes of PostgreSQL cannot be told: %v", err)
	}
	for child := range strings.FieldsSeq(string(children)) {
		if pid, err := strconv.Atoi(child); err == nil {
			pids = append(pids, pid)
		}
	}
	for _, pid := range pids {
		_ = syscall.Kill(pid, signal)
	}
}

// Exec runs a statement on it, as a superuser: again where it was given up to go on replaying.
func (s *Standby) Exec(sql string) {
	s.t.Helper()
	for range 100 {
		err := execute(context.Background(), mustURL(s.t, s.URL), strings.ReplaceAll(sql, "%", "%%"))
		if err == nil {
			return
		}
		if refused, ok := errors.AsType[*pgconn.PgError](err); !ok || refused.Code != "40001" {
			s.t.Fatal(err)
		}
	}
	s.t.Fatalf("%s: it is given up each time", sql)
}
