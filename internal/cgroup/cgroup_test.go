package cgroup

import (
	"testing"
	"testing/fstest"
)

const (
	mountV2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"
	mountV1 = "33 30 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n" +
		"34 30 0:31 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
)

func TestMemoryLimit(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		groups, mounts string
		files          map[string]string
		want           int64 // 0 is no limit
	}{
		"version 2": {"0::/app\n", mountV2, map[string]string{"app/memory.max": "536870912\n"}, 512 << 20},
		"version 2, in a group of its own": {
			"0::/\n", mountV2, map[string]string{"memory.max": "1073741824\n"}, 1 << 30,
		},
		"version 2, a group above has less": {
			"0::/pods/one/app\n", mountV2,
			map[string]string{"pods/one/app/memory.max": "max\n", "pods/one/memory.max": "1000\n", "pods/memory.max": "2000\n"},
			1000,
		},
		"version 2, slowed down before the limit": {
			"0::/app\n", mountV2, map[string]string{"app/memory.max": "2000\n", "app/memory.high": "1500\n"}, 1500,
		},
		"version 2, no limit": {"0::/app\n", mountV2, map[string]string{"app/memory.max": "max\n"}, 0},
		"version 2, mounted from its own group": {
			"0::/pods/one\n", "30 23 0:26 /pods/one /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", map[string]string{"memory.max": "7\n"}, 7,
		},
		"version 2, called otherwise outside": {
			"0::/../../other\n", mountV2, map[string]string{"memory.max": "9\n"}, 9,
		},
		"version 1": {
			"5:cpu,cpuacct:/x\n4:memory:/app\n", mountV1,
			map[string]string{"memory/app/memory.limit_in_bytes": "268435456\n", "memory/memory.limit_in_bytes": "9223372036854771712\n"},
			256 << 20,
		},
		"version 1, called otherwise outside": {
			"4:memory:/docker/one\n", "33 30 0:30 /docker/two /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
			map[string]string{"memory/memory.limit_in_bytes": "11\n"},
			11,
		},
		"version 1, no limit": {"4:memory:/\n", mountV1, map[string]string{"memory/memory.limit_in_bytes": "9223372036854771712\n"}, 0},
		"both": {
			"4:memory:/app\n0::/app\n", mountV1 + mountV2, map[string]string{"memory/app/memory.limit_in_bytes": "3\n"}, 3,
		},
		"none": {"", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n", nil, 0},
	} {
		root := fstest.MapFS{
			"proc/self/cgroup":    {Data: []byte(test.groups)},
			"proc/self/mountinfo": {Data: []byte(test.mounts)},
		}
		for file, text := range test.files {
			root["sys/fs/cgroup/"+file] = &fstest.MapFile{Data: []byte(text)}
		}
		if got, ok := memoryLimit(root); ok != (test.want > 0) || ok && got != test.want {
			t.Errorf("%s: %d, %t; want %d", name, got, ok, test.want)
		}
	}
	if got, ok := memoryLimit(fstest.MapFS{}); ok {
		t.Errorf("without /proc: %d", got)
	}
}
