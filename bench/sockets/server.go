package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// server is the process that is measured; 0: none, and everything is 0.
type server int

// tick is the unit of /proc/PID/stat on all that Linux runs on.
const tick = 10 * time.Millisecond

// cpu is the time that the process has computed so far.
func (pid server) cpu() (time.Duration, error) {
	if pid == 0 {
		return 0, nil
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", int(pid)))
	if err != nil {
		return 0, err
	}
	// The name, in parentheses, may contain anything.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	const utime, stime = 14 - 3, 15 - 3 // counted from the third
	if len(fields) <= stime {
		return 0, fmt.Errorf("/proc/%d/stat is not what it was", int(pid))
	}
	user, err := strconv.Atoi(string(fields[utime]))
	if err != nil {
		return 0, err
	}
	system, err := strconv.Atoi(string(fields[stime]))
	return time.Duration(user+system) * tick, err
}

// rss is the memory of the process, in bytes.
func (pid server) rss() (int64, error) {
	if pid == 0 {
		return 0, nil
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", int(pid)))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte("VmRSS:")); ok {
			kib, err := strconv.ParseInt(string(bytes.Fields(rest)[0]), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/%d/status has no VmRSS: the process is gone", int(pid))
}
