// Package tlsserver makes the server's side of TLS: with certificates of files, which are
// read again when they change, or of an authority that speaks ACME (RFC 8555), and with
// the authorities that certificates of clients must come from.
//
// On which port TLS is spoken, and what is answered there, is left to the program.
package tlsserver

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"github.com/purescim/purescim/internal/periodic"
)

// Options are where certificates come from: CertFile and KeyFile, or Domains.
type Options struct {
	// CertFile holds a certificate and the chain above it, KeyFile its private key, in PEM.
	CertFile, KeyFile string
	// Domains are the host names for which certificates are ordered, from the authority
	// of the ACME directory at DirectoryURL, or Let's Encrypt without one. Who has Domains
	// accepts its terms of service. They are kept in CacheDir.
	Domains      []string
	CacheDir     string
	DirectoryURL string
	// ClientCAFile holds authorities, in PEM: a client must have a certificate of one
	// of them. Empty asks for none.
	ClientCAFile string
	// Recheck is how often the files are looked at; 0 is every 5 seconds.
	Recheck time.Duration
	Log     *slog.Logger
}

const defaultRecheck = 5 * time.Second

// Server is the side of one server. It is safe for concurrent use.
type Server struct {
	options Options
	acme    *autocert.Manager // nil when certificates lie in files
	loaded  atomic.Pointer[loaded]

	mu     sync.Mutex
	served map[string]time.Time // the ends of certificates of the authority, by host name
}

// New reads the files. It returns an error that names the option and the file when one
// cannot be read or is not what it should be.
func New(o Options) (*Server, error) {
	s := &Server{options: o, served: make(map[string]time.Time)}
	if o.Log == nil {
		s.options.Log = slog.New(slog.DiscardHandler)
	}
	if o.Recheck == 0 {
		s.options.Recheck = defaultRecheck
	}
	if len(o.Domains) > 0 {
		s.acme = &autocert.Manager{
			Prompt:     autocert.AcceptTOS,
			Cache:      autocert.DirCache(o.CacheDir),
			HostPolicy: autocert.HostWhitelist(o.Domains...),
			Client:     &acme.Client{DirectoryURL: o.DirectoryURL, UserAgent: "purescim"},
		}
	}
	_, err := s.load()
	return s, err
}

// Run reads the files again when they have changed, until ctx ends. While they are not
// what they should be, those of before stay in use.
func (s *Server) Run(ctx context.Context) {
	periodic.Every(ctx, s.options.Recheck, s.options.Log, "the files of TLS are wrong; those of before stay in use", func(context.Context) error {
		changed, err := s.load()
		if changed && err == nil {
			end, _ := s.Expires()
			s.options.Log.InfoContext(ctx, "the files of TLS have changed and are in use", "expires", end)
		}
		return err
	})
}

// Config is for the listening server. Each connection gets what is in use when it begins.
func (s *Server) Config() *tls.Config {
	c := newConfig()
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if s.acme != nil && isChallenge(hello) {
			// The authority has no certificate of a client. net/http serves nothing
			// on a connection of this protocol.
			return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{acme.ALPNProto}, GetCertificate: s.acme.GetCertificate}, nil
		}
		return s.loaded.Load().config, nil
	}
	return c
}

// isChallenge reports whether an authority asks whether the host is ours (RFC 8737).
func isChallenge(hello *tls.ClientHelloInfo) bool {
	return slices.Equal(hello.SupportedProtos, []string{acme.ALPNProto})
}

// newConfig is what holds for every connection: TLS 1.2 and 1.3, and of the suites of 1.2
// those alone that encrypt and authenticate at once and keep what was said before secret
// when a key is lost.
func newConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		NextProtos: []string{"h2", "http/1.1"},
	}
}

// Challenges answers an authority that asks over HTTP, on port 80, whether the host is
// ours (RFC 8555 section 8.3), and leaves all other requests to next.
func (s *Server) Challenges(next http.Handler) http.Handler {
	if s.acme == nil {
		return next
	}
	return s.acme.HTTPHandler(next)
}

// Expires is when the certificate in use ends, of several the first. It is not known
// before the authority has given one.
func (s *Server) Expires() (end time.Time, known bool) {
	if s.acme == nil {
		return s.loaded.Load().expires, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, of := range s.served {
		if !known || of.Before(end) {
			end, known = of, true
		}
	}
	return end, known
}

// Covers returns an error that tells for which names the certificate is, unless it is good
// for the host.
func (s *Server) Covers(host string) error {
	if s.acme == nil {
		return s.loaded.Load().config.Certificates[0].Leaf.VerifyHostname(host)
	}
	if !slices.ContainsFunc(s.options.Domains, func(name string) bool { return strings.EqualFold(name, host) }) {
		return fmt.Errorf("certificates are ordered for %s, not for %s", strings.Join(s.options.Domains, ", "), host)
	}
	return nil
}

// ordered gives the authority's certificate for the host that the client has named.
func (s *Server) ordered(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	certificate, err := s.acme.GetCertificate(hello)
	if err == nil && certificate.Leaf != nil {
		s.mu.Lock()
		s.served[hello.ServerName] = certificate.Leaf.NotAfter
		s.mu.Unlock()
	}
	return certificate, err
}
