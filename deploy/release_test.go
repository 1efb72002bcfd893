package deploy_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/testdb"
)

const (
	released  = "v1.2.3-4-gabcdef"
	inDebian  = "1.2.3+4+gabcdef"
	atRelease = "1700000000" // 2023-11-14 22:13:20 UTC
	file      = "purescim_" + released + "_linux_" + runtime.GOARCH
)

// releaseOf has the tree in a folder make a release for this processor in another folder.
func releaseOf(tree, out string) error {
	c := exec.Command(filepath.Join(tree, "deploy/release"), out)
	c.Env = append(os.Environ(), "TARGETS=linux/"+runtime.GOARCH, "VERSION="+released, "SOURCE_DATE_EPOCH="+atRelease, "GOFLAGS=-buildvcs=false")
	if output, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, output)
	}
	return nil
}

var makeRelease = sync.OnceValues(func() (string, error) {
	if _, err := build(); err != nil {
		return "", err
	}
	dir := filepath.Join(built, "dist")
	return dir, releaseOf("..", dir)
})

func release(t *testing.T) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("releases are made on Linux")
	}
	dir, err := makeRelease()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	if !filepath.IsAbs(name) {
		name = installed(t, name)
	}
	c := exec.Command(name, args...)
	c.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
	return string(out)
}

func TestRelease(t *testing.T) {
	t.Parallel()
	dir := release(t)
	sums := ""
	for _, name := range []string{file + ".deb", file + ".sbom.json", file + ".tar.gz"} {
		sum := sha256.Sum256([]byte(read(t, filepath.Join(dir, name))))
		sums += hex.EncodeToString(sum[:]) + "  " + name + "\n"
	}
	if diff := cmp.Diff(sums, read(t, filepath.Join(dir, "SHA256SUMS"))); diff != "" {
		t.Errorf("SHA256SUMS: %s", diff)
	}
	var bill struct{ Components []struct{ Name string } }
	if err := json.Unmarshal([]byte(read(t, filepath.Join(dir, file+".sbom.json"))), &bill); err != nil || len(bill.Components) < 30 {
		t.Errorf("list of parts: %v: %v", err, bill)
	}

	unpacked := t.TempDir()
	output(t, "tar", "xzf", filepath.Join(dir, file+".tar.gz"), "-C", unpacked)
	inside := filepath.Join(unpacked, file)
	program := filepath.Join(inside, "purescim")
	if said := output(t, program, "version"); !strings.HasPrefix(said, "purescim "+released+" (go1.") {
		t.Errorf("version: %s", said)
	}
	for name, want := range map[string]string{
		"LICENSE": "Apache License", "README.md": "# purescim", "CHANGELOG.md": "# Changelog", "man/purescim.1": ".TH PURESCIM 1 ",
		"completions/purescim.bash": "complete ", "completions/_purescim": "#compdef purescim", "completions/purescim.fish": "complete -c purescim",
		"purescim.service": "[Service]", "purescim.env": "DATABASE_URL=",
	} {
		if !strings.Contains(read(t, filepath.Join(inside, name)), want) {
			t.Errorf("%s: no %q", name, want)
		}
	}
	code := []byte(read(t, program))
	here, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(code, []byte(here+"/cmd")) || bytes.Contains(code, []byte(strings.TrimSpace(output(t, "go", "env", "GOROOT"))+"/src/")) {
		t.Error("the program tells where it was built")
	}
}

// The same files in another folder make the same release, byte by byte.
func TestRelease_IsReproducible(t *testing.T) {
	t.Parallel()
	dir, elsewhere := release(t), t.TempDir()
	tree, out := filepath.Join(elsewhere, "tree"), filepath.Join(elsewhere, "out")
	for name := range strings.SplitSeq(strings.Trim(output(t, "git", "-C", "..", "ls-files", "-co", "--exclude-standard", "-z"), "\x00"), "\x00") {
		info, err := os.Stat(filepath.Join("..", name))
		if os.IsNotExist(err) {
			continue // deleted, and not committed yet
		}
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(tree, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, []byte(read(t, filepath.Join("..", name))), info.Mode()&0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := releaseOf(tree, out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(read(t, filepath.Join(dir, "SHA256SUMS")), read(t, filepath.Join(out, "SHA256SUMS"))); diff != "" {
		t.Errorf("built twice: %s", diff)
	}
}

func TestDebianPackage_Holds(t *testing.T) {
	t.Parallel()
	deb := filepath.Join(release(t), file+".deb")
	info := output(t, "dpkg-deb", "--info", deb)
	for _, want := range []string{"Package: purescim", "Version: " + inDebian, "Architecture: " + runtime.GOARCH, "Depends: passwd", "conffiles", "postinst", "prerm", "postrm"} {
		if !strings.Contains(info, want) {
			t.Errorf("--info has no %q: %s", want, info)
		}
	}
	var files []string
	for line := range strings.Lines(output(t, "dpkg-deb", "--contents", deb)) {
		fields := strings.Fields(line) // mode, owner, size, day, time, name
		if fields[1] != "root/root" || fields[3] != "2023-11-14" {
			t.Errorf("not root's, or of another time: %s", line)
		}
		if name := fields[5]; !strings.HasSuffix(name, "/") && !strings.HasPrefix(name, "./usr/share/doc/purescim/examples/") {
			files = append(files, fields[0]+" "+name)
		}
	}
	if diff := cmp.Diff([]string{
		"-rw-r----- ./etc/purescim/purescim.env",
		"-rwxr-xr-x ./usr/bin/purescim",
		"-rw-r--r-- ./usr/lib/systemd/system/purescim.service",
		"-rw-r--r-- ./usr/share/bash-completion/completions/purescim",
		"-rw-r--r-- ./usr/share/doc/purescim/CHANGELOG.md",
		"-rw-r--r-- ./usr/share/doc/purescim/copyright",
		"-rw-r--r-- ./usr/share/fish/vendor_completions.d/purescim.fish",
		"-rw-r--r-- ./usr/share/man/man1/purescim.1.gz",
		"-rw-r--r-- ./usr/share/zsh/vendor-completions/_purescim",
	}, files); diff != "" {
		t.Errorf("--contents: %s", diff)
	}
}

// install has dpkg unpack and configure the package in a root of its own, as on a system
// that is put together there: the scripts run, and are told where it is.
func install(t *testing.T) (root string, dpkg func(args ...string) string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("dpkg installs as root alone")
	}
	root = t.TempDir()
	for name, text := range map[string]string{"etc/passwd": "root:x:0:0::/root:/bin/sh\n", "etc/group": "root:x:0:\n", "etc/shadow": "", "etc/gshadow": "", "var/lib/dpkg/status": ""} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(root, name), text)
	}
	dpkg = func(args ...string) string {
		t.Helper()
		return output(t, "dpkg", append([]string{"--root=" + root, "--force-script-chrootless", "--force-depends"}, args...)...)
	}
	return root, dpkg
}

func TestDebianPackage_Installs(t *testing.T) {
	t.Parallel()
	deb := filepath.Join(release(t), file+".deb")
	root, dpkg := install(t)
	if said := dpkg("--install", deb); !strings.Contains(said, "systemctl enable --now purescim") {
		t.Errorf("it does not say what to do next: %s", said)
	}
	users := func() string { return read(t, root+"/etc/passwd") + read(t, root+"/etc/group") }
	settings := filepath.Join(root, "etc/purescim/purescim.env")
	rights := func() string { return output(t, "stat", "-c", "%a %u %g", settings) }
	made, group := users(), regexp.MustCompile(`(?m)^purescim:x:(\d+):$`).FindStringSubmatch(users())
	if !regexp.MustCompile(`(?m)^purescim:x:\d+:\d+:[^:]*:/var/lib/purescim:/usr/sbin/nologin$`).MatchString(made) || group == nil {
		t.Fatalf("no system user: %s", made)
	}
	if want := "640 0 " + group[1] + "\n"; rights() != want {
		t.Errorf("settings: %s, not %s", rights(), want)
	}

	write(t, settings, "# mine\n")
	if err := os.Chmod(settings, 0o600); err != nil {
		t.Fatal(err)
	}
	dpkg("--install", deb) // once more, as an update does
	if users() != made || read(t, settings) != "# mine\n" || !strings.HasPrefix(rights(), "600 0 ") {
		t.Errorf("an update changes users or settings: %s%s %s", users(), read(t, settings), rights())
	}
	dpkg("--remove", "purescim")
	if _, err := os.Stat(filepath.Join(root, "usr/bin/purescim")); !os.IsNotExist(err) || read(t, settings) != "# mine\n" {
		t.Errorf("removed, but not quite, or the settings too: %v", err)
	}
	dpkg("--purge", "purescim")
	if _, err := os.Stat(filepath.Dir(settings)); !os.IsNotExist(err) {
		t.Errorf("purged, but the settings: %v", err)
	}
}

// The unit's command line serves, with the settings of its file.
func TestDebianPackage_Serves(t *testing.T) {
	t.Parallel()
	deb, root := filepath.Join(release(t), file+".deb"), t.TempDir()
	output(t, "dpkg-deb", "-x", deb, root)
	unit := read(t, filepath.Join(root, "usr/lib/systemd/system/purescim.service"))
	said := func(name string) string {
		found := regexp.MustCompile(`(?m)^` + name + `=(.*)$`).FindStringSubmatch(unit)
		if found == nil {
			t.Fatalf("the unit has no %s", name)
		}
		return found[1]
	}
	command, file := strings.Fields(said("ExecStart")), filepath.Join(root, said("EnvironmentFile"))
	settings := read(t, file)
	addr := "127.0.0.1:" + freePort(t)
	for name, value := range map[string]string{"DATABASE_URL": testdb.New(t), "PURESCIM_ADDR": addr, "PURESCIM_DRAIN": "0s"} {
		line := regexp.MustCompile(`(?m)^#` + name + `=.*$`)
		if !line.MatchString(settings) {
			t.Fatalf("the settings do not show %s", name)
		}
		settings = line.ReplaceAllLiteralString(settings, name+"="+value)
	}
	write(t, file, settings)

	environment := strings.Fields(said("Environment"))
	for i, setting := range environment {
		environment[i] = strings.Replace(setting, "=/var/lib/", "="+t.TempDir()+"/", 1)
	}
	run := func(args ...string) *exec.Cmd {
		c := exec.Command(filepath.Join(root, command[0]), slices.Concat([]string{"--config=" + file}, args)...)
		c.Env = environment
		return c
	}
	start(t, run(command[1:]...))
	waitFor(t, "purescim health", func() error {
		if output, err := run("health").CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, output)
		}
		return nil
	})

	here := write(t, filepath.Join(t.TempDir(), "purescim.service"), strings.ReplaceAll(unit, command[0], filepath.Join(root, command[0])))
	if said := output(t, "systemd-analyze", "--man=no", "verify", here); said != "" {
		t.Errorf("systemd-analyze verify: %s", said)
	}
	output(t, "systemd-analyze", "security", "--offline=true", "--threshold=20", here)
}
