package validate_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"
)

var version = regexp.MustCompile(`:v?\d+\.\d+`)

var composeEnv = map[string]string{"POSTGRES_PASSWORD": "secret", "GRAFANA_PASSWORD": "secret", "PURESCIM_DOMAIN": "scim.example.org"}

// load reads a compose file as docker compose does, by its own module.
func load(t *testing.T, file string, env map[string]string) (*types.Project, error) {
	t.Helper()
	var settings []string
	for name, value := range env {
		settings = append(settings, name+"="+value)
	}
	options, err := cli.NewProjectOptions([]string{filepath.Join("..", file)}, cli.WithEnv(settings), cli.WithInterpolation(true), cli.WithResolvedPaths(true), cli.WithConsistency(true))
	if err != nil {
		t.Fatal(err)
	}
	return cli.ProjectFromOptions(t.Context(), options)
}

// Each service has bounds, no right that it does not need, and tells whether it is healthy.
// What is mounted and built is in the tree.
func TestCompose(t *testing.T) {
	t.Parallel()
	for file, services := range map[string]string{
		"compose.yaml":      "postgres purescim",
		"compose.full.yaml": "caddy grafana migrate pgbouncer postgres prometheus purescim-1 purescim-2",
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			project, err := load(t, file, composeEnv)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Fields(services), project.ServiceNames()); diff != "" {
				t.Errorf("services: %s", diff)
			}
			for name, s := range project.Services {
				checkService(t, name, s)
				for _, need := range slices.Sorted(maps.Keys(s.DependsOn)) {
					if needed := project.Services[need]; s.DependsOn[need].Condition == types.ServiceConditionHealthy && needed.HealthCheck == nil {
						t.Errorf("%s waits for %s, which tells no health", name, need)
					}
				}
			}
			golden(t, filepath.Join("testdata", file+".services.json"), servicesOf(t, project))
		})
	}
}

func checkService(t *testing.T, name string, s types.ServiceConfig) {
	t.Helper()
	once := s.Restart == "no"
	switch {
	case s.MemLimit == 0 || s.PidsLimit == 0:
		t.Errorf("%s: no bounds of memory and processes", name)
	case !s.ReadOnly || !slices.Contains(s.SecurityOpt, "no-new-privileges:true"):
		t.Errorf("%s: it may write to its files, or get more rights", name)
	case name != "postgres" && !slices.Contains(s.CapDrop, "ALL"): // which becomes another user
		t.Errorf("%s: it has rights that it does not need", name)
	case !once && (s.HealthCheck == nil || len(s.HealthCheck.Test) < 2):
		t.Errorf("%s: it tells no health", name)
	case s.Image != "" && s.Image != "purescim:local" && !version.MatchString(s.Image):
		t.Errorf("%s: %s is no version", name, s.Image)
	}
	for _, v := range s.Volumes {
		if v.Type == types.VolumeTypeBind {
			if info, err := os.Stat(v.Source); err != nil || info.IsDir() || !v.ReadOnly {
				t.Errorf("%s: %s: no file, or one that may be written to: %v", name, v.Source, err)
			}
		}
	}
	if b := s.Build; b != nil {
		if _, err := os.Stat(filepath.Join(b.Context, b.Dockerfile)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// servicesOf is what the package above tries with the programs themselves.
func servicesOf(t *testing.T, project *types.Project) string {
	t.Helper()
	type service struct {
		Command     []string          `json:"command,omitempty"`
		Environment map[string]string `json:"environment,omitempty"`
		Health      []string          `json:"health,omitempty"`
		Mounts      map[string]string `json:"mounts,omitempty"` // where, of which file
		Grace       string            `json:"grace,omitempty"`
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]service{}
	for name, s := range project.Services {
		told := service{Command: s.Command, Environment: map[string]string{}, Mounts: map[string]string{}}
		for key, value := range s.Environment {
			if value != nil {
				told.Environment[key] = *value
			}
		}
		if s.HealthCheck != nil {
			told.Health = s.HealthCheck.Test
		}
		for _, v := range s.Volumes {
			if v.Type == types.VolumeTypeBind {
				told.Mounts[v.Target] = strings.TrimPrefix(v.Source, root+"/")
			}
		}
		if s.StopGracePeriod != nil {
			told.Grace = s.StopGracePeriod.String()
		}
		all[name] = told
	}
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + "\n"
}

// Nothing has a password that everybody knows.
func TestCompose_WantsPasswords(t *testing.T) {
	t.Parallel()
	for file, wanted := range map[string][]string{
		"compose.yaml": {"POSTGRES_PASSWORD"}, "compose.full.yaml": {"POSTGRES_PASSWORD", "GRAFANA_PASSWORD", "PURESCIM_DOMAIN"},
	} {
		for _, name := range wanted {
			env := maps.Clone(composeEnv)
			delete(env, name)
			if _, err := load(t, file, env); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s without %s: %v", file, name, err)
			}
		}
	}
}
