package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/purescim/purescim/internal/health"
	"github.com/purescim/purescim/internal/testdb"
)

// A certified server has a certificate of its own making, in files.
type certified struct {
	certificate, key string
	client           *http.Client // trusts it, and follows no redirect
}

func certify(t *testing.T, lives time.Duration) certified {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(lives),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	c := certified{certificate: filepath.Join(t.TempDir(), "cert.pem"), key: filepath.Join(t.TempDir(), "key.pem")}
	pool := x509.NewCertPool()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	pool.AppendCertsFromPEM(text)
	for file, text := range map[string][]byte{c.certificate: text, c.key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	c.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return c
}

func (c certified) flags() []string {
	return []string{"--tls-cert=" + c.certificate, "--tls-key=" + c.key, "--http-redirect=127.0.0.1:0"}
}

func (c certified) do(t *testing.T, method, url, token, body string) answered {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/scim+json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := c.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answered{answer, string(text)}
}

// answered is an answer whose body was read.
type answered struct {
	*http.Response
	body string
}

// A server with a certificate speaks HTTP/2 over TLS, tells its clients to stay there, and
// leads those who come without.
func TestServe_SpeaksTLS(t *testing.T) {
	t.Parallel()
	db, dir := testdb.New(t), t.TempDir()
	c := certify(t, 100*24*time.Hour)
	server := serve(t, db, append(c.flags(), "--demo", "--data-dir="+dir)...)
	demo := readDemo(filepath.Join(dir, "demo.json"))
	tenant := server.url + "/api/v2/scim/v2"
	if !strings.HasPrefix(server.url, "https://") || demo.TenantURL != tenant {
		t.Fatalf("served at %s, the demo's tenant URL is %s", server.url, demo.TenantURL)
	}
	answer := c.do(t, http.MethodPost, tenant+"/Users", demo.AccessToken, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada@example.org","displayName":"Ada"}`)
	if answer.StatusCode != http.StatusCreated || answer.ProtoMajor != 2 || !strings.HasPrefix(answer.Header.Get("Location"), tenant+"/Users/") {
		t.Errorf("%s %v: %s", answer.Proto, answer.Header, answer.body)
	}
	if stay := answer.Header.Get("Strict-Transport-Security"); !strings.HasPrefix(stay, "max-age=31536000") {
		t.Errorf("Strict-Transport-Security: %q", stay)
	}
	for _, path := range []string{"/api/v2/scim/v2/Users?filter=userName%20eq%20%22a%22", "//elsewhere.example/x"} {
		if answer := c.do(t, http.MethodPost, server.redirect+path, demo.AccessToken, "{}"); answer.StatusCode != http.StatusPermanentRedirect || answer.Header.Get("Location") != server.url+path {
			t.Errorf("%s without TLS: %d, to %q", path, answer.StatusCode, answer.Header.Get("Location"))
		}
	}
	plain := strings.Replace(server.url, "https:", "http:", 1)
	if answer := c.do(t, http.MethodGet, plain+"/", "", ""); answer.StatusCode != http.StatusBadRequest {
		t.Errorf("HTTP on the port of HTTPS: %d %s", answer.StatusCode, answer.body)
	}
}

// 'purescim health' asks a server over TLS as the server is told to speak it.
func TestHealth_OverTLS(t *testing.T) {
	t.Parallel()
	c := certify(t, 24*time.Hour)
	server := serve(t, testdb.New(t), append(c.flags(), "--tls-client-ca="+c.certificate)...)
	ask := func(flags ...string) (int, string) {
		return command(t, append([]string{"health", "--tls-cert=" + c.certificate}, flags...)...)
	}
	addr := "--addr=" + strings.TrimPrefix(server.url, "https://")
	if status, text := ask(addr, "--tls-client-ca="+c.certificate, "--metrics-addr="+strings.TrimPrefix(server.metrics, "http://")); status != 0 || !strings.Contains(text, "the certificate of TLS expires on") {
		t.Errorf("%d: %s", status, text)
	}
	if status, text := ask(addr, "--tls-client-ca="+c.certificate); status != 1 || !strings.Contains(text, "PURESCIM_METRICS_ADDR") {
		t.Errorf("a server that wants a certificate: %d: %s", status, text)
	}
	if status, text := ask(addr); status != 1 || !strings.Contains(text, "certificate required") {
		t.Errorf("without a certificate: %d: %s", status, text)
	}
	open := serve(t, testdb.New(t), c.flags()...)
	if status, text := ask("--addr=" + strings.TrimPrefix(open.url, "https://")); status != 0 {
		t.Errorf("%d: %s", status, text)
	}
	_, body := get(t, open.metrics+health.ReadyPath, "")
	var report health.Report
	if err := json.Unmarshal([]byte(body), &report); err != nil || !report.Ready() || report.Checks["certificate"].Status != health.Warning {
		t.Errorf("a certificate that ends soon: %v %s", err, body)
	}
}

// Wrong files are told before anything is begun, and never what is in them.
func TestServe_TellsWrongFilesOfTLS(t *testing.T) {
	t.Parallel()
	c, other := certify(t, time.Hour), certify(t, time.Hour)
	key, err := os.ReadFile(c.key)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		flags  []string
		status int
		want   string
	}{
		"no file":     {[]string{"--tls-cert=/nowhere/cert.pem", "--tls-key=" + c.key}, 1, "/nowhere/cert.pem: no such file"},
		"another key": {[]string{"--tls-cert=" + c.certificate, "--tls-key=" + other.key}, 1, "does not match"},
		"the key":     {[]string{"--tls-cert=" + c.certificate, "--tls-key=" + string(key)}, 2, "must be the name of a file"},
		"a directory": {[]string{"--tls-cert=" + c.certificate, "--tls-key=/"}, 1, "is a directory"},
	} {
		status, text := command(t, append([]string{"serve", "--database-url=postgres://nobody@127.0.0.1:1/none"}, test.flags...)...)
		if status != test.status || !strings.Contains(text, test.want) || strings.Contains(text, "BEGIN") {
			t.Errorf("%s: %d: %s", name, status, text)
		}
	}
}
