package testdb

import (
	"context"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// Link is a way to a database that a test can break.
type Link struct {
	URL string // of the database by this way

	network, address string // of the database itself

	mu     sync.Mutex
	silent bool
	open   map[net.Conn]bool
}

// NewLink makes a way to the database of the URL that lasts until the test ends.
func NewLink(t testing.TB, database string) *Link {
	t.Helper()
	config, err := pgconn.ParseConfig(database)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &Link{open: make(map[net.Conn]bool)}
	l.network, l.address = pgconn.NetworkAddress(config.Host, config.Port)
	if l.network == "unix" {
		l.address = filepath.Clean(l.address)
	}
	u := url.URL{Scheme: "postgres", User: url.UserPassword(config.User, config.Password), Host: listener.Addr().String(), Path: "/" + config.Database}
	u.RawQuery = "sslmode=disable"
	l.URL = u.String()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go l.serve(conn)
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		l.Cut()
	})
	return l
}

// Silence has what is sent either way be swallowed from now on, or let through again
// for connections that are made later.
func (l *Link) Silence(silent bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.silent = silent
}

// Cut ends all connections.
func (l *Link) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for conn := range l.open {
		conn.Close()
	}
}

func (l *Link) isSilent() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.silent
}

func (l *Link) keep(conn net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[conn] = true
}

func (l *Link) serve(client net.Conn) {
	l.keep(client)
	server, err := new(net.Dialer).DialContext(context.Background(), l.network, l.address)
	if err != nil {
		client.Close()
		return
	}
	l.keep(server)
	go l.copy(server, client)
	l.copy(client, server)
}

// copy moves what is not swallowed. An end is swallowed too.
func (l *Link) copy(to, from net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if l.isSilent() {
			if err != nil {
				return
			}
			continue
		}
		if n > 0 {
			_, _ = to.Write(buffer[:n])
		}
		if err != nil {
			to.Close()
			return
		}
	}
}
