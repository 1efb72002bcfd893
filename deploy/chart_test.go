package deploy_test

import (
	"errors"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/purescim/purescim/internal/testdb"
)

// A manifest is what is read of a workload of the Helm chart.
type manifest struct {
	Kind string
	Spec struct {
		podSpec  `yaml:",inline"`
		Template struct{ Spec podSpec }
	}
}

type podSpec struct {
	Grace    int `yaml:"terminationGracePeriodSeconds"`
	Security struct {
		User  int `yaml:"runAsUser"`
		Group int `yaml:"runAsGroup"`
	} `yaml:"securityContext"`
	Containers []struct {
		Args           []string
		Env            []struct{ Name, Value string }
		Ports          []struct{ Name string }
		StartupProbe   probe `yaml:"startupProbe"`
		LivenessProbe  probe `yaml:"livenessProbe"`
		ReadinessProbe probe `yaml:"readinessProbe"`
	}
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

// workloads are the pods of a rendered chart by kind, as deploy/validate keeps them.
func workloads(t *testing.T, file string) map[string]podSpec {
	t.Helper()
	all := map[string]podSpec{}
	for r := yaml.NewDecoder(strings.NewReader(read(t, file))); ; {
		var m manifest
		err := r.Decode(&m)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if all[m.Kind] = m.Spec.podSpec; m.Kind != "Pod" {
			all[m.Kind] = m.Spec.Template.Spec
		}
	}
}

// Each container's command line is one of the program, and its environment holds settings.
// Servers answer the probes, and are given the time that they may take to stop.
func TestChart_RunsTheProgram(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("validate/testdata/*.workloads.yaml")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			all := workloads(t, file)
			cert, key, _ := certificate(t)
			mounted := map[string]string{
				"/run/secrets/purescim/database-url": write(t, filepath.Join(t.TempDir(), "url"), testdb.New(t)),
				"/run/secrets/purescim/keys":         write(t, filepath.Join(t.TempDir(), "keys"), "9TjBjG0V1z2bFZbGvnqTfXGMM0UA7eBq1HkdJqFPYlM=\n"),
				"/etc/purescim/tls/tls.crt":          cert, "/etc/purescim/tls/tls.key": key, "/etc/purescim/tls/ca.crt": cert,
				// One that is away: the primary answers all.
				"/run/secrets/purescim/read-urls": write(t, filepath.Join(t.TempDir(), "read-urls"), "postgres://purescim@127.0.0.1:1/purescim"),
				"/var/lib/purescim":               t.TempDir(),
			}
			settings := map[string]string{} // by kind, the file
			for kind, pod := range all {
				settings[kind] = settingsFile(t, settingsOf(t, pod, mounted))
				if pod.Security.User != 65532 || pod.Security.Group != 65532 {
					t.Errorf("%s: the image's user is another: %+v", kind, pod.Security)
				}
			}
			args := func(kind string) []string {
				return slices.Concat([]string{"--config=" + settings[kind]}, all[kind].Containers[0].Args)
			}
			if output, err := exec.Command(purescim(t), args("Job")...).CombinedOutput(); err != nil {
				t.Fatalf("the job: %v: %s", err, output)
			}
			s := serveAs(t, args("Deployment"), "PURESCIM_DRAIN=0s")
			server := all["Deployment"].Containers[0]
			for path, p := range map[string]probe{"/livez": server.StartupProbe, "/live": server.LivenessProbe, "/readyz": server.ReadinessProbe} {
				if !strings.HasPrefix(p.HTTPGet.Path, path) || p.HTTPGet.Port != "metrics" {
					t.Errorf("probe: %+v", p)
				}
				if status, body := get(t, http.DefaultClient, "http://"+s.metrics+p.HTTPGet.Path, ""); status != http.StatusOK {
					t.Errorf("%s: %d %s", p.HTTPGet.Path, status, body)
				}
			}
			line := args("Pod")
			line[len(line)-1] = "http://" + s.metrics // the last is the URL
			s.run(t, line...)
		})
	}
}

// settingsOf are the settings of a pod, with files of this machine in place of mounted ones.
// What OpenTelemetry reads is no setting.
func settingsOf(t *testing.T, pod podSpec, mounted map[string]string) (settings []string) {
	t.Helper()
	for _, e := range pod.Containers[0].Env {
		if strings.HasPrefix(e.Name, "OTEL_") {
			continue
		}
		if strings.HasPrefix(e.Value, "/") {
			there, ok := mounted[e.Value]
			if !ok {
				t.Errorf("%s: nothing is mounted at %s", e.Name, e.Value)
			}
			e.Value = there
		}
		if e.Name == "PURESCIM_DRAIN" {
			drain, err := time.ParseDuration(e.Value)
			if err != nil || time.Duration(pod.Grace)*time.Second < drain+30*time.Second {
				t.Errorf("%d seconds are too few for a server that goes on for %s: %v", pod.Grace, e.Value, err)
			}
		}
		settings = append(settings, e.Name+"="+e.Value)
	}
	return settings
}
