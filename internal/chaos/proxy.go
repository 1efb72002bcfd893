package chaos

import (
	"net"
	"sync"
	"time"
)

// Proxy stands before a server of TCP on this machine, and can cut and delay what goes
// through it.
type Proxy struct {
	Addr string // HOST:PORT

	listener net.Listener
	target   string

	mu    sync.Mutex
	open  map[net.Conn]bool
	cut   bool
	delay time.Duration // of each piece that is read
}

// NewProxy begins to listen on a port of its own.
func NewProxy(target string) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{Addr: listener.Addr().String(), listener: listener, target: target, open: map[net.Conn]bool{}}
	go p.accept()
	return p, nil
}

// Close ends all connections.
func (p *Proxy) Close() {
	_ = p.listener.Close()
	p.Cut(true)
}

// Cut ends the connections, and those to come as long as it is so.
func (p *Proxy) Cut(cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = cut
	for c := range p.open {
		if cut {
			_ = c.Close()
		}
	}
}

// Delay holds up each piece of what goes through.
func (p *Proxy) Delay(by time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = by
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.serve(client)
	}
}

func (p *Proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer server.Close()
	if !p.keep(client, server) {
		return
	}
	go p.copy(server, client)
	p.copy(client, server)
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, client)
	delete(p.open, server)
}

// keep remembers the two ends of a connection, unless it is to be cut.
func (p *Proxy) keep(ends ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range ends {
		p.open[c] = true
	}
	return !p.cut
}

// copy passes on what comes, and ends both ways when one has ended.
func (p *Proxy) copy(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	piece := make([]byte, 64<<10)
	for {
		n, err := from.Read(piece)
		p.mu.Lock()
		delay := p.delay
		p.mu.Unlock()
		time.Sleep(delay)
		if n > 0 {
			if _, err := to.Write(piece[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
