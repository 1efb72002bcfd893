// Package deploy_test holds the files of this folder against the programs that read them
// and the program that they run. Without CI set, what needs a program that is not
// installed is skipped.
package deploy_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/purescim/purescim/internal/testdb"
)

func TestMain(m *testing.M) {
	status := m.Run()
	if built != "" {
		_ = os.RemoveAll(built)
	}
	os.Exit(status)
}

var built string // the folder of the program

var build = sync.OnceValues(func() (program string, err error) {
	if built, err = os.MkdirTemp("", "deploy-"); err != nil {
		return "", err
	}
	program = filepath.Join(built, "purescim")
	if output, err := exec.Command("go", "build", "-trimpath", "-o", program, "../cmd/purescim").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, output)
	}
	return program, os.Chmod(built, 0o755)
})

// purescim is the path of the program, built of this commit.
func purescim(t *testing.T) string {
	t.Helper()
	program, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// installed is the path of a program of others.
func installed(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin") {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is not installed; .ci/run does it", name)
	}
	t.Skipf("%s is not installed", name)
	return ""
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, file, text string) string {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// freePort is one that nobody listens on. Somebody might before it is used, which no test
// has met: the kernel gives each port anew only when it has given the others.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// start runs a program until the test ends, which must be an orderly end.
func start(t *testing.T, c *exec.Cmd) {
	t.Helper()
	var output strings.Builder
	if c.Stdout == nil {
		c.Stdout, c.Stderr = &output, &output
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		if err := c.Wait(); err != nil {
			t.Errorf("%s: %v", c.Path, err)
		}
		if t.Failed() {
			t.Logf("%s said:\n%s", c.Path, &output)
		}
	})
}

// A running server, with a demo organisation.
type running struct {
	addr, metrics string
	token         string
	settings      []string // the environment of its commands
}

// run runs a command beside the server, which must succeed, and gives what it prints.
func (s running) run(t *testing.T, args ...string) string {
	t.Helper()
	c := exec.Command(purescim(t), args...)
	c.Env = s.settings
	var errs strings.Builder
	c.Stderr = &errs
	output, err := c.Output()
	if err != nil {
		t.Fatalf("purescim %v: %v: %s", args, err, &errs)
	}
	return string(output)
}

// fails runs a command that must fail, and gives what it says of it.
func fails(t *testing.T, settings []string, args ...string) string {
	t.Helper()
	c := exec.Command(purescim(t), args...)
	c.Env = settings
	said, err := c.CombinedOutput()
	if err == nil {
		t.Errorf("purescim %v succeeds: %s", args, said)
	}
	return string(said)
}

// serve runs the program with settings until the test ends.
func serve(t *testing.T, settings ...string) running {
	t.Helper()
	return serveAs(t, []string{"serve", "--demo", "--drain=0s"}, settings...)
}

// serveAs runs another command line of the program, and settings in place of those of a test.
func serveAs(t *testing.T, args []string, settings ...string) (s running) {
	t.Helper()
	dir := t.TempDir()
	c := exec.Command(purescim(t), args...)
	c.Env = append(os.Environ(), "DATABASE_URL="+testdb.New(t), "PURESCIM_DATA_DIR="+dir, "PURESCIM_ADDR=127.0.0.1:0",
		"PURESCIM_METRICS_ADDR=127.0.0.1:0", "PURESCIM_LOG_FORMAT=json")
	c.Env = append(c.Env, settings...)
	s.settings = c.Env
	log, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stdout = io.Discard
	start(t, c)
	lines := bufio.NewScanner(log)
	for s.addr == "" && lines.Scan() {
		var line struct{ Msg, Addr string }
		_ = json.Unmarshal(lines.Bytes(), &line)
		switch line.Msg {
		case "serving metrics":
			s.metrics = line.Addr
		case "serving":
			s.addr = line.Addr
		default:
			t.Log(lines.Text())
		}
	}
	go func() { _, _ = io.Copy(io.Discard, log) }()
	if s.addr == "" {
		t.Fatal("it does not serve")
	}
	if !slices.Contains(args, "--demo") {
		return s
	}
	var demo struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(read(t, filepath.Join(dir, "demo.json"))), &demo); err != nil {
		t.Fatal(err)
	}
	s.token = demo.Token
	return s
}

// waitFor tries again and again for half a minute.
func waitFor(t *testing.T, what string, try func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if err = try(); err == nil {
			return
		}
	}
	t.Fatalf("%s: %v", what, err)
}

// certificate makes a certificate for localhost that is its own authority, in two files.
func certificate(t *testing.T) (cert, key string, trusted *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	made, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made}))
	trusted = x509.NewCertPool()
	trusted.AppendCertsFromPEM([]byte(text))
	return write(t, filepath.Join(dir, "cert.pem"), text),
		write(t, filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))), trusted
}

// clientOf trusts the authorities and follows no redirect.
func clientOf(t *testing.T, trusted *x509.CertPool) *http.Client {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}
