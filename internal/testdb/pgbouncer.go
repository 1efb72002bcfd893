package testdb

import (
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Pooled returns the URL that leads to a database of [New] through a PgBouncer of its own,
// as Debian ships it, in the mode "session" or "transaction". Settings are lines of its
// configuration for the database.
func Pooled(t testing.TB, database, mode, settings string) string {
	t.Helper()
	program := PgBouncer(t)
	config, err := pgx.ParseConfig(database)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") // for a free port
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "pgbouncer.ini")
	text := fmt.Sprintf(`[databases]
pooled = host=%s port=%d dbname=%s user=%s %s

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = %s
default_pool_size = 12
max_client_conn = 200
logfile = %s
`, config.Host, config.Port, config.Database, config.User, settings, port, mode, filepath.Join(dir, "log"))
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	StartPgBouncer(t, exec.Command(program, file), dir, config.Host, address)
	u := url.URL{Scheme: "postgres", User: url.User(config.User), Host: address, Path: "/pooled", RawQuery: "sslmode=disable"}
	return u.String()
}

// PgBouncer is the path of the program. Without it the test is skipped: 'make test' installs it.
func PgBouncer(t testing.TB) string {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		if program = "/usr/sbin/pgbouncer"; !isFile(program) {
			t.Skip("there is no pgbouncer: 'apt-get install pgbouncer', or 'make pgbouncer'")
		}
	}
	return program
}

// StartPgBouncer runs a command that is PgBouncer until the test ends, as a user who may reach
// PostgreSQL's socket and read the files of dir, a directory of the test. It returns when
// the address answers.
func StartPgBouncer(t testing.TB, cmd *exec.Cmd, dir, socket, address string) {
	t.Helper()
	lend(t, cmd, dir, socket)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) {
			said, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Fatalf("pgbouncer does not answer: %s", said)
		}
	}
}

// lend runs the program as the user who may enter the directory of PostgreSQL's socket: it
// refuses to be root.
func lend(t testing.TB, cmd *exec.Cmd, dir, socket string) {
	t.Helper()
	info, err := os.Stat(socket)
	if os.Geteuid() != 0 {
		return
	}
	uid, gid := uint32(65534), uint32(65534) // nobody, for a server that is reached by TCP
	if err == nil {
		owner := info.Sys().(*syscall.Stat_t)
		uid, gid = owner.Uid, owner.Gid
	}
	err = filepath.WalkDir(filepath.Dir(dir), func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(uid), int(gid))
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}
