// Package validate_test holds what other programs read against those programs' own modules:
// the Helm chart against helm and Kubernetes' types. What the server answers to it is tested
// in the package above, by the workloads that are kept in testdata.
package validate_test

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
)

const chartDir = "../helm/purescim"

var update = flag.Bool("update", false, "write what is rendered to testdata")

// render renders the chart with values, which may be wrong, by template.
func render(values map[string]any) (map[string]string, error) {
	chart, err := loader.Load(chartDir)
	if err != nil {
		return nil, err
	}
	all, err := util.ToRenderValues(chart, values, common.ReleaseOptions{Name: "scim", Namespace: "identity", Revision: 1, IsInstall: true}, common.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	return engine.Engine{Strict: true}.Render(chart, all)
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func valuesOf(t *testing.T, text string) map[string]any {
	t.Helper()
	values, err := loader.LoadValues(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// documents parts a template's text; it keeps those that hold something.
func documents(t *testing.T, text string) (all []string) {
	t.Helper()
	for r := yaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text))); ; {
		document, err := r.Read()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if kept := withoutComments(document); kept != "" {
			all = append(all, kept)
		}
	}
}

func withoutComments(document []byte) string {
	lines := bytes.Split(document, []byte("\n"))
	lines = slices.DeleteFunc(lines, func(line []byte) bool {
		line = bytes.TrimSpace(line)
		return len(line) == 0 || bytes.HasPrefix(line, []byte("# ")) || bytes.Equal(line, []byte("---"))
	})
	return string(bytes.Join(lines, []byte("\n")))
}

// strict decodes an object of any kind that the chart has, and refuses fields that it does
// not know and those that are given twice.
func strict(t *testing.T) func(document string) runtime.Object {
	t.Helper()
	known := runtime.NewScheme()
	if err := errors.Join(scheme.AddToScheme(known), monitoringv1.AddToScheme(known)); err != nil {
		t.Fatal(err)
	}
	decoder := serializer.NewCodecFactory(known, serializer.EnableStrict).UniversalDeserializer()
	return func(document string) runtime.Object {
		t.Helper()
		object, _, err := decoder.Decode([]byte(document), nil, nil)
		if err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		return object
	}
}

// Each object is one that Kubernetes knows, and what refers to another fits it. The workloads
// are those of testdata, which the server itself is asked to run.
func TestChart(t *testing.T) {
	t.Parallel()
	for name, kinds := range map[string]string{
		"minimal": "Deployment Job Pod PodDisruptionBudget Secret Secret Service Service",
		"full": "ConfigMap Deployment HorizontalPodAutoscaler Ingress Job NetworkPolicy Pod PodDisruptionBudget " +
			"PrometheusRule Secret Secret Service Service ServiceMonitor",
		"secrets": "Deployment Job NetworkPolicy Pod Service Service",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			templates, err := render(valuesOf(t, read(t, filepath.Join("testdata", name+".values.yaml"))))
			if err != nil {
				t.Fatal(err)
			}
			if notes := templates["purescim/templates/NOTES.txt"]; !strings.Contains(notes, "deployment/scim-purescim") {
				t.Errorf("the notes do not tell the name: %s", notes)
			}
			var c chart
			var workloads []string
			decode := strict(t)
			for _, path := range slices.Sorted(maps.Keys(templates)) {
				if !strings.HasSuffix(path, ".yaml") {
					continue
				}
				for _, document := range documents(t, templates[path]) {
					if c.add(t, decode(document)) {
						workloads = append(workloads, document+"\n")
					}
				}
			}
			slices.Sort(c.kinds)
			if diff := cmp.Diff(strings.Fields(kinds), c.kinds); diff != "" {
				t.Errorf("objects: %s", diff)
			}
			c.check(t)
			golden(t, filepath.Join("testdata", name+".workloads.yaml"), strings.Join(workloads, "---\n"))
		})
	}
}

func golden(t *testing.T, file, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(read(t, file), text); diff != "" {
		t.Errorf("%s (go test -update writes it): %s", file, diff)
	}
}

// What is missing or misspelt is told before anything is installed.
func TestChart_RefusesWrongValues(t *testing.T) {
	t.Parallel()
	minimal := read(t, "testdata/minimal.values.yaml")
	for name, c := range map[string]struct{ values, want string }{
		"no image":          {"database: {url: 'postgres://x'}", "image: say which one"},
		"no database":       {"image: x", "database.url: say where PostgreSQL is"},
		"a misspelt name":   {minimal + "replicaCount: 3", "replicaCount"},
		"another database":  {"image: x\ndatabase: {url: 'mysql://x'}", "database/url"},
		"an unknown name":   {minimal + "settings: {RATE_LIMIT: '1'}", "RATE_LIMIT"},
		"a number as text":  {minimal + "settings: {PURESCIM_RATE_LIMIT: 600}", "PURESCIM_RATE_LIMIT"},
		"an ingress, where": {minimal + "ingress: {enabled: true}", "ingress.host: say under which name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := render(valuesOf(t, c.values)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("want %q: %v", c.want, err)
			}
		})
	}
}

// The files that the chart has of others are theirs.
func TestChart_HasAlertsAndDashboard(t *testing.T) {
	t.Parallel()
	templates, err := render(valuesOf(t, read(t, "testdata/full.values.yaml")))
	if err != nil {
		t.Fatal(err)
	}
	text := templates["purescim/templates/monitoring.yaml"]
	for _, file := range []string{"../monitoring/alerts.yml", "../monitoring/dashboard.json"} {
		for line := range strings.Lines(read(t, file)) {
			if !strings.Contains(text, strings.TrimSpace(line)) {
				t.Fatalf("%s: the chart has no %s", file, line)
			}
		}
	}
	var rules *monitoringv1.PrometheusRule
	for _, document := range documents(t, text) {
		if found, ok := strict(t)(document).(*monitoringv1.PrometheusRule); ok {
			rules = found
		}
	}
	if want := bytes.Count([]byte(read(t, "../monitoring/alerts.yml")), []byte("alert: ")); rules == nil || len(rules.Spec.Groups) != 1 || len(rules.Spec.Groups[0].Rules) != want {
		t.Errorf("PrometheusRule: %+v", rules)
	}
}
