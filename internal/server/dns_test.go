package server_test

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/purescim/purescim/internal/egress"
	"github.com/purescim/purescim/internal/servertest"
)

// zone is a DNS server all of whose names lead to the same addresses.
type zone struct {
	conn net.PacketConn

	mu    sync.Mutex
	leads []netip.Addr
	asked int // since they lead there
}

func newZone(t *testing.T) *zone {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	z := &zone{conn: conn}
	go z.serve()
	return z
}

// lead has all names lead to addresses from now on.
func (z *zone) lead(to ...netip.Addr) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.leads, z.asked = to, 0
}

// count is how often somebody has asked where the names lead now.
func (z *zone) count() int {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.asked
}

// resolver asks the server.
func (z *zone) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", z.conn.LocalAddr().String())
	}}
}

func (z *zone) serve() {
	buffer := make([]byte, 512)
	for {
		n, from, err := z.conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		if answer, err := z.answer(buffer[:n]); err == nil {
			_, _ = z.conn.WriteTo(answer, from)
		}
	}
}

func (z *zone) answer(query []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	z.asked++
	m.Response, m.Additionals = true, nil
	for _, q := range m.Questions {
		header := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class}
		for _, a := range z.leads {
			switch {
			case q.Type == dnsmessage.TypeA && a.Is4():
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: a.As4()}})
			case q.Type == dnsmessage.TypeAAAA && a.Is6():
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
			}
		}
	}
	return m.Pack()
}

// counted listens on all addresses of the machine, and counts who connects.
func counted(t *testing.T) (port int, connected *atomic.Int32) {
	t.Helper()
	listener, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	connected = new(atomic.Int32)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			connected.Add(1)
			conn.Close()
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port, connected
}

// A name that leads to a public address when it is told to the server, and to the server's
// own machine when it is connected to, is not connected to: neither for pushes nor for keys.
func TestEgress_NamesThatLeadElsewhereLater(t *testing.T) {
	t.Parallel()
	public := netip.MustParseAddr("93.184.216.34")
	own := []netip.Addr{netip.MustParseAddr("::ffff:127.0.0.1")}
	for _, host := range interfaces(t) {
		own = append(own, netip.MustParseAddr(host))
	}
	port, connected := counted(t)
	z, i := newZone(t), newIssuer(t)
	transport := egress.Transport(egress.Options{Resolver: z.resolver()})
	s := servertest.NewWith(t, servertest.Options{HTTPClient: &http.Client{Transport: transport}})
	for _, address := range own {
		host := "name" + strings.NewReplacer(".", "-", ":", "-").Replace(address.String()) + ".example"
		z.lead(public)
		o := s.NewOrg(t)
		listen(t, o, map[string]any{"method": "push", "endpointUrl": "https://" + net.JoinHostPort(host, strconv.Itoa(port)) + "/"})
		client, _ := o.NewClient(t, "SCIM Integration")
		pins := i.pins(client.ID)
		pins.KeysURL, pins.Audience, pins.Unasked = "https://"+net.JoinHostPort(host, strconv.Itoa(port))+"/keys", host, true
		if _, err := s.OAuth.AddIssuer(t.Context(), o.ID, pins); err != nil {
			t.Fatal(err)
		}

		z.lead(address)
		o.NewUser(t, "ada@example.org")
		if got, body := failing(t, o); got != "refused" {
			t.Errorf("a push to %s: %q: %s", address, got, body)
		}
		asked := z.count()
		token := i.sign(t, jwt.SigningMethodRS256, "rsa", i.keys["rsa"], jwt.MapClaims{"aud": host})
		with(o, token).Do(t, http.MethodGet, "/Users", nil).Want(t, http.StatusServiceUnavailable)
		if asked == 0 || z.count() == asked {
			t.Errorf("%s: the name was looked up %d times for a push and %d times for keys", address, asked, z.count()-asked)
		}
	}
	if n := connected.Load(); n != 0 {
		t.Errorf("%d connections to the own machine", n)
	}
}
