package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

// tick is the unit of times in /proc, whatever the kernel's own is.
const tick = 10 * time.Millisecond

// process is what /proc/PID/stat tells of a process.
type process struct {
	name   string
	parent int
	own    time.Duration // CPU time, user and system
	waited time.Duration // that of the children it has waited for
}

// readProcess reads a file /proc/PID/stat.
func readProcess(file string) (p process, ok bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return p, false
	}
	return parseProcess(text)
}

// parseProcess reads "pid (name) state ppid …"; the name may hold blanks and
// parentheses (proc_pid_stat(5)).
func parseProcess(text []byte) (p process, ok bool) {
	begin, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if begin < 0 || end < begin {
		return p, false
	}
	const first = 3 // the field after the name, counted as the manual does
	fields := bytes.Fields(text[end+1:])
	if len(fields) <= 17-first {
		return p, false
	}
	number := func(field int) int {
		n, err := strconv.Atoi(string(fields[field-first]))
		ok = ok && err == nil
		return n
	}
	ok = true
	p.name = string(text[begin+1 : end])
	p.parent = number(4)
	p.own = time.Duration(number(14)+number(15)) * tick
	p.waited = time.Duration(number(16)+number(17)) * tick
	return p, ok
}

func statFile(pid string) string { return filepath.Join("/proc", pid, "stat") }

// ownTime is the CPU time of a process without its children.
func ownTime(pid int) (time.Duration, bool) {
	p, ok := readProcess(statFile(strconv.Itoa(pid)))
	return p.own, ok && pid > 0
}

// familyTime is the CPU time of a process and of all children it ever had.
func familyTime(pid int) (time.Duration, bool) {
	parent, ok := readProcess(statFile(strconv.Itoa(pid)))
	if !ok || pid == 0 {
		return 0, false
	}
	sum := parent.own + parent.waited
	files, err := filepath.Glob(statFile("[0-9]*"))
	for _, file := range files {
		if child, ok := readProcess(file); ok && child.parent == pid {
			sum += child.own + child.waited
		}
	}
	return sum, err == nil
}

// cpuTime is what one side has used: its own process and PostgreSQL's. Of a server that
// is measured alone the one is enough: nobody knows whether it has a PostgreSQL.
type cpuTime struct {
	server, database time.Duration
	known, both      bool
}

func (d *driver) cpu() cpuTime {
	server, ok := ownTime(d.server.PID)
	database, found := familyTime(d.postmaster)
	return cpuTime{server, database, ok && (found || d.alone), ok && found}
}

func (t cpuTime) minus(earlier cpuTime) cpuTime {
	return cpuTime{t.server - earlier.server, t.database - earlier.database, t.known && earlier.known, t.both && earlier.both}
}

// Postmaster finds the first process of the PostgreSQL behind a connection. It returns
// 0 when PostgreSQL runs on another machine, or this one tells nothing of processes.
func Postmaster(ctx context.Context, conn *pgx.Conn) (int, error) {
	var backend int
	if err := conn.QueryRow(ctx, `select pg_backend_pid()`).Scan(&backend); err != nil {
		return 0, fmt.Errorf("find PostgreSQL's process: %w", err)
	}
	p, ok := readProcess(statFile(strconv.Itoa(backend)))
	parent, found := readProcess(statFile(strconv.Itoa(p.parent)))
	if !ok || !found || p.name != "postgres" || parent.name != "postgres" {
		return 0, nil
	}
	return p.parent, nil
}
