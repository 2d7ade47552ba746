package web

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"iter"
	"math"
	"net/http"
	"os"
	"path"
	"runtime"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

// Memory is a plug that answers requests with 503 and a Retry-After while the program's
// memory is used up, so that some of them are refused and not all of them lost. One Memory
// is for the whole program: Plug for routes that may be refused then, Reserve for those
// that need much.
//
//	memory := new(web.Memory)
//	api := router.Scope("/api", memory.Plug)
//	api.Handle("GET /report", report, memory.Reserve(500<<20))
//
// What counts is what lives, with stacks and what Go needs for itself, and not garbage. It
// is read when a request comes, at most every 100 ms. Go finds out what lives when it
// collects, so if with garbage it is too much, the request that comes next collects, and
// waits for that: at most once a second, and in at most a tenth of the time. Refusing ends
// when a tenth of what is permitted has become free.
//
// Set GOMEMLIMIT, too, to some way below what the container has. Go then collects before
// the kernel kills, and what is not Go's has room.
//
// The counters are web.memory.refused and web.memory.collections.
type Memory struct {
	Limit int64   // in bytes; default the least of GOMEMLIMIT, the cgroup's limit and the machine's memory
	Share float64 // of the limit, above which requests are refused; default 0.9

	mu        sync.Mutex
	machine   int64     // its limit, or the given one
	looked    time.Time // when these were read
	permitted int64     // in bytes
	used      int64     // with garbage
	live      int64     // without, as far as is known
	others    int64     // live, but for what is reserved
	reserved  int64
	refusing  bool

	collecting sync.Mutex
	collect    time.Time // not before
}

// Plug is the plug that refuses requests while memory is short.
func (m *Memory) Plug(next http.Handler) http.Handler { return m.Reserve(0)(next) }

// Reserve makes a plug for handlers of which each needs up to that many bytes: no more of
// them run at once than fit next to all else that lives. The rest is refused; put a
// [Concurrency] before to have them wait. A reservation ends when the handler does. It is
// an estimate, not an allocation: a handler that takes more gets more.
func (m *Memory) Reserve(bytes int64) Plug {
	if m.Limit < 0 || !(m.Share >= 0 && m.Share <= 1) || bytes < 0 {
		panic("web: Memory wants a Share from 0 to 1, and nothing below zero")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.machine == 0 {
		m.machine = cmp.Or(m.Limit, machineLimit(os.DirFS("/")))
		m.look(time.Now())
	}
	if bytes > m.permitted {
		panic(fmt.Sprintf("web: Memory cannot reserve %d MiB: all that is permitted is %d MiB", bytes>>20, m.permitted>>20))
	}
	return func(next http.Handler) http.Handler {
		return within(func(_ *exchange, w http.ResponseWriter, r *http.Request) {
			if !m.take(r.Context(), bytes) {
				telemetry.Count(r.Context(), "web.memory.refused", 1)
				Problem(w, r, fault.Unavailable.Errorf("the server is short of memory; try again later"))
				return
			}
			defer m.giveBack(bytes)
			next.ServeHTTP(w, r)
		})
	}
}

// take reserves the bytes, if they are to be had.
func (m *Memory) take(ctx context.Context, bytes int64) bool {
	if m.short(bytes) {
		m.clean(ctx, bytes > 0)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.over(m.live, bytes) {
		return false
	}
	m.reserved += bytes
	return true
}

func (m *Memory) giveBack(bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reserved -= bytes
}

// short tells that the bytes may not be there, for with garbage it would be too much.
func (m *Memory) short(bytes int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := time.Now(); now.Sub(m.looked) >= 100*time.Millisecond {
		m.look(now)
	}
	return m.over(m.used, bytes)
}

// over tells that a request with that reservation does not fit next to what is in use.
func (m *Memory) over(inUse, bytes int64) bool {
	return inUse >= m.bound() || bytes > 0 && max(inUse, m.others+m.reserved) > m.permitted-bytes
}

func (m *Memory) bound() int64 {
	if m.refusing {
		return m.permitted - m.permitted/10
	}
	return m.permitted
}

// clean collects the garbage, unless that was done just now. If somebody else is at it,
// those who wait wait for the end of it.
func (m *Memory) clean(ctx context.Context, wait bool) {
	if wait {
		m.collecting.Lock()
	} else if !m.collecting.TryLock() {
		return
	}
	defer m.collecting.Unlock()
	start := time.Now()
	if start.Before(m.collect) {
		return
	}
	runtime.GC()
	telemetry.Count(ctx, "web.memory.collections", 1)
	now := time.Now()
	m.collect = now.Add(max(time.Second, 10*now.Sub(start)))
	m.mu.Lock()
	defer m.mu.Unlock()
	m.look(now)
}

// look reads the numbers.
func (m *Memory) look(now time.Time) {
	const total, released, free, objects, live, limit = 0, 1, 2, 3, 4, 5
	samples := [...]metrics.Sample{
		total:    {Name: "/memory/classes/total:bytes"},
		released: {Name: "/memory/classes/heap/released:bytes"},
		free:     {Name: "/memory/classes/heap/free:bytes"},
		objects:  {Name: "/memory/classes/heap/objects:bytes"},
		live:     {Name: "/gc/heap/live:bytes"},
		limit:    {Name: "/gc/gomemlimit:bytes"},
	}
	metrics.Read(samples[:])
	bytes := func(i int) int64 { return int64(samples[i].Value.Uint64()) }

	most := m.machine
	if m.Limit == 0 {
		most = min(most, bytes(limit))
	}
	m.looked, m.permitted = now, int64(float64(most)*cmp.Or(m.Share, 0.9))
	m.used = bytes(total) - bytes(released) - bytes(free)
	m.live = min(m.used, m.used-bytes(objects)+bytes(live))
	if m.reserved == 0 || m.live < m.others {
		m.others = m.live
	}
	m.refusing = m.live >= m.bound()
}

// machineLimit is the least of what the machine has and what the cgroups, v2 or v1, that
// this process is in allow. If neither is known there is none.
func machineLimit(root fs.FS) int64 {
	least := int64(math.MaxInt64)
	for line := range linesOf(root, "proc/meminfo") {
		if name, value, _ := strings.Cut(line, ":"); name == "MemTotal" {
			least = min(least, number(strings.TrimSuffix(value, "kB"), 1<<10))
		}
	}
	for line := range linesOf(root, "proc/self/cgroup") { // as in 0::/system.slice/unit or 4:memory:/unit
		parts := strings.SplitN(line, ":", 3)
		if len(parts) != 3 {
			continue
		}
		dir, file := "sys/fs/cgroup", "memory.max"
		if slices.Contains(strings.Split(parts[1], ","), "memory") {
			dir, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		}
		for group := path.Clean("/" + parts[2]); ; group = path.Dir(group) {
			for line := range linesOf(root, path.Join(dir, group, file)) {
				least = min(least, number(line, 1))
			}
			if group == "/" {
				break
			}
		}
	}
	return least
}

// number is a number of units in bytes; what is none, as "max", is no limit.
func number(text string, unit int64) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n <= 0 || n > math.MaxInt64/unit {
		return math.MaxInt64
	}
	return n * unit
}

// linesOf is the lines of a file, none if it cannot be read.
func linesOf(root fs.FS, name string) iter.Seq[string] {
	text, _ := fs.ReadFile(root, name)
	return strings.SplitSeq(string(text), "\n")
}
