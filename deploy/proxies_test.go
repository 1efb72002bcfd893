package deploy_test

import (
	"crypto/x509"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestCaddyfile(t *testing.T) {
	t.Parallel()
	caddy, home := installed(t, "caddy"), t.TempDir()
	s := serve(t, "PURESCIM_TRUST_PROXY=true")
	p := proxy{plain: freePort(t), encrypted: freePort(t), elsewhere: "localhost"} // whatever port it is told
	command := func(args ...string) *exec.Cmd {
		c := exec.Command(caddy, append(args, "--config=Caddyfile", "--adapter=caddyfile")...)
		c.Env = append(os.Environ(), "HOME="+home, "XDG_DATA_HOME="+home, "XDG_CONFIG_HOME="+home,
			"PURESCIM_DOMAIN=localhost", "PURESCIM_UPSTREAMS="+s.addr, "HTTP_PORT="+p.plain, "HTTPS_PORT="+p.encrypted)
		return c
	}
	if output, err := command("validate").CombinedOutput(); err != nil {
		t.Fatalf("caddy validate: %v\n%s", err, output)
	}
	start(t, command("run"))
	root := filepath.Join(home, "caddy/pki/authorities/local/root.crt") // Let's Encrypt certifies no localhost
	waitFor(t, "caddy's authority", func() error { _, err := os.Stat(root); return err })
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM([]byte(read(t, root)))
	p.client = clientOf(t, trusted)
	p.check(t, s)
}

func TestNginxConf(t *testing.T) {
	t.Parallel()
	nginx, dir := installed(t, "nginx"), t.TempDir()
	s := serve(t, "PURESCIM_TRUST_PROXY=true")
	cert, key, trusted := certificate(t)
	p := proxy{plain: freePort(t), encrypted: freePort(t), client: clientOf(t, trusted)}
	p.elsewhere = "localhost:" + p.encrypted
	sample := replaced(t, read(t, "nginx.conf"), map[string]string{
		"listen 80;": "listen 127.0.0.1:" + p.plain + ";", "listen 443 ssl": "listen 127.0.0.1:" + p.encrypted + " ssl",
		"server 127.0.0.1:8080 ": "server " + s.addr + " ", "server_name scim.example.org": "server_name localhost",
		"/etc/purescim/tls/cert.pem": cert, "/etc/purescim/tls/key.pem": key,
		"https://$host$request_uri": "https://$host:" + p.encrypted + "$request_uri",
	})
	var paths string
	for _, of := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		paths += of + "_temp_path " + dir + "/" + of + ";\n"
	}
	whole := write(t, filepath.Join(dir, "nginx.conf"), "daemon off;\nmaster_process off;\npid "+dir+"/pid;\nerror_log stderr;\nevents {}\nhttp {\n"+
		paths+"include "+write(t, filepath.Join(dir, "purescim.conf"), sample)+";\n}\n")
	if output, err := exec.Command(nginx, "-t", "-c", whole).CombinedOutput(); err != nil {
		t.Fatalf("nginx -t: %v\n%s", err, output)
	}
	start(t, exec.Command(nginx, "-c", whole))
	p.check(t, s)
}

// replaced is the text of a sample with what is another on this machine; all of it must be
// there.
func replaced(t *testing.T, text string, others map[string]string) string {
	t.Helper()
	for was, is := range others {
		if !strings.Contains(text, was) {
			t.Fatalf("the sample has no %q", was)
		}
		text = strings.ReplaceAll(text, was, is)
	}
	return text
}

// A proxy runs on two ports of localhost.
type proxy struct {
	plain, encrypted string
	elsewhere        string // host and port that HTTP leads to
	client           *http.Client
}

// check has requests go through the proxy to the server.
func (p proxy) check(t *testing.T, s running) {
	t.Helper()
	base := "https://localhost:" + p.encrypted
	type answered struct { // an answer whose body was read
		*http.Response
		body string
	}
	ask := func(method, url, body string) (answered, error) {
		r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+s.token)
		r.Header.Set("Content-Type", "application/scim+json")
		r.Header.Set("X-Forwarded-Host", "evil.example")
		r.Header.Set("X-Forwarded-For", "192.0.2.1")
		answer, err := p.client.Do(r)
		if err != nil {
			return answered{}, err
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		return answered{answer, string(text)}, err
	}
	want := func(status int, method, url, body string) answered {
		t.Helper()
		answer, err := ask(method, url, body)
		if err != nil || answer.StatusCode != status {
			t.Fatalf("want %d: %v %v %s", status, answer.Response, err, answer.body)
		}
		return answer
	}
	waitFor(t, "the proxy", func() error {
		_, err := ask(http.MethodGet, base+"/", "")
		return err
	})
	users := base + "/api/v2/scim/v2/Users"
	made := want(http.StatusCreated, http.MethodPost, users, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada@example.org","displayName":"Ada"}`)
	location := made.Header.Get("Location")
	if !strings.HasPrefix(location, users+"/") {
		t.Errorf("Location: %s", location)
	}
	if made.Header.Get("Strict-Transport-Security") == "" {
		t.Error("no Strict-Transport-Security")
	}
	if etag := want(http.StatusOK, http.MethodGet, location, "").Header.Get("Etag"); etag == "" {
		t.Error("no ETag")
	}
	filter := `userName eq "` + strings.Repeat("é", 1900) + `"` // most of 4 KiB, and three times that in a URL
	want(http.StatusOK, http.MethodGet, users+"?filter="+url.QueryEscape(filter), "")
	large := want(http.StatusRequestEntityTooLarge, http.MethodPost, users, `{"x":"`+strings.Repeat("x", 3<<20)+`"}`)
	if !strings.Contains(large.body, "urn:ietf:params:scim:api:messages:2.0:Error") {
		t.Errorf("a body that is too large is refused in other words than the server's: %s", large.body)
	}
	leads := want(http.StatusPermanentRedirect, http.MethodGet, "http://localhost:"+p.plain+"/api/v2/scim/v2/Users?count=1", "")
	if to := leads.Header.Get("Location"); to != "https://"+p.elsewhere+"/api/v2/scim/v2/Users?count=1" {
		t.Errorf("HTTP leads to %q", to)
	}
}
