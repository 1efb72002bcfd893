package chaos

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// Program is a server in a process of its own, which can be struck and comes back under the
// same URL.
type Program struct {
	URL string

	path, addr, database, reads, log, clock string

	mu  sync.Mutex
	cmd *exec.Cmd
}

// NewProgram starts a server of the program on the database. reads are URLs of standbys that
// it may read, with blanks between them, or empty.
func NewProgram(path, database, reads, log string) (*Program, error) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := free.Addr().String()
	if err := free.Close(); err != nil {
		return nil, err
	}
	p := &Program{URL: "http://" + addr, path: path, addr: addr, database: database, reads: reads, log: log, clock: log + ".clock"}
	return p, p.Start()
}

// Start starts it. A server that ends by itself because its database is away is started
// again, as a supervisor does.
func (p *Program) Start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(p.path, "serve", "--addr="+p.addr, "--database-url="+p.database, "--rate-limit=0", "--drain=300ms", "--request-timeout=3s")
	cmd.Env = append(os.Environ(), clockFile+"="+p.clock, "PURESCIM_READ_URLS="+p.reads)
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start a server: %w", err)
	}
	p.cmd = cmd
	go func() {
		_ = cmd.Wait()
		time.Sleep(200 * time.Millisecond)
		p.mu.Lock()
		again := p.cmd == cmd
		p.mu.Unlock()
		if again {
			_ = p.Start()
		}
	}()
	return nil
}

// Signal sends a signal to the process. After SIGKILL and SIGTERM it is started again.
func (p *Program) Signal(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		_ = p.cmd.Process.Signal(s)
	}
}

// End ends it for good.
func (p *Program) End() {
	p.mu.Lock()
	cmd := p.cmd
	p.cmd = nil
	p.mu.Unlock()
	if cmd != nil {
		_ = cmd.Process.Kill()
	}
}
