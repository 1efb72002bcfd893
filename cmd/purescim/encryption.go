package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/purescim/purescim/internal/health"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/httpserver"
	"github.com/purescim/purescim/internal/tlsserver"
)

// encryption are the flags of a server that speaks TLS itself.
type encryption struct {
	TLSCert   string   `name:"tls-cert" env:"PURESCIM_TLS_CERT" placeholder:"FILE" help:"Serve HTTPS with the certificate of this file, and the chain above it, in PEM. It is read again when it changes, and so are the other files."`
	TLSKey    string   `name:"tls-key" env:"PURESCIM_TLS_KEY" placeholder:"FILE" help:"The private key of that certificate, in PEM."`
	TLSDomain []string `name:"tls-domain" env:"PURESCIM_TLS_DOMAIN" placeholder:"NAME" help:"Serve HTTPS with certificates that Let's Encrypt gives for these host names, joined by commas. Their port 443 must lead here, or port 80 to --http-redirect. You accept the authority's terms of service."`
	TLSACME   string   `name:"tls-acme" env:"PURESCIM_TLS_ACME" placeholder:"URL" help:"The ACME directory of another authority than Let's Encrypt."`

	TLSClientCA  string `name:"tls-client-ca" env:"PURESCIM_TLS_CLIENT_CA" placeholder:"FILE" help:"Let only clients in that have a certificate of one of the authorities of this file, in PEM."`
	HTTPRedirect string `name:"http-redirect" env:"PURESCIM_HTTP_REDIRECT" placeholder:"HOST:PORT" help:"Another address to listen on, such as :80, that leads clients without TLS to HTTPS."`
}

// validate refuses flags that do not go together.
func (e encryption) validate() error {
	for name, file := range map[string]string{"TLS_CERT": e.TLSCert, "TLS_KEY": e.TLSKey, "TLS_CLIENT_CA": e.TLSClientCA} {
		if strings.ContainsAny(file, "\r\n") { // which is not repeated: it may be a private key
			return fmt.Errorf("PURESCIM_%s must be the name of a file, and is the content of one; PURESCIM_%[1]s_FILE would be a file that holds the name", name)
		}
	}
	switch {
	case (e.TLSCert == "") != (e.TLSKey == ""):
		return errors.New("--tls-cert and --tls-key (PURESCIM_TLS_CERT, PURESCIM_TLS_KEY) are needed together")
	case e.TLSCert != "" && len(e.TLSDomain) > 0:
		return errors.New("--tls-cert and --tls-domain exclude each other: a certificate is of a file or of the authority")
	case e.TLSACME != "" && len(e.TLSDomain) == 0:
		return errors.New("--tls-acme needs --tls-domain")
	case !e.enabled() && e.TLSClientCA != "":
		return errors.New("--tls-client-ca needs --tls-cert and --tls-key, or --tls-domain")
	case !e.enabled() && e.HTTPRedirect != "":
		return errors.New("--http-redirect needs --tls-cert and --tls-key, or --tls-domain")
	}
	for _, name := range e.TLSDomain {
		if strings.ContainsAny(name, "*/: ") || !strings.Contains(name, ".") {
			return fmt.Errorf("--tls-domain or PURESCIM_TLS_DOMAIN: %q is not a host name; one such as scim.example.org is expected, without a port", name)
		}
	}
	if u, err := url.Parse(e.TLSACME); e.TLSACME != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		return fmt.Errorf("--tls-acme or PURESCIM_TLS_ACME: %q is not a URL; one such as https://acme.example.org/directory is expected", e.TLSACME)
	}
	return nil
}

func (e encryption) enabled() bool { return e.TLSCert != "" || len(e.TLSDomain) > 0 }

// scheme is that of the URLs under which the server is reached without a proxy.
func (e encryption) scheme() string {
	if e.enabled() {
		return "https://"
	}
	return "http://"
}

// server makes the server's side of TLS, nil when it speaks none.
func (e encryption) server(dataDir, publicURL string, log *slog.Logger) (*tlsserver.Server, error) {
	if !e.enabled() {
		return nil, nil //nolint:nilnil // which is that there is none
	}
	s, err := tlsserver.New(tlsserver.Options{
		CertFile: e.TLSCert, KeyFile: e.TLSKey, ClientCAFile: e.TLSClientCA,
		Domains: e.TLSDomain, DirectoryURL: e.TLSACME, CacheDir: filepath.Join(dataDir, "certificates"), Log: log,
	})
	if err != nil {
		return nil, fmt.Errorf("%w; see --tls-cert, --tls-key and --tls-client-ca", err)
	}
	if u, err := url.Parse(publicURL); err == nil && u.Host != "" {
		if err := s.Covers(u.Hostname()); err != nil {
			log.Warn("the certificate is not good for the public URL", "error", err)
		}
	}
	return s, nil
}

// encrypt has the server speak TLS, looks after its files, and leads clients without TLS to
// the address that it serves at, if it should.
func (cmd *serveCommand) encrypt(ctx context.Context, serving *errgroup.Group, s *http.Server, tls *tlsserver.Server, at net.Addr, log *slog.Logger) error {
	s.TLSConfig = tls.Config()
	serving.Go(func() error {
		tls.Run(ctx)
		return nil
	})
	if cmd.HTTPRedirect == "" {
		return nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cmd.HTTPRedirect)
	if err != nil {
		return fmt.Errorf("listen for clients without TLS: %w; --http-redirect or PURESCIM_HTTP_REDIRECT chooses another address", err)
	}
	port := 443
	if at, ok := at.(*net.TCPAddr); ok {
		port = at.Port
	}
	log.Info("redirecting to TLS", "addr", listener.Addr().String())
	redirect := httpserver.New(cmd.HTTPRedirect, tls.Challenges(httpapi.Redirect(cmd.PublicURL, port, log)), log)
	serving.Go(func() error { return httpserver.Serve(ctx, redirect, listener, cmd.Drain) })
	return nil
}

// certificateNotice is how long before its end readiness warns of a certificate.
const certificateNotice = 14 * 24 * time.Hour

// checks warn of a certificate that ends soon, or has ended. The server is as ready as it
// can be all the same, and others have the same certificate.
func (encryption) checks(s *tlsserver.Server) []health.Check {
	if s == nil {
		return nil
	}
	return []health.Check{{Name: "certificate", Look: func(context.Context) health.Finding {
		end, known := s.Expires()
		switch left := time.Until(end); {
		case !known || left > certificateNotice:
			return health.Finding{Status: health.OK}
		case left <= 0:
			return health.Finding{Status: health.Warning, Detail: "the certificate of TLS has expired, on " + end.UTC().Format(time.RFC3339)}
		default:
			return health.Finding{Status: health.Warning, Detail: "the certificate of TLS expires on " + end.UTC().Format(time.RFC3339)}
		}
	}}}
}
