package deploy_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.yaml.in/yaml/v3"

	"github.com/purescim/purescim/internal/testdb"
)

// A service of compose, as deploy/validate keeps it.
type service struct {
	Command, Health []string
	Environment     map[string]string
	Mounts          map[string]string
	Grace           string
}

func composed(t *testing.T, file string) (all map[string]service) {
	t.Helper()
	if err := json.Unmarshal([]byte(read(t, "validate/testdata/"+file+".services.json")), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// settings are those of a service with another database; all must be ones that the program
// knows. The password is not of the URL.
func (s service) settings(t *testing.T, database string) []string {
	t.Helper()
	settings := []string{"DATABASE_URL=" + database}
	for name, value := range s.Environment {
		if name != "DATABASE_URL" && name != "PGPASSWORD" {
			settings = append(settings, name+"="+value)
		}
	}
	return settings
}

// pgBouncer starts the one of compose in front of a database, by its image's command, and
// gives the URL that leads through it.
func pgBouncer(t *testing.T, database, password string) string {
	t.Helper()
	config, err := pgx.ParseConfig(database)
	if err != nil {
		t.Fatal(err)
	}
	dir, port := t.TempDir(), freePort(t)
	users := filepath.Join(dir, "users.txt")
	ini := write(t, filepath.Join(dir, "pgbouncer.ini"), replaced(t, read(t, "compose/pgbouncer.ini"), map[string]string{
		"host=postgres port=5432": fmt.Sprintf("host=%s port=%d dbname=%s user=%s", config.Host, config.Port, config.Database, config.User),
		"listen_addr = 0.0.0.0":   "listen_addr = 127.0.0.1", "listen_port = 6432": "listen_port = " + port, "/run/pgbouncer/users.txt": users,
	}))
	image := read(t, "compose/pgbouncer.Dockerfile")
	line := func(word string) (all []string) {
		found := regexp.MustCompile(`(?m)^` + word + ` (.*)$`).FindStringSubmatch(image)
		return words(t, found[1])
	}
	entry := line("ENTRYPOINT")
	last := len(entry) - 1
	entry[last] = replaced(t, entry[last], map[string]string{"/run/pgbouncer/users.txt": users, "exec pgbouncer ": "exec " + testdb.PgBouncer(t) + " "})
	c := exec.Command(entry[0], append(entry[1:], ini)...)
	c.Env = append(os.Environ(), "POSTGRES_PASSWORD="+password)
	testdb.StartPgBouncer(t, c, dir, config.Host, "127.0.0.1:"+port)
	if mounted := line("CMD"); composed(t, "compose.full.yaml")["pgbouncer"].Mounts[mounted[0]] != "compose/pgbouncer.ini" {
		t.Errorf("PgBouncer reads %v, which is not mounted", mounted)
	}
	u := url.URL{Scheme: "postgres", User: url.User("purescim"), Host: net.JoinHostPort("127.0.0.1", port), Path: "/purescim", RawQuery: "sslmode=disable"}
	return u.String()
}

// What compose starts works together: the migration, PgBouncer, two servers, and Prometheus,
// which finds both.
func TestCompose_WorksTogether(t *testing.T) {
	t.Parallel()
	all, password := composed(t, "compose.full.yaml"), `s"cr'et`
	direct := testdb.New(t)
	pooled := pgBouncer(t, direct, password)
	migrate := all["migrate"]
	if output, err := exec.Command(purescim(t), slices.Concat([]string{"--config=" + settingsFile(t, migrate.settings(t, direct))}, migrate.Command)...).CombinedOutput(); err != nil {
		t.Fatalf("the migration: %v: %s", err, output)
	}
	var figures []string
	for _, name := range []string{"purescim-1", "purescim-2"} {
		s := all[name]
		if s.Environment["PGPASSWORD"] != all["postgres"].Environment["POSTGRES_PASSWORD"] || s.Grace != "40s" {
			t.Errorf("%s: another password, or no time to stop: %+v", name, s)
		}
		file := settingsFile(t, s.settings(t, pooled))
		server := serveAs(t, slices.Concat([]string{"--config=" + file}, s.Command), "DATABASE_URL="+pooled, "PGPASSWORD="+password, "PURESCIM_DRAIN=0s")
		figures = append(figures, server.metrics)
		server.settings = []string{"PURESCIM_ADDR=" + server.addr}
		server.run(t, s.Health[2:]...) // behind CMD and the program
	}
	if said := fails(t, []string{"DATABASE_URL=" + pooled, "PGPASSWORD=wrong"}, "org", "list"); !strings.Contains(said, "password") && !strings.Contains(said, "SASL") {
		t.Errorf("a wrong password: %s", said)
	}

	prometheus, dir := installed(t, "prometheus"), t.TempDir()
	alerts, err := filepath.Abs("monitoring/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	config := write(t, filepath.Join(dir, "prometheus.yml"), replaced(t, read(t, "compose/prometheus.yml"), map[string]string{
		"purescim-1:9090": figures[0], "purescim-2:9090": figures[1], "interval: 15s": "interval: 1s", "- alerts.yml": "- " + alerts,
	}))
	port := freePort(t)
	start(t, exec.Command(prometheus, "--config.file="+config, "--storage.tsdb.path="+dir+"/data", "--web.listen-address=127.0.0.1:"+port, "--log.level=warn"))
	waitFor(t, "both servers in Prometheus", func() error {
		found, err := query(t, "http://127.0.0.1:"+port, `up{job="purescim"} == 1`)
		if err == nil && found != 2 {
			err = fmt.Errorf("%d servers", found)
		}
		return err
	})
}

// The small one serves, too.
func TestCompose_Serves(t *testing.T) {
	t.Parallel()
	s := composed(t, "compose.yaml")["purescim"]
	server := serveAs(t, []string{"--config=" + settingsFile(t, s.settings(t, testdb.New(t))), "serve"}, "PURESCIM_DRAIN=0s")
	server.settings = []string{"PURESCIM_ADDR=" + server.addr}
	server.run(t, s.Health[2:]...)
}

// Files that name each other do so by the right names.
func TestCompose_NamesAgree(t *testing.T) {
	t.Parallel()
	all := composed(t, "compose.full.yaml")
	for service, mounts := range map[string]map[string]string{
		"caddy":      {"/etc/caddy/Caddyfile": "Caddyfile"},
		"prometheus": {"/etc/prometheus/prometheus.yml": "compose/prometheus.yml", "/etc/prometheus/alerts.yml": "monitoring/alerts.yml"},
		"grafana":    {"/etc/purescim/dashboards/purescim.json": "monitoring/dashboard.json"},
	} {
		for at, file := range mounts {
			if all[service].Mounts[at] != file {
				t.Errorf("%s: %s is %q, not %s", service, at, all[service].Mounts[at], file)
			}
		}
	}
	for name := range all["caddy"].Environment {
		if !strings.Contains(read(t, "Caddyfile"), "{$"+name+":") {
			t.Errorf("the Caddyfile does not read %s", name)
		}
	}
	for upstream := range strings.FieldsSeq(all["caddy"].Environment["PURESCIM_UPSTREAMS"]) {
		if name, port, _ := strings.Cut(upstream, ":"); all[name].Command == nil || port != "8080" {
			t.Errorf("Caddy asks %s", upstream)
		}
	}
	var source struct {
		Datasources []struct {
			Type, URL string
			IsDefault bool `yaml:"isDefault"`
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "compose/grafana/datasource.yaml")), &source); err != nil || source.Datasources[0].URL != "http://prometheus:9090" || !source.Datasources[0].IsDefault {
		t.Errorf("Grafana asks %+v: %v", source, err)
	}
	var dashboards struct {
		Providers []struct{ Options struct{ Path string } }
	}
	if err := yaml.Unmarshal([]byte(read(t, "compose/grafana/dashboards.yaml")), &dashboards); err != nil || dashboards.Providers[0].Options.Path != "/etc/purescim/dashboards" {
		t.Errorf("Grafana's dashboards: %+v: %v", dashboards, err)
	}
}
