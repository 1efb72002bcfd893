package seal

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func file(t *testing.T, lines ...string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func keys(t *testing.T, lines ...string) *Keys {
	t.Helper()
	k, err := ReadFile(file(t, lines...))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSeal_OpensForItsKeyAndPlaceAlone(t *testing.T) {
	t.Parallel()
	a, b := Rand(), Rand()
	old, both, other := keys(t, a), keys(t, "# new", b, "", a), keys(t, Rand())
	envelope := old.Seal("t/1", []byte("secret"))
	if got, err := both.Open("t/1", envelope); err != nil || string(got) != "secret" || strings.Contains(string(envelope), "secret") {
		t.Errorf("%q, %v", got, err)
	}
	if !old.Current(envelope) || both.Current(envelope) || both.Current([]byte("clear")) || !(*Keys)(nil).Current([]byte("clear")) {
		t.Error("which envelopes are current is not seen")
	}
	for _, k := range []*Keys{other, nil} {
		if _, err := k.Open("t/1", envelope); !errors.Is(err, ErrNoKey) {
			t.Errorf("without its key: %v", err)
		}
	}
	if _, err := old.Open("t/2", envelope); !errors.Is(err, ErrChanged) {
		t.Errorf("in another place: %v", err)
	}
	envelope[len(envelope)-1] ^= 1
	if _, err := old.Open("t/1", envelope); !errors.Is(err, ErrChanged) {
		t.Errorf("changed: %v", err)
	}
	if got, err := other.Open("t/1", []byte("clear")); err != nil || string(got) != "clear" {
		t.Errorf("in the clear: %q, %v", got, err)
	}
}

func TestReadFile_RefusesWhatIsNoKey(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "# nothing", "abc", "c2hvcnQ=", Rand() + "\n" + Rand()[1:]} {
		if _, err := ReadFile(file(t, text)); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}
