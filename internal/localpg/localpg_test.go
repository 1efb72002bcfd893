package localpg

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// newDir is a directory that the unprivileged user can enter, which t.TempDir is not.
func newDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "localpg-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("the directory is still in use: %v", err)
		}
	})
	return dir
}

// start starts the cluster of dir and stops it at the end of the test, if not before.
func start(t *testing.T, dir string) *Server {
	t.Helper()
	s, err := Start(t.Context(), Options{Dir: dir, Test: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, s) })
	return s
}

func stop(t *testing.T, s *Server) {
	t.Helper()
	if err := s.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

func run(t *testing.T, s *Server, sql string) {
	t.Helper()
	conn := connect(t, s)
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func connect(t *testing.T, s *Server) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func rows(t *testing.T, s *Server) []string {
	t.Helper()
	found, err := connect(t, s).Query(t.Context(), "select word from words order by word")
	if err != nil {
		t.Fatal(err)
	}
	words, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return words
}

func wantRows(t *testing.T, s *Server, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, rows(t, s)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

const makeWords = "create table words (word text); insert into words values ('one'), ('two')"

// postmasterPID reads the process id of the running PostgreSQL.
func postmasterPID(t *testing.T, data string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func isRunning(pid int) bool { return syscall.Kill(pid, 0) == nil }

func awaitEnd(t *testing.T, pid int) {
	t.Helper()
	for range 1000 {
		if !isRunning(pid) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("PostgreSQL (process %d) still runs", pid)
}

func TestStart_KeepsRowsOverRestart(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	first := start(t, dir)
	run(t, first, makeWords)
	pid := postmasterPID(t, first.data)
	stop(t, first)
	if isRunning(pid) {
		t.Error("PostgreSQL runs after Stop")
	}
	wantRows(t, start(t, dir), "one", "two")
}

func TestStart_IsClosedToOthers(t *testing.T) {
	t.Parallel()
	s := start(t, newDir(t))
	var listen, dir string
	err := connect(t, s).QueryRow(t.Context(),
		"select current_setting('listen_addresses'), current_setting('unix_socket_directories')").Scan(&listen, &dir)
	if err != nil {
		t.Fatal(err)
	}
	if listen != "" {
		t.Errorf("listens on %q, want no TCP port", listen)
	}
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if perm := info.Mode().Perm(); perm != 0o700 {
		t.Errorf("socket directory has mode %o, want 700", perm)
	}
}

func TestStart_JoinsRunningServer(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	owner := start(t, dir)
	run(t, owner, makeWords)
	guest := start(t, dir)
	wantRows(t, guest, "one", "two")
	stop(t, guest)
	wantRows(t, owner, "one", "two")
}

// A short command that came first must not take the database from the server that came
// second.
func TestStop_LeavesPostgresToOthers(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	owner := start(t, dir)
	run(t, owner, makeWords)
	guest := start(t, dir)
	pid := postmasterPID(t, owner.data)
	stop(t, owner)
	wantRows(t, guest, "one", "two")
	stop(t, guest)
	awaitEnd(t, pid)
}

func TestStart_ManyAtOnce(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	servers := make([]*Server, 6)
	var group sync.WaitGroup
	for i := range servers {
		group.Go(func() {
			s, err := Start(t.Context(), Options{Dir: dir, Test: true})
			if err != nil {
				t.Error(err)
				return
			}
			servers[i] = s
		})
	}
	group.Wait()
	if t.Failed() {
		return
	}
	pid := postmasterPID(t, servers[0].data)
	run(t, servers[0], makeWords)
	for _, s := range servers {
		wantRows(t, s, "one", "two")
		group.Go(func() { stop(t, s) })
	}
	group.Wait()
	awaitEnd(t, pid)
}

func TestStart_RecoversFromKilledPostgres(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	first, err := Start(t.Context(), Options{Dir: dir}) // durable, as a server starts it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, first) })
	run(t, first, makeWords)
	if err := syscall.Kill(postmasterPID(t, first.data), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	wantRows(t, start(t, dir), "one", "two")
}

// When the watchman is killed PostgreSQL is an orphan: it is used, and watched again.
func TestStart_AdoptsOrphan(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	first := start(t, dir)
	run(t, first, makeWords)
	pid := postmasterPID(t, first.data)
	killWatchman(t, first)
	first.hold.Close()

	second := start(t, dir)
	if got := postmasterPID(t, second.data); got != pid {
		t.Errorf("PostgreSQL is process %d, want the running one, %d", got, pid)
	}
	wantRows(t, second, "one", "two")
	stop(t, second)
	awaitEnd(t, pid)
}

func killWatchman(t *testing.T, s *Server) {
	t.Helper()
	if err := s.watchman.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(filepath.Dir(s.data), "users")
	for range 1000 {
		hold, err := openPipe(pipe)
		if errors.Is(err, syscall.ENXIO) {
			return
		}
		if err == nil {
			hold.Close()
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the watchman still reads")
}

func TestStart_RefusesOtherVersion(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	first := start(t, dir)
	run(t, first, makeWords)
	stop(t, first)
	version := filepath.Join(first.data, "PG_VERSION")
	made, err := os.ReadFile(version)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, version, "9\n")

	_, err = Start(t.Context(), Options{Dir: dir, Test: true})
	if err == nil || !strings.Contains(err.Error(), "was made by PostgreSQL 9") {
		t.Fatalf("Start on a cluster of version 9: error %v, want one that names the version", err)
	}
	writeFile(t, version, string(made))
	wantRows(t, start(t, dir), "one", "two")
}

func TestStart_ReportsWhatPostgresSaid(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	first := start(t, dir)
	stop(t, first)
	writeFile(t, filepath.Join(first.data, "postgresql.conf"), "no_such_setting = 1\n")
	_, err := Start(t.Context(), Options{Dir: dir, Test: true})
	if err == nil || !strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("error %v, want PostgreSQL's own complaint about no_such_setting", err)
	}
}

func TestStart_StopsWaitingWithContext(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ctx, Options{Dir: dir, Test: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
