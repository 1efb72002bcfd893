package tlsserver_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/purescim/purescim/internal/tlsserver"
)

// An authority is one that the test makes certificates with.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pool        *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{key: newKey(t), pool: x509.NewCertPool()}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority of " + t.Name()},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.certificate = a.sign(t, template, template, a.key)
	a.pool.AddCert(a.certificate)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) sign(t *testing.T, template, parent *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// issue makes a certificate of a serial number for 127.0.0.1 and localhost, for servers and
// clients alike.
func (a *authority) issue(t *testing.T, serial int64) (certificate, key []byte) {
	t.Helper()
	private := newKey(t)
	made := a.sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "localhost"},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Duration(serial) * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.certificate, private)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made.Raw}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

// files are those of a server, in a folder of the test.
type files struct{ certificate, key, authorities string }

func newFiles(t *testing.T) files {
	t.Helper()
	dir := t.TempDir()
	return files{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "ca.pem")}
}

func write(t *testing.T, file string, text []byte) {
	t.Helper()
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// serve runs a server until the test ends; it answers with the number of the connection.
func serve(t *testing.T, o tlsserver.Options) (url string, s *tlsserver.Server) {
	t.Helper()
	s, err := tlsserver.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	watched := make(chan struct{})
	go func() {
		s.Run(ctx)
		close(watched)
	}()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.RemoteAddr+" "+r.Proto)
	}))
	server.Config.TLSConfig = s.Config()
	listener := server.Listener
	go func() { _ = server.Config.ServeTLS(listener, "", "") }()
	t.Cleanup(func() {
		cancel()
		<-watched
		server.Config.Close()
	})
	return "https://" + listener.Addr().String(), s
}

// client trusts the authority.
func (a *authority) client(t *testing.T, changes ...func(*tls.Config)) *http.Client {
	t.Helper()
	config := &tls.Config{RootCAs: a.pool, MinVersion: tls.VersionTLS10}
	for _, change := range changes {
		change(config)
	}
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// ask gives the body of the answer and the serial number of the server's certificate.
func ask(t *testing.T, client *http.Client, url string) (body string, serial int64, err error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(r)
	if err != nil {
		return "", 0, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return string(text), answer.TLS.PeerCertificates[0].SerialNumber.Int64(), err
}

// A renewed certificate is in use without a restart, and connections of before go on. One
// that is half written, or no certificate at all, changes nothing.
func TestFiles_AreReadAgain(t *testing.T) {
	t.Parallel()
	ca, f := newAuthority(t), newFiles(t)
	renew := func(serial int64) (key []byte) {
		certificate, key := ca.issue(t, serial)
		write(t, f.certificate, certificate)
		return key
	}
	write(t, f.key, renew(2))
	url, s := serve(t, tlsserver.Options{CertFile: f.certificate, KeyFile: f.key, Recheck: 5 * time.Millisecond})
	lasting := ca.client(t)
	first, serial, err := ask(t, lasting, url)
	if err != nil || serial != 2 || !strings.HasSuffix(first, "HTTP/2.0") {
		t.Fatalf("%s, certificate %d: %v", first, serial, err)
	}
	soon := renewed(t, ca, url, func() { write(t, f.key, renew(3)) }, 3)
	if again, serial, err := ask(t, lasting, url); err != nil || again != first || serial != 2 {
		t.Errorf("a connection of before does not go on: %s, then %s, certificate %d: %v", first, again, serial, err)
	}
	if soon == first {
		t.Error("the new certificate came on the old connection")
	}
	if end, known := s.Expires(); !known || end.Before(time.Now().Add(2*time.Hour)) {
		t.Errorf("it expires %v, %v", end, known)
	}
	key := renew(4) // not of the key that lies there
	for range 20 {
		if _, serial, err := ask(t, ca.client(t), url); err != nil || serial != 3 {
			t.Fatalf("certificate %d is served with the key of another: %v", serial, err)
		}
		time.Sleep(time.Millisecond)
	}
	renewed(t, ca, url, func() { write(t, f.key, key) }, 4)
	write(t, f.certificate, []byte("no certificate"))
	time.Sleep(20 * time.Millisecond)
	if _, serial, err := ask(t, ca.client(t), url); err != nil || serial != 4 {
		t.Errorf("certificate %d after the file was spoilt: %v", serial, err)
	}
}

// renewed changes the files while requests run, none of which may fail, and waits for a
// connection with the certificate of the serial number.
func renewed(t *testing.T, ca *authority, url string, change func(), want int64) (body string) {
	t.Helper()
	change()
	for deadline := time.Now().Add(10 * time.Second); ; {
		body, serial, err := ask(t, ca.client(t), url)
		switch {
		case err != nil:
			t.Fatalf("a request fails while the certificate is renewed: %v", err)
		case serial == want:
			return body
		case time.Now().After(deadline):
			t.Fatalf("certificate %d is still served, want %d", serial, want)
		}
	}
}

// Clients need a certificate of an authority that is in the file now.
func TestClientCA(t *testing.T) {
	t.Parallel()
	ca, other, f := newAuthority(t), newAuthority(t), newFiles(t)
	certificate, key := ca.issue(t, 2)
	write(t, f.certificate, certificate)
	write(t, f.key, key)
	write(t, f.authorities, ca.pem())
	url, _ := serve(t, tlsserver.Options{CertFile: f.certificate, KeyFile: f.key, ClientCAFile: f.authorities, Recheck: 5 * time.Millisecond})
	with := func(a *authority) *http.Client {
		certificate, key := a.issue(t, 5)
		pair, err := tls.X509KeyPair(certificate, key)
		if err != nil {
			t.Fatal(err)
		}
		return ca.client(t, func(c *tls.Config) {
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		})
	}
	if _, _, err := ask(t, with(ca), url); err != nil {
		t.Errorf("a client with a certificate: %v", err)
	}
	for name, client := range map[string]*http.Client{"without a certificate": ca.client(t), "with one of another authority": with(other)} {
		if body, _, err := ask(t, client, url); err == nil {
			t.Errorf("a client %s is answered %s", name, body)
		}
	}
	write(t, f.authorities, append(ca.pem(), other.pem()...))
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, _, err := ask(t, with(other), url); err == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("an authority that was added: %v", err)
		}
	}
}

// What is old, or makes recorded traffic readable when the key is lost, is not spoken.
func TestConfig_IsOfToday(t *testing.T) {
	t.Parallel()
	ca, f := newAuthority(t), newFiles(t)
	certificate, key := ca.issue(t, 2)
	write(t, f.certificate, certificate)
	write(t, f.key, key)
	url, _ := serve(t, tlsserver.Options{CertFile: f.certificate, KeyFile: f.key})
	for name, test := range map[string]struct {
		change  func(c *tls.Config)
		refused bool
	}{
		"TLS 1.3":            {func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 }, false},
		"TLS 1.2":            {func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, false},
		"TLS 1.1":            {func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11 }, true},
		"TLS 1.2 with CBC":   {only(tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA), true},
		"TLS 1.2 with GCM":   {only(tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256), false},
		"TLS 1.2 for HTTP 1": {func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} }, false},
	} {
		_, _, err := ask(t, ca.client(t, test.change), url)
		if (err != nil) != test.refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func only(suite uint16) func(c *tls.Config) {
	return func(c *tls.Config) { c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{suite} }
}

func TestNew_TellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	ca, f := newAuthority(t), newFiles(t)
	certificate, key := ca.issue(t, 2)
	_, otherKey := ca.issue(t, 3)
	for name, test := range map[string]struct {
		certificate, key, authorities []byte
		want                          string
	}{
		"no file":                 {nil, key, nil, "no such file"},
		"no certificate":          {[]byte("x"), key, nil, "failed to find any PEM data"},
		"switched":                {key, certificate, nil, "switched"},
		"another key":             {certificate, otherKey, nil, "does not match"},
		"a password":              {certificate, pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")}), nil, "encrypted with a password"},
		"no authority":            {certificate, key, []byte("x"), "holds no certificate"},
		"a key for an authority":  {certificate, key, key, "is no certificate"},
		"an authority is spoilt":  {certificate, key, append(ca.pem(), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})...), "number 2"},
		"nothing, and it is good": {certificate, key, ca.pem(), ""},
	} {
		o := tlsserver.Options{CertFile: f.certificate, KeyFile: f.key}
		write(t, f.key, test.key)
		if _ = os.Remove(f.certificate); test.certificate != nil {
			write(t, f.certificate, test.certificate)
		}
		if test.authorities != nil {
			o.ClientCAFile = f.authorities
			write(t, f.authorities, test.authorities)
		}
		s, err := tlsserver.New(o)
		switch {
		case test.want == "" && err != nil, test.want != "" && err == nil:
			t.Errorf("%s: %v", name, err)
		case err == nil:
			if s.Covers("127.0.0.1") != nil || s.Covers("scim.example.org") == nil {
				t.Error("it does not tell for whom the certificate is")
			}
		case !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), filepath.Dir(f.key)) || strings.Contains(err.Error(), "BEGIN"):
			t.Errorf("%s: %v, want %q and the file", name, err, test.want)
		}
	}
}
