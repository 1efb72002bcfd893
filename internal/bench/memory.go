package bench

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Memory is how many bytes of a process are in the machine's memory.
func Memory(pid int) (bytes int64, ok bool) { return statusOf(pid, "VmRSS:") }

// peakMemory is the most that Memory was since the process began, or since forgetPeak.
func peakMemory(pid int) (bytes int64, ok bool) { return statusOf(pid, "VmHWM:") }

// forgetPeak makes peakMemory begin anew (proc_pid_clear_refs(5)).
func forgetPeak(pid int) (ok bool) {
	return os.WriteFile(filepath.Join("/proc", strconv.Itoa(pid), "clear_refs"), []byte("5"), 0o200) == nil
}

// statusOf reads a size in /proc/PID/status.
func statusOf(pid int, name string) (bytes int64, ok bool) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		if size, ok := strings.CutPrefix(line, name); ok {
			kilobytes, err := strconv.ParseInt(strings.Fields(size)[0], 10, 64)
			return kilobytes << 10, err == nil
		}
	}
	return 0, false
}
