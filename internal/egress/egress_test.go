package egress

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		"https://login.example/keys", "https://login.example:8443/keys?v=1", "https://8.8.8.8/keys", "https://[2001:4860::8888]/keys",
		"https://adfs.corp/adfs/discovery/keys",
	} {
		if err := CheckURL(good, Public); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "keys", "http://login.example/keys", "ftp://login.example", "https:///keys", "https://", "https://user@login.example/",
		"https://login.example/#keys", "https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://0/",
		"https://localhost/", "https://LOCALHOST./", "https://a.localhost:8443/", "https://10.1.2.3/", "https://172.16.0.1/", "https://192.168.1.1/",
		"https://169.254.169.254/latest", "https://0.0.0.0/", "https://[::1]/", "https://[::]/", "https://[fe80::1]/", "https://[fd00::1]/",
		"https://[::ffff:127.0.0.1]/", "https://[::ffff:10.0.0.1]/", "https://224.0.0.1/", "https://255.255.255.255/",
		"https://[64:ff9b::8.8.8.8]/", "https://[fe80::1%25eth0]/", "https://[2002:a00:1::]/", "https://[::10.0.0.1]/", "https://100.64.0.1/",
	} {
		if err := CheckURL(bad, Public); err == nil {
			t.Errorf("%q is allowed", bad)
		}
	}
	if err := CheckURL("https://127.0.0.1:8443/keys", Any); err != nil {
		t.Errorf("an address inside, which is allowed here: %v", err)
	}
	if err := CheckURL("http://127.0.0.1:8443/keys", Any); err == nil {
		t.Error("http is allowed")
	}
}

// Only what the Internet routes is reached, and of that nothing of the own machine.
func TestJudge(t *testing.T) {
	t.Parallel()
	_, own, err := net.ParseCIDR("93.184.216.34/24")
	if err != nil {
		t.Fatal(err)
	}
	own.IP = net.ParseIP("93.184.216.34")
	interfaces := func() ([]net.Addr, error) { return []net.Addr{own}, nil }
	for _, good := range []string{
		"8.8.8.8", "1.1.1.1", "93.184.216.35", "172.32.0.1", "100.128.0.1", "192.0.1.1", "223.255.255.255", "::ffff:8.8.8.8",
		"2001:4860::8888", "2606:4700::1111", "64:ff9b::8.8.8.8",
	} {
		if err := judge(netip.MustParseAddr(good), interfaces); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.0.1", "168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.0.1",
		"192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1",
		"240.0.0.1", "255.255.255.255", "93.184.216.34", "::ffff:93.184.216.34", "64:ff9b::93.184.216.34",
		"::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:10.0.0.1", "::ffff:0:10.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254",
		"64:ff9b:1::8.8.8.8", "100::1", "2001::1", "2001:0:53aa:64c:0:0:f5ff:fffe", "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1",
		"3fff::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "2606:4700::1111%eth0",
	} {
		if err := judge(netip.MustParseAddr(bad), interfaces); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v, want that it is refused", bad, err)
		}
	}
	unknown := errors.New("no interfaces")
	if err := judge(netip.MustParseAddr("8.8.8.8"), func() ([]net.Addr, error) { return nil, unknown }); !errors.Is(err, unknown) {
		t.Errorf("with interfaces that cannot be listed: %v", err)
	}
}

// Each address of an interface of this machine is refused, also where it is public.
func TestTransport_ReachesNoInterface(t *testing.T) {
	t.Parallel()
	addresses, err := net.InterfaceAddrs()
	if err != nil || len(addresses) == 0 {
		t.Fatalf("interfaces %v, %v", addresses, err)
	}
	for _, address := range addresses {
		prefix, err := netip.ParsePrefix(address.String())
		if err != nil {
			t.Fatal(err)
		}
		to := netip.AddrPortFrom(prefix.Addr(), 443).String()
		if err := refuse("tcp", to, nil); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v, want that it is refused", to, err)
		}
	}
}

// A name that leads to the own machine is seen only when it is connected to. It
// counts what it leads to then, and not what it led to before.
func TestTransport_JudgesWhatANameLeadsToNow(t *testing.T) {
	t.Parallel()
	reached := errors.New("this address would be connected to")
	dialer := &net.Dialer{
		Resolver: resolver([4]byte{8, 8, 8, 8}, [4]byte{127, 0, 0, 1}),
		Control: func(network, address string, c syscall.RawConn) error {
			if err := refuse(network, address, c); err != nil {
				return err
			}
			return reached
		},
	}
	client := &http.Client{Transport: newTransport(Options{}, dialer).direct}
	for i, want := range []error{reached, ErrRefused} {
		_, err := get(t, client, "https://rebinding.example/")
		if !errors.Is(err, want) {
			t.Errorf("request %d: %v, want %v", i+1, err, want)
		}
	}
}

func TestTransport_ReachesAny(t *testing.T) {
	t.Parallel()
	own := httptest.NewTLSServer(http.NotFoundHandler())
	defer own.Close()
	if _, err := get(t, &http.Client{Transport: Transport(Options{})}, own.URL); FaultOf(err) != Refused {
		t.Errorf("error %v, want that it is refused", err)
	}
	roots := own.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	if status, err := get(t, &http.Client{Transport: Transport(Options{Reach: Any, RootCAs: roots})}, own.URL); status != http.StatusNotFound {
		t.Errorf("status %d, error %v", status, err)
	}
}

func TestFaultOf(t *testing.T) {
	t.Parallel()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	unknown := httptest.NewTLSServer(http.NotFoundHandler())
	defer unknown.Close()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	client := &http.Client{Transport: Transport(Options{Reach: Any})}
	for url, want := range map[string]Fault{
		strings.Replace(plain.URL, "http:", "https:", 1): TLS, // it speaks HTTP
		unknown.URL: TLS, // nobody vouches for it
		strings.Replace(closed.URL, "http:", "https:", 1): Unreachable,
	} {
		_, err := get(t, client, url)
		if err == nil || FaultOf(err) != want {
			t.Errorf("%s: %q of %v, want %q", url, FaultOf(err), err, want)
		}
		if told := Tell(err).Error(); strings.Contains(told, "127.0.0.1") || strings.Contains(told, "refused") {
			t.Errorf("%s: the customer is told %q", url, told)
		}
	}
	for err, want := range map[error]Fault{
		context.DeadlineExceeded:                                Timeout,
		&net.DNSError{IsTimeout: true}:                          Timeout,
		&net.DNSError{IsNotFound: true}:                         Unreachable,
		&net.OpError{Op: "remote error", Err: io.EOF}:           TLS,
		errors.New("tls: handshake message of length too much"): TLS,
		io.ErrUnexpectedEOF:                                     Unreachable,
	} {
		if got := FaultOf(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}

func get(t *testing.T, client *http.Client, url string) (status int, err error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	answer.Body.Close()
	return answer.StatusCode, nil
}

// resolver looks every name up in a DNS server in memory, which answers the
// addresses in turn, and the last one for ever.
func resolver(addresses ...[4]byte) *net.Resolver {
	var asked atomic.Int32
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			for answerDNS(server, func() [4]byte {
				n := int(asked.Add(1))
				return addresses[min(n, len(addresses))-1]
			}) == nil {
			}
		}()
		return client, nil
	}}
}

// answerDNS answers one question as over TCP (RFC 1035): of addresses of IPv4
// with the next one, of others with none.
func answerDNS(conn net.Conn, next func() [4]byte) error {
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return err
	}
	query := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, query); err != nil {
		return err
	}
	const header = 12
	end := header + bytes.IndexByte(query[header:], 0) + 5 // the name, its type and class
	answer := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, query[header:end]...)
	if query[end-3] == 1 { // A
		address := next()
		answer[7] = 1
		answer = append(answer, 0xc0, header, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, address[0], address[1], address[2], address[3])
	}
	_, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
	return err
}
