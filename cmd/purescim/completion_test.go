package main

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

func TestCompletion_KnowsWhatMayFollow(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"cl":                     "client",
		"client s":               "set-domain set-keys show",
		"org show acme --log-":   "--log-format --log-level",
		"org list -o ":           "json text",
		"org list --output=t":    "text",
		"--config x org re":      "rename",
		"completion ":            "bash fish zsh",
		"client list --org acm":  "",
		"bench-":                 "",
		"role create --org a --": "--",
	} {
		status, out, errs := told(t, append([]string{"complete", "--"}, strings.Split(line, " ")...)...)
		got := strings.Join(strings.Fields(out), " ")
		if want == "--" && strings.Contains(got, "--permission") {
			continue
		}
		if status != 0 || got != want {
			t.Errorf("%q: %d %q, want %q %s", line, status, got, want, errs)
		}
	}
}

// The script has bash ask the program, which is a stand-in here, with the words so far.
func TestCompletion_ScriptOfBash(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal(err)
	}
	_, script, _ := told(t, "completion", "bash")
	out, err := exec.CommandContext(t.Context(), bash, "-c", script+`
purescim() { [ "$1 $2" = "complete --" ] && shift 2 && printf 'asked:' && printf ' %s' "$@" && printf '\n%s\n' "second one"; }
COMP_WORDS=(purescim org "sh" more); COMP_CWORD=2
_purescim; printf '%s\n' "${COMPREPLY[@]}"; complete -p purescim`).CombinedOutput()
	if want := "asked: org sh\nsecond one\ncomplete -o default -F _purescim purescim\n"; err != nil || string(out) != want {
		t.Errorf("%v: %s", err, out)
	}
	for _, shell := range []string{"zsh", "fish"} {
		if status, script, _ := told(t, "completion", shell); status != 0 || !strings.Contains(script, "purescim complete -- ") {
			t.Errorf("%s: %s", shell, script)
		}
	}
}

// The manual has each command with its flags, and nothing that is hidden.
func TestManual_HasEachCommand(t *testing.T) {
	t.Parallel()
	_, page, _ := told(t, "manual")
	for _, want := range []string{".TH PURESCIM 1 ", ".SS org rename <name> <new\\-name>", `\fB\-\-no\-migrate\fR`, ".SS health", settingsFile} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(page, "bench\\-side") || strings.Contains(page, ".SS complete ") {
		t.Error("it tells what is hidden")
	}
}

func TestVersion_IsTold(t *testing.T) {
	t.Parallel()
	_, text, _ := told(t, "version")
	if status, flag, _ := told(t, "--version"); status != 0 || flag != text || !strings.HasPrefix(text, "purescim ") {
		t.Errorf("%d %q and %q", status, flag, text)
	}
	var b build
	_, out, _ := told(t, "version", "-o", "json")
	if err := json.Unmarshal([]byte(out), &b); err != nil || b.Version != version || b.Schema < 25 {
		t.Errorf("%v: %s", err, out)
	}
	var sbom bill
	_, out, _ = told(t, "version", "-o", "sbom")
	d := json.NewDecoder(bytes.NewReader([]byte(out)))
	d.DisallowUnknownFields()
	if err := d.Decode(&sbom); err != nil || sbom.Format != "CycloneDX" || sbom.Spec != "1.5" {
		t.Errorf("%v: %s", err, out)
	}
	if !strings.Contains(out, `"pkg:golang/github.com/jackc/pgx/v5@v5.`) || !strings.Contains(out, `"pkg:golang/stdlib@1.`) {
		t.Errorf("it leaves modules out: %s", out)
	}
}
