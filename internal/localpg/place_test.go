package localpg

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// closedDir is a directory that only root can enter.
func closedDir(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root lends its cluster to another user")
	}
	dir := filepath.Join(newDir(t), "home")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "data")
}

func TestStart_RootFindsItsClusterAgain(t *testing.T) {
	t.Parallel()
	dir := closedDir(t)
	first := start(t, dir)
	base := filepath.Dir(first.data)
	t.Cleanup(func() {
		stop(t, first)
		if err := os.RemoveAll(base); err != nil {
			t.Error(err)
		}
	})
	if !strings.HasPrefix(base, rootHome+"/") {
		t.Fatalf("cluster lies in %s, want it below %s", base, rootHome)
	}
	run(t, first, makeWords)
	stop(t, first)

	second := start(t, dir)
	wantRows(t, second, "one", "two")
	stop(t, second)

	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	opened := start(t, dir)
	wantRows(t, opened, "one", "two")
	stop(t, opened)
}

func TestStart_RootExplainsClusterItCannotReach(t *testing.T) {
	t.Parallel()
	dir := closedDir(t)
	home := filepath.Dir(dir)
	if err := os.Chmod(home, 0o755); err != nil {
		t.Fatal(err)
	}
	stop(t, start(t, dir))
	if err := os.Chmod(home, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Options{Dir: dir, Test: true})
	if err == nil || !strings.Contains(err.Error(), "chmod o+x "+home) {
		t.Errorf("error %v, want the command that opens %s", err, home)
	}
}

func TestPlace_RootKeepsTheOwner(t *testing.T) {
	t.Parallel()
	dir := filepath.Dir(closedDir(t))
	const uid, gid = 54321, 54321
	own := func(path string) {
		if err := os.Chown(path, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	own(dir) // mode 0700: nobody else may enter
	data := filepath.Join(dir, "postgres", "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	own(filepath.Dir(data))
	own(data)
	writeFile(t, filepath.Join(data, "PG_VERSION"), "15\n")

	c, err := place(Options{Dir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if c.data != data || c.user.uid != uid || c.user.gid != gid {
		t.Errorf("cluster %s is run by %d:%d, want %s by %d:%d", c.data, c.user.uid, c.user.gid, data, uid, gid)
	}
}

func TestStart_LongPath(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(newDir(t), strings.Repeat("long", 30))
	socket := (&cluster{base: filepath.Join(dir, "postgres")}).socketDir()
	t.Cleanup(func() {
		if err := os.Remove(socket); err != nil {
			t.Error(err)
		}
	})
	run(t, start(t, dir), makeWords)
	wantRows(t, start(t, dir), "one", "two")
}

// The test program itself is the process that uses the cluster and is killed.
const killedUserDir = "LOCALPG_TEST_KILLED_USER_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(killedUserDir); dir != "" {
		useUntilKilled(dir)
	}
	os.Exit(m.Run())
}

func useUntilKilled(dir string) {
	s, err := Start(context.Background(), Options{Dir: dir, Test: true})
	if err != nil {
		os.Stdout.WriteString(err.Error())
		os.Exit(1)
	}
	os.Stdout.WriteString(s.URL())
	select {}
}

func TestStart_StopsWhenItsUserIsKilled(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	user := startUser(t, dir)
	data := filepath.Join(dir, "postgres", "data")
	pid := postmasterPID(t, data)
	if err := user.Kill(); err != nil {
		t.Fatal(err)
	}
	awaitEnd(t, pid)
	if _, err := os.Stat(filepath.Join(data, "postmaster.pid")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("postmaster.pid: %v, want it removed by an orderly stop", err)
	}
}

func startUser(t *testing.T, dir string) *os.Process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	user, err := os.StartProcess(exe, []string{exe}, &os.ProcAttr{
		Env:   append(os.Environ(), killedUserDir+"="+dir),
		Files: []*os.File{nil, write, os.Stderr},
	})
	write.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = user.Kill(); _, _ = user.Wait() })
	said := make([]byte, 1024)
	n, err := read.Read(said)
	if err != nil || !strings.HasPrefix(string(said[:n]), "postgres://") {
		t.Fatalf("the process said %q (%v), want a URL", said[:n], err)
	}
	return user
}
