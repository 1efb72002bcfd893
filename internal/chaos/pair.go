package chaos

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/localpg"
)

// node is one PostgreSQL of the pair, reached by clients through its proxy.
type node struct {
	name, data string
	port       int
	proxy      *Proxy
	disk       *disk // nil where nothing can be mounted
}

// Pair is a PostgreSQL that waits at each commit for its standby.
type Pair struct {
	NoDisks error // why their disks cannot be filled; nil if they can

	dir, bin         string
	primary, standby *node
}

// NewPair makes a pair below dir and starts it.
func NewPair(ctx context.Context, dir string) (*Pair, error) {
	bin, err := localpg.Programs(ctx)
	if err != nil {
		return nil, err
	}
	p := &Pair{dir: dir, bin: bin}
	for _, n := range []**node{&p.primary, &p.standby} {
		if *n, err = p.newNode(ctx); err != nil {
			return nil, err
		}
	}
	if err := p.run(ctx, "initdb", "-D", p.primary.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-instructions"); err != nil {
		return nil, err
	}
	if err := p.Start(ctx); err != nil {
		return nil, err
	}
	return p, p.Join(ctx)
}

func (p *Pair) newNode(ctx context.Context) (*node, error) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer free.Close()
	port := free.Addr().(*net.TCPAddr).Port
	n := &node{name: strconv.Itoa(port), port: port}
	own := filepath.Join(p.dir, n.name)
	if err := os.Mkdir(own, 0o755); err != nil {
		return nil, err
	}
	n.disk, p.NoDisks = newDisk(ctx, own)
	if err := localpg.Lend(exec.Command(p.bin), own); err != nil {
		return nil, err
	}
	n.data = filepath.Join(own, "data")
	n.proxy, err = NewProxy(net.JoinHostPort("127.0.0.1", n.name))
	return n, err
}

// run runs a program of PostgreSQL to its end.
func (p *Pair) run(ctx context.Context, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(p.bin, program), args...)
	cmd.Dir = p.dir
	if err := localpg.Lend(cmd, p.dir); err != nil {
		return err
	}
	return run(cmd)
}

func (p *Pair) startNode(ctx context.Context, n *node) error {
	settings := fmt.Sprintf("-c port=%d -c listen_addresses=127.0.0.1 -c unix_socket_directories=%s -c max_connections=100 -c shared_buffers=64MB -c max_wal_size=256MB -c wal_keep_size=512MB -c wal_receiver_timeout=5s -c wal_sender_timeout=5s -c wal_retrieve_retry_interval=500ms",
		n.port, p.dir)
	return p.run(ctx, "pg_ctl", "start", "-w", "-D", n.data, "-l", filepath.Join(p.dir, n.name+".log"), "-o", settings)
}

// Start starts the primary.
func (p *Pair) Start(ctx context.Context) error { return p.startNode(ctx, p.primary) }

// Crash ends the primary as a loss of power does to its processes: without a checkpoint.
func (p *Pair) Crash(ctx context.Context) error {
	return p.run(ctx, "pg_ctl", "stop", "-m", "immediate", "-D", p.primary.data)
}

// Promote has the standby take over from a primary that is down, and be alone.
func (p *Pair) Promote(ctx context.Context) error {
	if err := p.run(ctx, "pg_ctl", "promote", "-w", "-D", p.standby.data); err != nil {
		return err
	}
	p.primary, p.standby = p.standby, p.primary
	return p.set(ctx, "''")
}

// Join makes a standby of the other node, and has the primary wait for it.
func (p *Pair) Join(ctx context.Context) error {
	if err := os.RemoveAll(p.standby.data); err != nil {
		return err
	}
	err := p.run(ctx, "pg_basebackup", "-h", "127.0.0.1", "-p", p.primary.name, "-U", "postgres", "-D", p.standby.data, "-R", "-X", "stream", "-c", "fast")
	if err == nil {
		err = p.startNode(ctx, p.standby)
	}
	if err == nil {
		err = p.set(ctx, "'*'")
	}
	if err != nil {
		return err
	}
	return p.awaitSync(ctx)
}

// awaitSync waits until commits wait for the standby: from then on it has all of them.
func (p *Pair) awaitSync(ctx context.Context) error {
	for {
		c, err := pgx.Connect(ctx, p.direct())
		synchronous := 0
		if err == nil {
			err = c.QueryRow(ctx, `select count(*) from pg_stat_replication where sync_state = 'sync'`).Scan(&synchronous)
			_ = c.Close(ctx)
		}
		if err == nil && synchronous > 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// set tells the primary for whom commits wait.
func (p *Pair) set(ctx context.Context, names string) error {
	c, err := pgx.Connect(ctx, p.direct())
	if err != nil {
		return err
	}
	defer c.Close(context.WithoutCancel(ctx))
	if _, err := c.Exec(ctx, `alter system set synchronous_standby_names = `+names); err != nil {
		return err
	}
	_, err = c.Exec(ctx, `select pg_reload_conf()`)
	return err
}

func (p *Pair) direct() string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", p.primary.port)
}

// URL leads through the proxies to the one that takes changes.
func (p *Pair) URL() string {
	return fmt.Sprintf("postgres://postgres@%s,%s/postgres?sslmode=disable", p.primary.proxy.Addr, p.standby.proxy.Addr)
}

// ReadURLs lead through the proxies to each: one of them is the standby.
func (p *Pair) ReadURLs() string {
	return fmt.Sprintf("postgres://postgres@%s/postgres?sslmode=disable postgres://postgres@%s/postgres?sslmode=disable", p.primary.proxy.Addr, p.standby.proxy.Addr)
}

// Stop ends both, without a word where one is down already.
func (p *Pair) Stop(ctx context.Context) {
	for _, n := range []*node{p.standby, p.primary} {
		_ = p.run(ctx, "pg_ctl", "stop", "-m", "immediate", "-D", n.data)
		n.proxy.Close()
		n.disk.end()
	}
}
