package deploy_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/testdb"
)

// instruction is what follows a word of the Dockerfile, for the last time.
func instruction(t *testing.T, word string) string {
	t.Helper()
	text := strings.ReplaceAll(read(t, "Dockerfile"), "\\\n", " ")
	found := regexp.MustCompile(`(?m)^`+word+`\s+(.*)$`).FindAllStringSubmatch(text, -1)
	if found == nil {
		t.Fatalf("the Dockerfile has no %s", word)
	}
	return found[len(found)-1][1]
}

func words(t *testing.T, list string) (all []string) {
	t.Helper()
	if err := json.Unmarshal([]byte(list), &all); err != nil {
		t.Fatalf("%v: %s", err, list)
	}
	return all
}

// The image's command serves with its settings, and its health check finds it healthy.
func TestDockerfile_Serves(t *testing.T) {
	t.Parallel()
	entry, command := words(t, instruction(t, "ENTRYPOINT")), words(t, instruction(t, "CMD"))
	_, check, _ := strings.Cut(instruction(t, "HEALTHCHECK"), " CMD ")
	health := words(t, check)
	if entry[0] != "/purescim" || health[0] != entry[0] {
		t.Fatalf("another program: %v %v", entry, health)
	}
	settings := settingsFile(t, strings.Fields(instruction(t, "ENV")))
	s := serveAs(t, append([]string{"--config=" + settings}, command...), "PURESCIM_DRAIN=0s")
	s.settings = []string{"PURESCIM_ADDR=" + s.addr}
	if said := s.run(t, health[1:]...); !strings.HasPrefix(said, "ready") {
		t.Errorf("health: %s", said)
	}
}

// settingsFile writes settings, each NAME=VALUE, as a file of which the program refuses what
// it does not know.
func settingsFile(t *testing.T, settings []string) string {
	t.Helper()
	for _, setting := range settings {
		if name, _, _ := strings.Cut(setting, "="); !regexp.MustCompile(`^(PURESCIM_[A-Z_]+|DATABASE_URL(_FILE)?)$`).MatchString(name) {
			t.Errorf("%s is no setting", setting)
		}
	}
	return write(t, filepath.Join(t.TempDir(), "settings.env"), strings.Join(settings, "\n")+"\n")
}

// What it is built of is in the tree, and the compiler is one that go.mod lets in.
func TestDockerfile_Builds(t *testing.T) {
	t.Parallel()
	text := read(t, "Dockerfile")
	for _, copied := range regexp.MustCompile(`(?m)^COPY (\S.*) \S+$`).FindAllStringSubmatch(text, -1) {
		if strings.HasPrefix(copied[1], "--from=") {
			continue
		}
		for source := range strings.FieldsSeq(copied[1]) {
			if _, err := os.Stat(filepath.Join("..", source)); err != nil {
				t.Errorf("COPY %s: %v", source, err)
			}
		}
	}
	needs := regexp.MustCompile(`(?m)^go (1\.\d+)\.\d+$`).FindStringSubmatch(read(t, "../go.mod"))
	has := regexp.MustCompile(`(?m)^FROM --platform=\$BUILDPLATFORM golang:(1\.\d+)\.\d+-bookworm AS build$`).FindStringSubmatch(text)
	if has == nil || needs == nil || has[1] != needs[1] {
		t.Errorf("the compiler is %v, go.mod wants %v", has, needs)
	}
	if !strings.Contains(text, "./cmd/purescim") || !strings.Contains(text, "CGO_ENABLED=0") || instruction(t, "FROM") != "scratch" {
		t.Error("it is no static program in an empty image")
	}
	if user := instruction(t, "USER"); user != "65532:65532" || !strings.Contains(text, "nonroot:x:65532:65532:") {
		t.Errorf("it runs as %s", user)
	}
}

// The settings' file is no way around what the environment says: that it refuses what it
// does not know is what other tests rely on.
func TestSettingsFile_RefusesUnknownNames(t *testing.T) {
	t.Parallel()
	file := write(t, filepath.Join(t.TempDir(), "settings.env"), "PURESCIM_ADRR=:8080\n")
	if said := fails(t, []string{"DATABASE_URL=" + testdb.New(t)}, "--config="+file, "migrate"); !strings.Contains(said, "PURESCIM_ADRR") {
		t.Errorf("it takes any name: %s", said)
	}
}
