package web

import (
	"math"
	"testing"
	"testing/fstest"
)

func TestMachineLimit(t *testing.T) {
	const gib = 1 << 30
	for what, machine := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"nothing known": {nil, math.MaxInt64},
		"no cgroup":     {map[string]string{"proc/meminfo": "MemFree: 1 kB\nMemTotal:       2097152 kB\n"}, 2 * gib},
		"v2": {map[string]string{
			"proc/meminfo": "MemTotal: 2097152 kB\n", "proc/self/cgroup": "0::/a/b\n",
			"sys/fs/cgroup/a/b/memory.max": "1073741824\n",
		}, gib},
		"v2 without a limit": {map[string]string{
			"proc/meminfo": "MemTotal: 2097152 kB\n", "proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n",
		}, 2 * gib},
		"the parent's":      {map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.max": "1073741824", "sys/fs/cgroup/a/b/memory.max": "max"}, gib},
		"a namespace":       {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "1073741824"}, gib},
		"out of it":         {map[string]string{"proc/self/cgroup": "0::/../../x\n", "sys/fs/cgroup/memory.max": "1073741824"}, gib},
		"v1":                {map[string]string{"proc/self/cgroup": "5:cpu:/x\n4:hugetlb,memory:/a\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "1073741824\n"}, gib},
		"v1 of a container": {map[string]string{"proc/self/cgroup": "4:memory:/docker/123\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824\n"}, gib},
		"v1 without":        {map[string]string{"proc/self/cgroup": "4:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 9223372036854771712},
		"nonsense":          {map[string]string{"proc/meminfo": "MemTotal\nMemTotal: -1 kB\nMemTotal: 9223372036854775807 kB", "proc/self/cgroup": "x\n0::\n:::\n", "sys/fs/cgroup/memory.max": "0x10"}, math.MaxInt64},
	} {
		root := fstest.MapFS{}
		for name, text := range machine.files {
			root[name] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := machineLimit(root); got != machine.want {
			t.Errorf("%s: %d, not %d", what, got, machine.want)
		}
	}
}

func FuzzMachineLimit(f *testing.F) {
	f.Add("MemTotal: 2097152 kB\n", "0::/a/b\n", "max\n")
	f.Add("MemTotal:", "4:memory:../\x00/..\n", "1073741824")
	f.Fuzz(func(t *testing.T, meminfo, cgroup, limit string) {
		root := fstest.MapFS{}
		for name, text := range map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": cgroup, "sys/fs/cgroup/memory.max": limit} {
			root[name] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := machineLimit(root); got <= 0 {
			t.Errorf("a limit of %d", got)
		}
	})
}
