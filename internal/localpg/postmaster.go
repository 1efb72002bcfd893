package localpg

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	superuser = "postgres"
	port      = "5432" // only part of the socket's name
	logLimit  = 8 << 20
	// The address of a Unix socket has room for 103 bytes on macOS and 107 on Linux.
	socketPathLimit = 103 - len("/.s.PGSQL."+port)
)

// state is what a cluster answers to a connection.
type state int

const (
	down state = iota
	busy
	answering
)

// What PostgreSQL says of its state in postmaster.pid.
const (
	ready    = "ready"
	stopping = "stopping"
)

// postmaster is what PostgreSQL writes of itself into postmaster.pid.
type postmaster struct {
	port, socketDir, status string
}

func readPostmaster(data string) (postmaster, bool) {
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return postmaster{}, false
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) < 8 { // it has only just begun
		return postmaster{}, false
	}
	return postmaster{port: lines[3], socketDir: lines[4], status: strings.TrimSpace(lines[7])}, true
}

// probe looks for a PostgreSQL that runs on the cluster already, started by whomever.
func (c *cluster) probe(ctx context.Context) (string, state) {
	pm, ok := readPostmaster(c.data)
	if !ok {
		return "", down
	}
	url := socketURL(pm.socketDir, pm.port)
	return url, ping(ctx, url)
}

func ping(ctx context.Context, url string) state {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err == nil {
		_ = conn.Close(ctx)
		return answering
	}
	var pgErr *pgconn.PgError
	switch {
	case !errors.As(err, &pgErr):
		return down
	case pgErr.Code == "57P03": // cannot_connect_now
		return busy
	default: // such as too many connections: it lives
		return answering
	}
}

func socketURL(dir, port string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.User(superuser),
		Path:     "/postgres",
		RawQuery: url.Values{"host": {dir}, "port": {port}}.Encode(),
	}
	return u.String()
}

func (c *cluster) url() string { return socketURL(c.socketDir(), port) }

// socketDir lies in the cluster, or below /tmp when the cluster's path is too long for a
// socket's address.
func (c *cluster) socketDir() string {
	if dir := c.path("socket"); len(dir) <= socketPathLimit {
		return dir
	}
	sum := sha256.Sum256([]byte(c.base))
	return "/tmp/purescim-" + hex.EncodeToString(sum[:8])
}

// makeSocketDir makes the directory that only the cluster's user can enter: it is what
// keeps others out, for inside it PostgreSQL trusts everybody.
func (c *cluster) makeSocketDir() (string, error) {
	dir := c.socketDir()
	if err := os.Mkdir(dir, 0o700); err == nil {
		return dir, c.give(dir)
	} else if !errors.Is(err, os.ErrExist) {
		return "", err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", err
	}
	if owner := info.Sys().(*syscall.Stat_t); !info.IsDir() || owner.Uid != c.user.uid || info.Mode().Perm() != 0o700 {
		return "", fmt.Errorf("%s is not a directory that only user id %d can enter: remove it", dir, c.user.uid)
	}
	return dir, nil
}

// settings are the command line of PostgreSQL; the configuration file stays as initdb
// wrote it.
func (c *cluster) settings(socketDir string) []string {
	settings := []string{
		"listen_addresses=",
		"port=" + port,
		"unix_socket_directories=" + socketDir,
		"unix_socket_permissions=0700",
		"timezone=UTC",
		"log_timezone=UTC",
		"jit=off", // its compilation costs more than our short queries
	}
	if c.test {
		settings = append(settings,
			"max_connections=300",
			"shared_buffers=128MB",
			"fsync=off",
			"synchronous_commit=off",
			"full_page_writes=off",
			"autovacuum_naptime=1h",
		)
	} else {
		settings = append(settings,
			"max_connections=100",
			"shared_buffers=256MB",
		)
	}
	args := []string{"-D", c.data}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	return args
}

func openLog(path string) (*os.File, error) {
	flags := os.O_CREATE | os.O_WRONLY | os.O_APPEND
	if info, err := os.Stat(path); err == nil && info.Size() > logLimit {
		flags |= os.O_TRUNC
	}
	return os.OpenFile(path, flags, 0o600)
}

// startError tells why PostgreSQL ended, from what it has logged since begin.
func startError(path string, begin int64) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	said, err := io.ReadAll(io.NewSectionReader(f, begin, 4096))
	if err != nil {
		return err
	}
	said = bytes.TrimSpace(said)
	if bytes.Contains(said, []byte("postmaster.pid")) || bytes.Contains(said, []byte("shared memory block")) {
		return fmt.Errorf("%w: %s", errDataInUse, said)
	}
	return fmt.Errorf("postgres ended: %s", said)
}
