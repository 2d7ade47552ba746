package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cpuTime is what this process has used, and the PostgreSQL server of our own with all the
// processes that it has, or had. On a machine that is not quiet it is steadier than a rate.
func cpuTime(postmaster int) time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // never fails
	total := time.Duration(u.Utime.Nano() + u.Stime.Nano())
	if postmaster == 0 {
		return total
	}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		if pid, parent, ticks, ok := readStat(path); ok && (pid == postmaster || parent == postmaster) {
			total += time.Duration(ticks) * time.Second / hertz
		}
	}
	return total
}

const hertz = 100 // of the ticks that Linux shows

// readStat gives the CPU time of a process and of its children that have ended.
func readStat(path string) (pid, parent, ticks int, ok bool) {
	stat, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, 0, false // it has ended
	}
	pid, _ = strconv.Atoi(filepath.Base(filepath.Dir(path)))
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 15 {
		return 0, 0, 0, false
	}
	number := func(i int) int {
		n, _ := strconv.Atoi(fields[i])
		return n
	}
	return pid, number(1), number(11) + number(12) + number(13) + number(14), true
}
