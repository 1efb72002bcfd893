package seal

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzKeys reads any file of keys and opens any envelope with them: a file is refused
// without telling what it holds, or its keys open what they seal; an envelope gives what
// was sealed, or nothing.
func FuzzKeys(f *testing.F) {
	first := base64.StdEncoding.EncodeToString(make([]byte, keySize))
	f.Add("# keys\n\n"+first+"\r\n", []byte(magic+"12345678"), "t/1")
	f.Add(first+"\n"+first[1:], []byte(magic), "")
	f.Add(strings.Repeat("QUJD", 11), []byte("in the clear"), "t/1")
	name := filepath.Join(f.TempDir(), "keys")
	f.Fuzz(func(t *testing.T, text string, kept []byte, place string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		k, err := ReadFile(name)
		if err != nil {
			for line := range strings.Lines(text) {
				if line = strings.TrimSpace(line); len(line) > 40 && strings.Contains(err.Error(), line) {
					t.Errorf("the error tells a line: %v", err)
				}
			}
			return
		}
		if got, err := k.Open(place, kept); err == nil && !bytes.Equal(got, kept) {
			t.Errorf("%q was opened without having been sealed", kept)
		}
		if got, err := k.Open(place, k.Seal(place, kept)); !Sealed(kept) && (err != nil || !bytes.Equal(got, kept)) {
			t.Errorf("%q became %q, %v", kept, got, err)
		}
	})
}
