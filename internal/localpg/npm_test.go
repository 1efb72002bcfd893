package localpg

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLinkLibraries(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	lib := filepath.Join(root, "native", "lib")
	if err := os.MkdirAll(lib, 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(lib, "libpq.so.5.18"), "library")
	writeFile(t, filepath.Join(root, "native", "pg-symlinks.json"),
		`[{"source":"native/lib/libpq.so.5.18","target":"native/lib/libpq.so.5"}]`)
	for range 2 { // the second time they are there
		if err := linkLibraries(root); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(lib, "libpq.so.5"))
	if err != nil || string(text) != "library" {
		t.Errorf("through the link: %q, %v; want the library", text, err)
	}
}

func TestLinkLibraries_StaysInThePackage(t *testing.T) {
	t.Parallel()
	for _, list := range []string{
		`[{"source":"native/lib/a","target":"../../a"}]`,
		`[{"source":"/etc/passwd","target":"native/lib/a"}]`,
	} {
		root := t.TempDir()
		if err := os.MkdirAll(filepath.Join(root, "native", "lib"), 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(root, "native", "pg-symlinks.json"), list)
		if err := linkLibraries(root); err == nil {
			t.Errorf("linkLibraries accepted %s", list)
		}
	}
}
