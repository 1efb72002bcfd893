// Package cgroup tells how much memory the control group of a process may take, as a
// container's or a systemd unit's limit has it, in version 1 and in version 2.
//
// What is done about it is its callers' business.
package cgroup

import (
	"io/fs"
	"math"
	"os"
	"path"
	"strconv"
	"strings"
)

// MemoryLimit is how many bytes this process may take: the least that its group or one of
// those above may. It is not ok when there is no limit, or no control group.
func MemoryLimit() (bytes int64, ok bool) { return memoryLimit(os.DirFS("/")) }

// unlimited is from where on a number means that there is no limit: version 1 writes the
// largest multiple of a page.
const unlimited = 1 << 60

// memoryLimit reads what the file system of a machine says of its process "self".
func memoryLimit(root fs.FS) (bytes int64, ok bool) {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0, false
	}
	mounts, err := fs.ReadFile(root, "proc/self/mountinfo")
	if err != nil {
		return 0, false
	}
	least := int64(math.MaxInt64)
	for line := range strings.Lines(string(mounts)) {
		m, ok := parseMount(line)
		if !ok {
			continue
		}
		if group, ok := m.groupIn(string(groups)); ok {
			least = min(least, m.least(root, group))
		}
	}
	return least, least < unlimited
}

// mount is a mounted hierarchy of control groups that counts memory.
type mount struct {
	root  string // the group that is seen at point
	point string
	v2    bool
}

// parseMount reads a line of proc_pid_mountinfo(5).
func parseMount(line string) (m mount, ok bool) {
	own, super, _ := strings.Cut(strings.TrimSpace(line), " - ")
	fields, of := strings.Fields(own), strings.Fields(super)
	if len(fields) < 5 || len(of) < 3 {
		return m, false
	}
	m = mount{root: fields[3], point: fields[4], v2: of[0] == "cgroup2"}
	return m, m.v2 || of[0] == "cgroup" && hasMemory(of[2])
}

func hasMemory(list string) bool { return strings.Contains(","+list+",", ",memory,") }

// groupIn finds the process's group, as it is called below the mount, in the text of
// /proc/self/cgroup (cgroups(7)).
func (m mount) groupIn(groups string) (group string, ok bool) {
	for line := range strings.Lines(groups) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) < 3 || m.v2 != (parts[0] == "0" && parts[1] == "") || !m.v2 && !hasMemory(parts[1]) {
			continue
		}
		below, found := strings.CutPrefix(parts[2], strings.TrimRight(m.root, "/"))
		if !found {
			below = "/" // a container sees its own group at the mount, whatever it is called outside
		}
		return path.Join("/", below), true
	}
	return "", false
}

// least is the lowest limit of a group and those above it that can be seen.
func (m mount) least(root fs.FS, group string) int64 {
	files := []string{"memory.limit_in_bytes"}
	if m.v2 {
		files = []string{"memory.max", "memory.high"}
	}
	lowest := int64(math.MaxInt64)
	for {
		for _, file := range files {
			text, err := fs.ReadFile(root, strings.TrimPrefix(path.Join(m.point, group, file), "/"))
			if n, fault := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && fault == nil {
				lowest = min(lowest, n) // "max" is no number
			}
		}
		if group == "/" {
			return lowest
		}
		group = path.Dir(group)
	}
}
