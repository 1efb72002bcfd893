package tlsserver_test

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/acme"

	"github.com/purescim/purescim/internal/tlsserver"
)

// acmeServer is an authority in the words of RFC 8555: it gives a certificate to who proves by
// tls-alpn-01 that the host is his. It believes all signatures of requests.
type acmeServer struct {
	*authority
	url     string
	host    string       // host and port of the server that the name leads to
	proved  atomic.Int32 // challenges
	issued  atomic.Int32 // certificates
	refused atomic.Value // why a challenge failed
	chain   atomic.Value // []byte, PEM
}

func newACMEServer(t *testing.T) *acmeServer {
	t.Helper()
	a := &acmeServer{authority: newAuthority(t)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.answer(t, w, r) }))
	t.Cleanup(server.Close)
	a.url = server.URL
	return a
}

func (a *acmeServer) answer(t *testing.T, w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Replay-Nonce", "nonce")
	var jws struct{ Payload string }
	_ = json.NewDecoder(r.Body).Decode(&jws)
	payload, _ := base64.RawURLEncoding.DecodeString(jws.Payload)
	say := func(status int, at string, body map[string]any) {
		w.Header().Set("Location", a.url+at)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
	order := func(status string) map[string]any {
		return map[string]any{
			"status": status, "identifiers": []any{map[string]any{"type": "dns", "value": "scim.example.org"}},
			"authorizations": []string{a.url + "/authorization"}, "finalize": a.url + "/finalize", "certificate": a.url + "/certificate",
		}
	}
	authorization := func() map[string]any {
		status := "pending"
		if a.proved.Load() > 0 {
			status = "valid"
		}
		return map[string]any{
			"status": status, "identifier": map[string]any{"type": "dns", "value": "scim.example.org"},
			"challenges": []any{map[string]any{"type": "tls-alpn-01", "url": a.url + "/challenge", "token": "token", "status": status}},
		}
	}
	switch r.URL.Path {
	case "/":
		say(http.StatusOK, "/", map[string]any{"newNonce": a.url + "/nonce", "newAccount": a.url + "/account", "newOrder": a.url + "/order", "revokeCert": a.url + "/revoke", "keyChange": a.url + "/change"})
	case "/nonce":
	case "/account":
		say(http.StatusCreated, "/account/1", map[string]any{"status": "valid"})
	case "/order":
		say(http.StatusCreated, "/order/1", order("pending"))
	case "/order/1":
		say(http.StatusOK, "/order/1", order("ready"))
	case "/authorization":
		say(http.StatusOK, "/authorization", authorization())
	case "/challenge":
		if err := a.prove(); err != nil {
			a.refused.Store(err.Error())
		} else {
			a.proved.Add(1)
		}
		say(http.StatusOK, "/challenge", map[string]any{"type": "tls-alpn-01", "url": a.url + "/challenge", "token": "token", "status": "processing"})
	case "/finalize":
		a.finalize(t, payload)
		say(http.StatusOK, "/order/1", order("valid"))
	case "/certificate":
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		_, _ = w.Write(a.chain.Load().([]byte))
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// prove connects to the server as RFC 8737 has it, without a certificate of a client.
func (a *acmeServer) prove() error {
	c, err := tls.Dial("tcp", a.host, &tls.Config{ServerName: "scim.example.org", NextProtos: []string{acme.ALPNProto}, InsecureSkipVerify: true, MinVersion: tls.VersionTLS12})
	if err != nil {
		return err
	}
	defer c.Close()
	state := c.ConnectionState()
	identifier := asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31}
	if state.NegotiatedProtocol != acme.ALPNProto {
		return fmt.Errorf("the protocol is %q", state.NegotiatedProtocol)
	}
	for _, e := range state.PeerCertificates[0].Extensions {
		if e.Id.Equal(identifier) && e.Critical {
			_, _ = c.Write([]byte("GET / HTTP/1.1\r\nHost: scim.example.org\r\n\r\n"))
			_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
			if n, _ := c.Read(make([]byte, 1)); n > 0 {
				return errors.New("HTTP is served on a connection of the challenge")
			}
			return nil
		}
	}
	return errors.New("the certificate proves nothing")
}

func (a *acmeServer) finalize(t *testing.T, payload []byte) {
	var asked struct{ CSR string }
	_ = json.Unmarshal(payload, &asked)
	der, _ := base64.RawURLEncoding.DecodeString(asked.CSR)
	request, err := x509.ParseCertificateRequest(der)
	if err != nil {
		t.Error(err)
		return
	}
	made, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(100 + int64(a.issued.Add(1))), DNSNames: request.DNSNames,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
	}, a.certificate, request.PublicKey, a.key)
	if err != nil {
		t.Error(err)
		return
	}
	a.chain.Store(append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made}), a.pem()...))
}

// The first client that names the host has a certificate ordered for it, others get the
// same, and so does a server that starts later with the folder. No other name is ordered.
func TestDomains_AreCertifiedByAnAuthority(t *testing.T) {
	t.Parallel()
	ca, f := newACMEServer(t), newFiles(t)
	write(t, f.authorities, ca.pem()) // clients need certificates, and the authority has none
	o := tlsserver.Options{Domains: []string{"scim.example.org"}, CacheDir: t.TempDir(), DirectoryURL: ca.url + "/", ClientCAFile: f.authorities}
	url, s := serve(t, o)
	ca.host = strings.TrimPrefix(url, "https://")
	certificate, key := ca.issue(t, 5)
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	client := func(name string) *http.Client {
		return ca.client(t, func(c *tls.Config) { c.ServerName, c.Certificates = name, []tls.Certificate{pair} })
	}
	if _, known := s.Expires(); known {
		t.Error("the end of a certificate is known before there is one")
	}
	for range 2 {
		if _, serial, err := ask(t, client("scim.example.org"), url); err != nil || serial != 101 {
			t.Fatalf("certificate %d: %v (%v)", serial, err, ca.refused.Load())
		}
	}
	if end, known := s.Expires(); !known || time.Until(end) < 80*24*time.Hour {
		t.Errorf("it expires %v, %v", end, known)
	}
	again, _ := serve(t, o)
	if _, serial, err := ask(t, client("scim.example.org"), again); err != nil || serial != 101 {
		t.Errorf("a server that starts later has the certificate %d: %v", serial, err)
	}
	if _, _, err := ask(t, client("other.example.org"), url); err == nil || ca.issued.Load() != 1 {
		t.Errorf("a certificate is ordered for any name: %v", err)
	}
	if s.Covers("SCIM.example.org") != nil || s.Covers("other.example.org") == nil {
		t.Error("it does not tell for whom certificates are ordered")
	}
}
