package main

import (
	"bytes"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"
)

// memory is what the program takes.
type memory struct {
	rss        int64 // 0 where there is no /proc
	heap       int64
	goroutines int
}

// measure looks when the garbage is gone.
func measure() memory {
	runtime.GC()
	runtime.GC() // what pools keep goes with the second
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return memory{rss: status("VmRSS:"), heap: int64(m.HeapAlloc), goroutines: runtime.NumGoroutine()}
}

// memory fills in what has been added since before.
func (r *result) memory(before, now memory) {
	r.RSS, r.Heap, r.Goroutines = now.rss, now.heap, now.goroutines
	r.RSSEach = (now.rss - before.rss) / int64(r.N)
	r.HeapEach = (now.heap - before.heap) / int64(r.N)
}

// status is a line of /proc/self/status, in bytes.
func status(name string) int64 {
	text, _ := os.ReadFile("/proc/self/status")
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte(name)); ok {
			kib, _ := strconv.ParseInt(string(bytes.Fields(rest)[0]), 10, 64)
			return kib << 10
		}
	}
	return 0
}

// meter measures a phase's CPU time.
type meter struct {
	began       time.Time
	cpu         time.Duration
	collections uint32
}

func start() meter { return meter{time.Now(), cpu(), collections()} }

func (m meter) stop(r result, ops int) {
	r.CPU = 100 * float64(cpu()-m.cpu) / float64(time.Since(m.began))
	r.Collected = int(collections() - m.collections)
	r.print(time.Since(m.began), ops)
}

func collections() uint32 {
	var s debug.GCStats
	debug.ReadGCStats(&s)
	return uint32(s.NumGC)
}

// cpu is the time that the program has computed so far.
func cpu() time.Duration {
	text, _ := os.ReadFile("/proc/self/stat")
	const utime, stime, tick = 14 - 3, 15 - 3, 10 * time.Millisecond // counted from behind the name
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) <= stime {
		return 0
	}
	user, _ := strconv.Atoi(string(fields[utime]))
	system, _ := strconv.Atoi(string(fields[stime]))
	return time.Duration(user+system) * tick
}
