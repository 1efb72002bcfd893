package server_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/purescim/purescim/internal/egress"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/servertest"
)

// authority makes certificates that its pool vouches for.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pool        *x509.CertPool
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	a := authority{pool: x509.NewCertPool()}
	made := a.issue(t, &x509.Certificate{
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	})
	a.certificate, a.key = made.Leaf, made.PrivateKey.(*ecdsa.PrivateKey)
	a.pool.AddCert(a.certificate)
	return a
}

// issue signs a certificate, with itself as long as the authority has none.
func (a authority) issue(t *testing.T, c *x509.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.SerialNumber, c.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: "test"}
	parent, signer := a.certificate, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// serve answers with the handler under a certificate for 127.0.0.1 after a change.
func (a authority) serve(t *testing.T, h http.Handler, change func(c *x509.Certificate)) *httptest.Server {
	t.Helper()
	c := &x509.Certificate{
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	change(c)
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{a.issue(t, c)}}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// wrongCertificates are servers that nobody may take for who they say they are.
func wrongCertificates(t *testing.T, a authority, h http.Handler) map[string]string {
	t.Helper()
	return map[string]string{
		"of another host": a.serve(t, h, func(c *x509.Certificate) { c.IPAddresses = nil; c.DNSNames = []string{"other.example"} }).URL,
		"expired":         a.serve(t, h, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }).URL,
		"of itself":       authority{}.serve(t, h, func(*x509.Certificate) {}).URL,
	}
}

// reaching is a client of the program's transport that this machine's servers
// can be reached with.
func reaching(a authority) *http.Client {
	transport := egress.Transport(egress.Options{Reach: egress.Any, RootCAs: a.pool})
	return &http.Client{Transport: transport}
}

// failing waits until a push of the stream has failed, and gives what is told of it.
func failing(t *testing.T, o *servertest.Org) (status string, body []byte) {
	t.Helper()
	for range 1000 {
		answer := o.Do(t, http.MethodGet, "/api/v2/events/stream", nil).Want(t, http.StatusOK)
		var st stream
		if answer.Decode(t, &st); st.Delivery.Error != "" {
			return st.Delivery.Error, answer.Body
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("no push failed")
	return "", nil
}

// A customer learns in one word why pushes fail, the log the rest.
func TestEgress_TellsACustomerOneWord(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	hears := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("%s was sent where it should not be", r.Method)
		w.WriteHeader(http.StatusAccepted)
	})
	closed := a.serve(t, hears, func(*x509.Certificate) {})
	angry := a.serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "root@10.1.2.3's password is hunter2", http.StatusTeapot)
	}), func(*x509.Certificate) {})
	trap := a.serve(t, hears, func(*x509.Certificate) {})
	away := a.serve(t, http.RedirectHandler(trap.URL, http.StatusTemporaryRedirect), func(*x509.Certificate) {})
	cases := map[string]string{
		closed.URL: "unreachable", angry.URL: "rejected", away.URL: "rejected", "https://nobody.invalid/": "unreachable",
	}
	for _, url := range wrongCertificates(t, a, hears) {
		cases[url] = "tls"
	}
	closed.Close() // when the others have ports of their own
	log := new(logged)
	s := servertest.NewWith(t, servertest.Options{HTTPClient: reaching(a), Log: slog.New(slog.NewTextHandler(log, nil))})
	for url, want := range cases {
		o := s.NewOrg(t)
		listen(t, o, map[string]any{"method": "push", "endpointUrl": url})
		o.NewUser(t, "ada@example.org")
		if got, body := failing(t, o); got != want || leaks(body) {
			t.Errorf("%s: %q, want %q: %s", url, got, want, body)
		}
	}
	for _, detail := range []string{"connection refused", "certificate has expired", "the receiver answered 418"} {
		if !strings.Contains(log.String(), detail) {
			t.Errorf("the log does not tell %q", detail)
		}
	}
}

// leaks reports whether a text tells of the network or of another's answer.
func leaks(body []byte) bool {
	for _, detail := range []string{"dial", "lookup", "refused\"", "x509", "hunter2", "connect", "answered"} {
		if bytes.Contains(body, []byte(detail)) {
			return true
		}
	}
	return false
}

// logged is a log in memory.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// No address of the machine may be named, and one that is stored all the same, or
// that a name leads to, is not connected to.
func TestEgress_RefusesTheOwnMachine(t *testing.T) {
	t.Parallel()
	port, connected := counted(t)
	s := servertest.New(t)
	for _, host := range interfaces(t) {
		o := s.NewOrg(t)
		url := fmt.Sprintf("https://%s/", net.JoinHostPort(host, fmt.Sprint(port)))
		body := map[string]any{"method": "push", "endpointUrl": url, "audience": "receiver"}
		if text := string(o.Do(t, http.MethodPut, "/api/v2/events/stream", body).Want(t, http.StatusBadRequest).Body); !strings.Contains(text, "not a public address") {
			t.Errorf("%s: %s", url, text)
		}
		stored := events.Stream{
			Org: o.ID, Method: events.Push, Endpoint: url, Audience: "receiver", Form: events.Notice, Kinds: events.Kinds,
			Status: events.Enabled, Created: time.Now(), Modified: time.Now(),
		}
		if _, err := s.Store.Events().SetStream(t.Context(), stored); err != nil {
			t.Fatal(err)
		}
		o.NewUser(t, "ada@example.org")
		if got, body := failing(t, o); got != "refused" {
			t.Errorf("%s: %q: %s", url, got, body)
		}
		var problem *oauth.InvalidError
		client, _ := o.NewClient(t, "SCIM Integration")
		if err := s.OAuth.SetClientKeys(t.Context(), o.ID, client.ID, oauth.ClientKeys{URL: url}); !errors.As(err, &problem) {
			t.Errorf("keys at %s: %v", url, err)
		}
	}
	if n := connected.Load(); n != 0 {
		t.Errorf("%d connections to the own machine", n)
	}
}

// interfaces are the addresses of this machine that have no zone.
func interfaces(t *testing.T) (hosts []string) {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range addresses {
		prefix, err := netip.ParsePrefix(address.String())
		if err == nil && !prefix.Addr().IsLinkLocalUnicast() {
			hosts = append(hosts, prefix.Addr().String())
		}
	}
	return hosts
}

// Keys are believed only under a certificate of their host.
func TestEgress_BelievesNoKeysOfAWrongCertificate(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	i := newIssuer(t)
	keys := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answer, err := i.Client().Get(i.URL + "/acme/keys")
		if err != nil {
			t.Error(err)
			return
		}
		defer answer.Body.Close()
		_, _ = io.Copy(w, answer.Body)
	})
	s := servertest.NewWith(t, servertest.Options{HTTPClient: reaching(a)})
	servers := wrongCertificates(t, a, keys)
	servers["right"] = a.serve(t, keys, func(*x509.Certificate) {}).URL
	for name, url := range servers {
		o := s.NewOrg(t)
		client, _ := o.NewClient(t, "SCIM Integration")
		pins := i.pins(client.ID)
		pins.KeysURL, pins.Audience, pins.Unasked = url+"/keys", name, false
		_, asked := s.OAuth.AddIssuer(t.Context(), o.ID, pins)
		status := http.StatusOK
		if name != "right" {
			status, pins.Unasked = http.StatusServiceUnavailable, true
			if asked == nil || !strings.Contains(asked.Error(), "certificate") {
				t.Errorf("%s: %v", name, asked)
			}
			if _, err := s.OAuth.AddIssuer(t.Context(), o.ID, pins); err != nil {
				t.Fatal(err)
			}
		}
		token := i.sign(t, jwt.SigningMethodRS256, "rsa", i.keys["rsa"], jwt.MapClaims{"aud": name})
		answer := with(o, token).Do(t, http.MethodGet, "/Users", nil).Want(t, status)
		if leaks(answer.Body) || strings.Contains(string(answer.Body), "certificate") {
			t.Errorf("%s: %s", name, answer.Body)
		}
	}
}
