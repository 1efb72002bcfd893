package tlsserver

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"time"
)

// loaded is what the files held when they were read, and the configuration of it.
type loaded struct {
	certificate, key, authorities []byte

	config  *tls.Config
	expires time.Time
}

// load reads the files, and uses them if they have changed and are what they should be.
// A certificate and its key are replaced one after the other: they are taken when they
// belong together.
func (s *Server) load() (changed bool, err error) {
	next, err := s.read()
	if err != nil {
		return false, err
	}
	if now := s.loaded.Load(); now != nil && next.equal(now) {
		return false, nil
	}
	next.config = newConfig()
	if s.acme != nil {
		next.config.GetCertificate = s.ordered
	} else if err := next.useCertificate(s.options); err != nil {
		return true, err
	}
	if s.options.ClientCAFile != "" {
		if err := next.useAuthorities(s.options.ClientCAFile); err != nil {
			return true, err
		}
	}
	s.loaded.Store(next)
	return true, nil
}

func (s *Server) read() (*loaded, error) {
	l := new(loaded)
	for _, file := range []struct {
		option, name string
		into         *[]byte
	}{
		{"certificate", s.options.CertFile, &l.certificate},
		{"key", s.options.KeyFile, &l.key},
		{"authorities of clients", s.options.ClientCAFile, &l.authorities},
	} {
		if file.name == "" {
			continue
		}
		var err error
		if *file.into, err = os.ReadFile(file.name); err != nil {
			return nil, fmt.Errorf("the %s of TLS: %w", file.option, err)
		}
	}
	return l, nil
}

func (l *loaded) equal(other *loaded) bool {
	return bytes.Equal(l.certificate, other.certificate) && bytes.Equal(l.key, other.key) && bytes.Equal(l.authorities, other.authorities)
}

func (l *loaded) useCertificate(o Options) error {
	if isEncrypted(l.key) {
		return fmt.Errorf("the key of TLS: %s is encrypted with a password, which is not supported: write it without one", o.KeyFile)
	}
	pair, err := tls.X509KeyPair(l.certificate, l.key)
	if err != nil {
		return fmt.Errorf("the certificate of TLS in %s and its key in %s: %w", o.CertFile, o.KeyFile, err)
	}
	l.config.Certificates = []tls.Certificate{pair}
	l.expires = pair.Leaf.NotAfter
	return nil
}

func isEncrypted(key []byte) bool {
	block, _ := pem.Decode(key)
	return block != nil && (block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "")
}

// useAuthorities asks each client for a certificate of one of the authorities.
func (l *loaded) useAuthorities(file string) error {
	pool := x509.NewCertPool()
	count := 0
	for rest := l.authorities; ; count++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		authority, err := x509.ParseCertificate(block.Bytes)
		if block.Type != "CERTIFICATE" {
			err = errors.New("a " + block.Type + " is no certificate")
		}
		if err != nil {
			return fmt.Errorf("the authorities of clients in %s, number %d: %w", file, count+1, err)
		}
		pool.AddCert(authority)
	}
	if count == 0 {
		return fmt.Errorf("the authorities of clients: %s holds no certificate in PEM", file)
	}
	l.config.ClientCAs, l.config.ClientAuth = pool, tls.RequireAndVerifyClientCert
	return nil
}
