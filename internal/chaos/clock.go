package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A clock that is moved is seen by one server alone: its program is built with a package time
// that adds to the machine's clock what a file says. What counts what has passed (the
// monotonic part of a time.Time) does not move, as it does not when a real clock is set.

// clockFile is the variable that names the file.
const clockFile = "PURESCIM_CHAOS_CLOCK"

// movedClock is added to package time.
const movedClock = `package time

import (
	"sync/atomic"
	"syscall"
)

var moved atomic.Int64 // seconds

func init() {
	path, ok := syscall.Getenv("` + clockFile + `")
	if !ok {
		return
	}
	go func() {
		for text := make([]byte, 32); ; Sleep(50 * Millisecond) {
			file, err := syscall.Open(path, syscall.O_RDONLY, 0)
			if err != nil {
				continue
			}
			n, _ := syscall.Read(file, text)
			_ = syscall.Close(file)
			by, sign := int64(0), int64(1)
			for _, c := range text[:max(n, 0)] {
				switch {
				case c == '-':
					sign = -1
				case c >= '0' && c <= '9':
					by = 10*by + int64(c-'0')
				}
			}
			moved.Store(sign * by)
		}
	}()
}
`

// readsClock is where time.Now asks for the time.
var readsClock = regexp.MustCompile(`(?m)^func Now\(\) Time \{\n\tsec, nsec, mono := \w+\(\)\n`)

// Build builds the program below dir so that its clock can be moved.
func Build(ctx context.Context, dir string) (program string, err error) {
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return "", err
	}
	source := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	text, err := os.ReadFile(source)
	if err != nil {
		return "", err
	}
	place := readsClock.FindIndex(text)
	if place == nil {
		return "", errors.New("time.Now does not ask for the time as it is known to")
	}
	changed := string(text[:place[1]]) + "\tsec += moved.Load()\n" + string(text[place[1]:])
	replace := map[string]string{source: filepath.Join(dir, "time.go"), filepath.Join(filepath.Dir(source), "moved.go"): filepath.Join(dir, "moved.go")}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	for name, text := range map[string]string{"time.go": changed, "moved.go": movedClock, "overlay.json": string(overlay)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	program = filepath.Join(dir, "purescim")
	return program, run(exec.CommandContext(ctx, "go", "build", "-trimpath", "-overlay", filepath.Join(dir, "overlay.json"), "-o", program,
		"github.com/purescim/purescim/cmd/purescim"))
}

// MoveClock has the program's clock be off by so much.
func (p *Program) MoveClock(by time.Duration) error {
	return os.WriteFile(p.clock, []byte(strconv.FormatInt(int64(by/time.Second), 10)), 0o600)
}
