package deploy_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// Each query of the dashboard finds something in a Prometheus that has scraped a server, and
// each alert can be evaluated on it. Alerts fire when they should.
func TestMonitoring(t *testing.T) {
	t.Parallel()
	prometheus, promtool, dir := installed(t, "prometheus"), installed(t, "promtool"), t.TempDir()
	run := func(args ...string) {
		if output, err := exec.Command(promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, output)
		}
	}
	run("check", "config", "monitoring/prometheus.yml")
	run("test", "rules", "monitoring/alerts.test.yml")

	cert, key, trusted := certificate(t)
	s := serve(t, "PURESCIM_TLS_CERT="+cert, "PURESCIM_TLS_KEY="+key, "PURESCIM_READ_URLS=postgres://nobody@127.0.0.1:1/none")
	alerts, err := filepath.Abs("monitoring/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	config := write(t, filepath.Join(dir, "prometheus.yml"), replaced(t, read(t, "monitoring/prometheus.yml"), map[string]string{
		"127.0.0.1:9090": s.metrics, "interval: 15s": "interval: 1s", "- alerts.yml": "- " + alerts,
	}))
	port := freePort(t)
	start(t, exec.Command(prometheus, "--config.file="+config, "--storage.tsdb.path="+dir+"/data", "--web.listen-address=127.0.0.1:"+port, "--log.level=warn"))

	_, serverPort, _ := strings.Cut(s.addr, ":")
	client, ending := clientOf(t, trusted), s.run(t, "client", "create", "--org=demo", "--name=ending", "--role=SCIM Reader", "--validity=10d", "-o", "json")
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(ending), &token); err != nil {
		t.Fatalf("%v: %s", err, ending)
	}
	ask := func() {
		for _, path := range []string{"/Users", "/Users/none", "/Groups"} {
			get(t, client, "https://localhost:"+serverPort+"/api/v2/scim/v2"+path, token.AccessToken)
		}
	}
	queries := append(dashboardQueries(t), alertQueries(t)...)
	for _, q := range queries {
		waitFor(t, q.name, func() error {
			ask()
			found, err := query(t, "http://127.0.0.1:"+port, q.expression)
			if err == nil && found == 0 && !q.mayBeEmpty {
				err = fmt.Errorf("nothing is found by %s", q.expression)
			}
			return err
		})
	}
	_, figures := get(t, client, "http://"+s.metrics+"/metrics", "")
	for _, q := range queries {
		for _, name := range regexp.MustCompile(`\b(purescim|process|go)_\w+`).FindAllString(q.expression, -1) {
			family := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")
			if !strings.Contains(figures, "\n# TYPE "+name+" ") && !strings.Contains(figures, "\n# TYPE "+family+" ") {
				t.Errorf("%s asks for %s, which the server does not tell", q.name, name)
			}
		}
	}
}

// asked is a query of a file.
type asked struct {
	name, expression string
	mayBeEmpty       bool // it is an alert
}

// dashboardQueries are those of the panels, with what Grafana puts in place of variables.
func dashboardQueries(t *testing.T) (all []asked) {
	t.Helper()
	var dashboard struct {
		Panels []struct {
			ID      int
			Title   string
			Type    string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(read(t, "monitoring/dashboard.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	var ids []int
	for _, panel := range dashboard.Panels {
		if slices.Contains(ids, panel.ID) || panel.Type != "row" && len(panel.Targets) == 0 {
			t.Errorf("panel %q: its id is another's, or it asks for nothing", panel.Title)
		}
		ids = append(ids, panel.ID)
		for _, target := range panel.Targets {
			expression := strings.NewReplacer("$job", "purescim", "$instance", ".*", "$__rate_interval", "1m").Replace(target.Expr)
			all = append(all, asked{name: panel.Title, expression: expression})
		}
	}
	if len(all) < 30 {
		t.Fatalf("the dashboard asks for %d things", len(all))
	}
	return all
}

func alertQueries(t *testing.T) (all []asked) {
	t.Helper()
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Labels      map[string]string
				Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "monitoring/alerts.yml")), &file); err != nil {
		t.Fatal(err)
	}
	tested := read(t, "monitoring/alerts.test.yml")
	for _, rule := range file.Groups[0].Rules {
		all = append(all, asked{name: rule.Alert, expression: rule.Expr, mayBeEmpty: true})
		if severity := rule.Labels["severity"]; severity != "page" && severity != "ticket" || rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" {
			t.Errorf("%s: it must say how urgent it is, what is wrong and what to do", rule.Alert)
		}
		if !strings.Contains(tested, "alertname: "+rule.Alert+"\n") {
			t.Errorf("%s: monitoring/alerts.test.yml does not show that it fires", rule.Alert)
		}
	}
	return all
}

// query tells how many series an expression finds.
func query(t *testing.T, prometheus, expression string) (found int, err error) {
	t.Helper()
	status, body := get(t, http.DefaultClient, prometheus+"/api/v1/query?query="+url.QueryEscape(expression), "")
	var answer struct {
		Error string
		Data  struct{ Result []any }
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || status != http.StatusOK {
		return 0, fmt.Errorf("%d %s: %s", status, answer.Error, expression)
	}
	return len(answer.Data.Result), nil
}

// get returns the status and the body; 0 is no answer.
func get(t *testing.T, client *http.Client, url, token string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := client.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}
